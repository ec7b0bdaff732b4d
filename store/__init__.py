"""What commands leave behind, read and written in one place."""
