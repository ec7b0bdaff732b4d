"""A DuckDB of one's own for one step, within the limits of the environment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from runtime.environment import Limits


@contextmanager
def duck(limits: Limits, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory database that spills into `folder`/.spill when it must.

    Args:
        limits: memory and threads.
        folder: on the disk that has room; made by the caller.
    """
    with duckdb.connect(
        config={
            "memory_limit": limits.memory,
            "threads": limits.threads,
            "temp_directory": str(folder / ".spill"),
            "autoinstall_known_extensions": False,
        }
    ) as connection:
        yield connection


def names(files: list[Path]) -> list[str]:
    """File names as a query parameter."""
    return [str(file) for file in files]
