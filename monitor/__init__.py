"""Health, drift, and one row's fate, told from what the other commands left.

Parquet, the warehouse, packages and the ledger are the interface; nothing is changed.
"""
