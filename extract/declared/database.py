"""Tables of a database: one snapshot, in pieces, as JSON that the database writes.

dlt's own reader shortens numbers within JSON, and its Arrow backend refuses a numeric
with more than 9 places. So PostgreSQL writes each row as JSON itself: numbers to the
last digit, times in UTC.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dlt.common.configuration.specs import ConnectionStringCredentials
from dlt.common.exceptions import DltException
from dlt.sources.sql_database.helpers import engine_from_credentials
from msgspec import UNSET
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from extract.declared.declaration import (
    SqlDatabase,
    TableResource,
    path_of,
    proof_of,
    resolved,
)
from extract.declared.reading import Reading, Tick, count_records, settle
from extract.entities import Entity
from extract.transport import HttpLimits, RequestCounts
from runtime.display import beginning, hide
from runtime.environment import Environment, Limits
from runtime.exits import Misuse, Temporary

# SQLSTATE classes that another attempt may fix: connection, rollback, resources,
# operator intervention, system error.
_LATER = ("08", "40", "53", "57", "58")
_WRONG_LOGIN = ("authentication failed", "does not exist", "no password", "no pg_hba")


class Database:
    """A database that is declared; one transaction reads all its tables.

    Args:
        name: of the source.
        declared: its declaration.
        variables: the environment, which has its address.

    Raises:
        Misuse: the address is none of PostgreSQL, or a variable is not set.
    """

    def __init__(
        self, name: str, declared: SqlDatabase, variables: Environment
    ) -> None:
        self._file = path_of(name)
        self._declared = declared
        self.counts = RequestCounts()
        text = resolved(declared.credentials, variables)
        variable = declared.credentials.env
        bounds = variables.settings(HttpLimits, "FEEDS_HTTP_")
        self._list_seconds = bounds.list_seconds
        try:
            credentials = ConnectionStringCredentials(text)
            url = sa.make_url(credentials.to_native_representation())
        except (DltException, SQLAlchemyError, ValueError):
            raise Misuse(
                f"{variable}: expected an address such as postgresql+psycopg://"
                "user:password@host:5432/database, found something else."
            ) from None
        if url.password:
            hide([str(url.password)])
        if url.get_backend_name() != "postgresql":
            raise Misuse(
                f"{variable}: expected postgresql+psycopg://, found "
                f"{url.get_backend_name()}://. Other databases are not tried."
            )
        self.address = f"postgresql://{url.host or ''}/{url.database or ''}"
        self._engine = engine_from_credentials(
            credentials,
            isolation_level="REPEATABLE READ",
            connect_args={"connect_timeout": max(2, round(bounds.timeout))},
            poolclass=sa.pool.NullPool,
        )
        self._connection: Any = None

    def __enter__(self) -> "Database":
        with self._explained():
            self._connection = self._engine.connect()
            self._connection.execution_options(postgresql_readonly=True)
            # In the transaction that reads all tables.
            self._connection.execute(sa.text("set local time zone 'UTC'"))
            limit = f"set local statement_timeout = '{self._list_seconds:.0f}s'"
            self._connection.execute(sa.text(limit))
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def settle(
        self, entity: Entity, resource: TableResource, folder: Path, limits: Limits,
        tick: Tick,
    ) -> tuple[Reading, int]:  # fmt: skip
        """Read one table; the transaction keeps it as it is.

        Args:
            entity: the list, as landing has it.
            resource: its declaration.
            folder: where its pages go.
            limits: not used.
            tick: called once for each page.

        Raises:
            Misuse: there is no such table or column, or no right to read it.
            Temporary: the database is not available.
        """

        def read(number: int) -> Reading:
            reading = Reading(folder / f"read-{number}", tick)
            reading.before = reading.after = self.count(resource)
            for body in self._pages(resource):
                reading.add(body, count_records(body))
            return reading

        return settle(entity, read)

    def count(self, resource: TableResource) -> int | None:
        """Ask how many rows a table has; None if that is not its proof."""
        if proof_of(resource) != "count":
            return None
        query = f"select count(*) from {self._table(resource)}"
        with self._explained():
            return int(self._connection.execute(sa.text(query)).scalar_one())

    def _pages(self, resource: TableResource) -> Iterator[bytes]:
        columns = "*"
        if resource.included_columns is not UNSET:
            columns = ", ".join(map(self._quoted, resource.included_columns))
        query = (
            "select cast(row_to_json(line) as text) "
            f"from (select {columns} from {self._table(resource)}) as line"
        )
        size = self._declared.chunk_size
        with self._explained():
            rows = self._connection.execution_options(yield_per=size).execute(
                sa.text(query.replace(":", r"\:"))
            )
            for chunk in rows.scalars().partitions(size):
                yield f"[{','.join(chunk)}]".encode()

    def _table(self, resource: TableResource) -> str:
        table = resource.name if resource.table is UNSET else resource.table
        schema = self._declared.schema
        parts = [table] if schema is UNSET else [schema, table]
        return ".".join(map(self._quoted, parts))

    def _quoted(self, name: str) -> str:
        return str(self._engine.dialect.identifier_preparer.quote_identifier(name))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what an error of the database means.

        Raises:
            Misuse: the login, a name or a right is wrong.
            Temporary: the database is not available.
        """
        try:
            yield
        except DBAPIError as error:
            message = beginning(str(error.orig), 300)
            state = str(getattr(error.orig, "sqlstate", None) or "")
            lost = not state and not any(word in message for word in _WRONG_LOGIN)
            if lost or state.startswith(_LATER):
                raise Temporary(
                    f"{self.address} is not available: {message}. Nothing has changed "
                    "here; try later."
                ) from None
            raise Misuse(
                f"{self.address}: {message}. Check {self._file} and "
                f"{self._declared.credentials.env}."
            ) from None
