"""What every command shares: how it ends, what it reads, how it writes and speaks."""
