"""What every file looked like, and whether today's looks like the others."""
