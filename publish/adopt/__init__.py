"""Adopts the file that a partner has from elsewhere as what it holds."""
