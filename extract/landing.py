"""Writes the pages of a list to one Parquet file: typed, complete or not at all."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from extract.columns import MACROS, columns_of, records_of
from extract.complete import Complete
from extract.entities import Entity
from runtime.duck import open_session
from runtime.environment import Limits
from runtime.exits import Refused
from runtime.files import atomic_write, sha256_of

# One record of Order Time is 1-10 KB; DuckDB's own default is 16 MB.
LARGEST_RECORD = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Landed:
    """What was landed of one list; becomes its entry in extract.json.

    Attributes:
        rows: how many records the Parquet file holds.
        unrecognised: fields that we do not know, with the number of records.
        absent: known fields that no record carries.
        unmatched: custom fields that are configured but that no record carries.
        captions: names and captions of the custom fields that records carry.
    """

    rows: int
    bytes: int
    sha256: str
    unrecognised: dict[str, int] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()


def land(
    entity: Entity,
    complete: Complete,
    target: Path,
    run_id: str,
    custom_fields: Mapping[str, str],
    limits: Limits,
) -> Landed:
    """Write one list to `target` as Parquet (zstd), in the order it was read.

    Args:
        entity: the list, with the fields that we know.
        complete: the pages to land, and the ids that were gone at the second reading.
        target: the Parquet file.
        run_id: goes into `_extract_run_id`.
        custom_fields: Parquet column -> caption or slot name of the tenant's field.
        limits: memory and threads for DuckDB.

    Raises:
        Refused: a known field is missing or has another type, or a key is repeated;
            names the field and a record. `target` is then untouched.
    """
    with (
        atomic_write(target) as part,
        open_session(limits, target.parent) as connection,
    ):
        connection.execute(MACROS)
        try:
            _view(connection, complete)
            presence = _presence(connection)
            _require(entity, presence)
            _copy(
                connection,
                entity,
                complete.listing.read_at,
                run_id,
                custom_fields,
                presence,
                part,
            )
            rows = _check_keys(connection, entity, part)
            captions = _captions(connection, part) if rows and custom_fields else ()
        except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
            raise Refused(
                f"{entity.full_name}: {_message(error)} Nothing landed."
            ) from None
        known = {known.name for known in entity.fields}
        return Landed(
            rows,
            part.stat().st_size,
            sha256_of(part),
            {name: n for name, n in sorted(presence.items()) if name not in known},
            tuple(sorted(known - set(presence))) if rows else (),
            tuple(sorted({*custom_fields.values()} - {*captions})) if rows else (),
            captions,
        )


def _view(connection: duckdb.DuckDBPyConnection, complete: Complete) -> None:
    files = ", ".join(f"'{_text(file)}'" for file in complete.files)
    removed = (
        ", ".join(str(identity) for identity in sorted(complete.removed)) or "null"
    )
    connection.execute(f"""
        create temp view records as
        select json as record, filename
        from read_json_objects(
            [{files}], format = 'array', filename = true,
            maximum_object_size = {LARGEST_RECORD}
        )
        where coalesce((json ->> '$.Id')::bigint not in ({removed}), true)
    """)


def _presence(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Every key that any record has, with the number of records that have it."""
    rows = connection.execute("""
        select key, count(*)
        from (select unnest(json_keys(record)) as key from records)
        group by key
    """).fetchall()
    return dict(rows)


def _require(entity: Entity, presence: Mapping[str, int]) -> None:
    missing = [
        known.name
        for known in entity.fields
        if known.required and presence and known.name not in presence
    ]
    if missing:
        raise Refused(
            f"{entity.full_name}: the known field {missing[0]} is missing: expected it "
            f"in the {entity.label}, found only {', '.join(sorted(presence))}. "
            "Nothing landed. If the source has renamed it, name it in "
            "extract/entities.py."
        )


def _copy(
    connection: duckdb.DuckDBPyConnection,
    entity: Entity,
    read_at: datetime,
    run_id: str,
    custom_fields: Mapping[str, str],
    presence: Mapping[str, int],
    part: Path,
) -> None:
    columns = columns_of(entity, custom_fields, presence)
    stamp = read_at.strftime("%Y-%m-%d %H:%M:%S")
    connection.execute(f"""
        copy (
            select
                {columns},
                '{run_id}' as _extract_run_id,
                timestamp '{stamp}' as _extracted_at
            from ({records_of(entity)})
        )
        to '{_text(part)}' (format parquet, compression zstd)
    """)


def _check_keys(
    connection: duckdb.DuckDBPyConnection, entity: Entity, part: Path
) -> int:
    """Count the rows; refuse a key that is empty or repeated."""
    keys = ", ".join(entity.key)
    twice = connection.execute(
        f"""
        select {keys}, count(*) from read_parquet(?) group by all
        having count(*) > 1 limit 1
    """,
        [str(part)],
    ).fetchall()
    if twice and entity.key_may_repeat:
        _refuse_moved(connection, entity)
    elif twice:
        raise Refused(
            f"{entity.full_name}: the key {keys} = {twice[0][:-1]} appears "
            f"{twice[0][-1]} times; expected once. Nothing landed."
        )
    empty, rows = connection.execute(
        f"select count(*) filter ({entity.key[0]} is null), count(*) "
        "from read_parquet(?)",
        [str(part)],
    ).fetchall()[0]
    if empty:
        raise Refused(
            f"{entity.full_name}: {empty} records have no {entity.key[0]}, which is "
            "their key. Nothing landed."
        )
    return int(rows)


def _refuse_moved(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """Refuse a record that two pages have: the list moved, and another is missing."""
    twice = connection.execute("""
        select record from records group by record
        having count(distinct filename) > 1 limit 1
    """).fetchall()
    if twice:
        raise Refused(
            f"{entity.full_name}: the same record is on two pages; expected it once: "
            f"{twice[0][0][:200]}. Nothing landed."
        )


def _captions(connection: duckdb.DuckDBPyConnection, part: Path) -> tuple[str, ...]:
    """Return the names and captions of the custom fields that records carry."""
    names = connection.execute(
        """
        with slots as (
            select distinct unnest(from_json(
                CustomFields, '[{"Name": "VARCHAR", "Caption": "VARCHAR"}]'
            )) as slot
            from read_parquet(?)
        )
        select slot.Name from slots union select slot.Caption from slots
    """,
        [str(part)],
    ).fetchall()
    return tuple(sorted(name for (name,) in names if name))


def _message(error: duckdb.Error) -> str:
    """DuckDB's message without its class, first line only."""
    first = str(error).strip().splitlines()[0]
    return re.sub(r"^(Invalid Input|Invalid|Conversion) Error: ?", "", first)


def _text(path: Path) -> str:
    """A path inside a SQL string."""
    return str(path).replace("'", "''")
