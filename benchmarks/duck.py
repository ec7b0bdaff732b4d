"""A DuckDB within the limits that the measured steps have."""

import os
from pathlib import Path

import duckdb


def duck(file: Path, spill: Path, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a database file; what does not fit into memory goes below `spill`."""
    connection = duckdb.connect(
        str(file),
        read_only=read_only,
        config={
            "memory_limit": os.environ.get("FEEDS_MEMORY_LIMIT") or "2GB",
            "threads": os.environ.get("FEEDS_THREADS") or str(os.cpu_count()),
            "temp_directory": str(spill / "spill"),
        },
    )
    connection.execute("set TimeZone = 'UTC'")
    return connection
