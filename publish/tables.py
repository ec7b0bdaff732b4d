"""Opens the tables of a file, and checks that each is as its contract declares."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from publish.settings import Settings
from runtime import duck
from runtime.exits import Refused
from store import mart
from store.feeds import Feed, Relation
from store.feeds.artifacts import Artifacts


@contextmanager
def open_session(
    settings: Settings, artifacts: Artifacts, feed: Feed, work: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a session that has the tables of the last build as `warehouse`.

    Args:
        settings: of the command.
        artifacts: dbt's manifest, which has the contracts.
        feed: the file.
        work: an existing folder, for what does not fit into memory.

    Raises:
        Misuse: nothing was built, or nobody chose one of two engines.
        Refused: a table of the file is missing, changed, or not as its contract says.
        Temporary: dbt is writing the warehouse.
    """
    built = mart.find(settings.place)
    hashed = [relation.name for relation in feed.tables]
    with built.session(settings.limits, work, hashed) as connection:
        if missing := _missing(connection, feed):
            raise Refused(
                f"expected {' and '.join(missing)} in {built.path}, found no such "
                "table: `dbt build` has not made it. Run it, and read its output."
            )
        for relation in feed.tables:
            _check_contract(connection, artifacts, relation, built.path)
        yield connection


def _missing(connection: duckdb.DuckDBPyConnection, feed: Feed) -> list[str]:
    """Return the models of a file whose tables do not exist."""
    existing = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = 'warehouse'"
    ).fetchall()
    return sorted(t.model for t in feed.tables if (t.schema, t.name) not in existing)


def _check_contract(
    connection: duckdb.DuckDBPyConnection,
    artifacts: Artifacts,
    relation: Relation,
    path: Path,
) -> None:
    """Refuse a table with other columns or types than its model's contract.

    dbt checks what it builds. This is about tables that something else wrote, and
    about a manifest that is newer than the tables.
    """
    declared = _contract(connection, artifacts, relation)
    actual = {
        row[0]: row[1]
        for row in connection.execute(f"describe {relation.sql}").fetchall()
    }
    wrong = [
        f"{name} as {declared.get(name, '(none)')}, found {actual.get(name, '(none)')}"
        for name in (*declared, *(actual.keys() - declared.keys()))
        if declared.get(name) != actual.get(name)
    ]
    if declared and wrong:
        raise Refused(
            f"{path}: {relation.model} is not as its contract declares: expected "
            f"{'; '.join(wrong[:3])}. Run `publish build`."
        )


def _contract(
    connection: duckdb.DuckDBPyConnection, artifacts: Artifacts, relation: Relation
) -> Mapping[str, str]:
    """Return the types of an enforced contract by column, in DuckDB's spelling."""
    for node in artifacts.manifest["nodes"].values():
        place = node.get("schema"), node.get("alias")
        contract = node.get("config", {}).get("contract") or {}
        if place == (relation.schema, relation.name) and contract.get("enforced"):
            types = {
                name: column["data_type"] for name, column in node["columns"].items()
            }
            selected = ", ".join(
                f"cast(null as {type_}) as {duck.name(name)}"
                for name, type_ in types.items()
            )
            described = connection.execute(f"describe select {selected}").fetchall()
            return {row[0]: row[1] for row in described}
    return {}
