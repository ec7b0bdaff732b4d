"""Health, drift, alerts, the page, and the explanation of one row.

Reads what the other commands leave in the data directory, and changes none of it.
"""
