"""Two looks at the warehouse at once: what does not wait for each other runs together.

On a busy machine a process with two threads at work is given more of it.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import duckdb

T = TypeVar("T")


@dataclass(slots=True)
class Beside:
    """Runs looks at the warehouse, each through a connection of its own.

    Attributes:
        connection: the warehouse.
    """

    connection: duckdb.DuckDBPyConnection
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=2)
    )

    def begin(self, look: Callable[[duckdb.DuckDBPyConnection], T]) -> "Future[T]":
        """Begin a look; its answer, or its error, is in what is returned."""
        return self._pool.submit(self._look, look)

    def _look(self, look: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        with self.connection.cursor() as cursor:
            # A setting is of one connection.
            cursor.execute("set TimeZone = 'UTC'")
            return look(cursor)
