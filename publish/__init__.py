"""Mart to file to gate to package to partner to ledger."""
