"""Writes the pages of a list to one Parquet file: typed, complete or not at all.

`typed` decodes a page. SQL (`columns`) reads a page that is not as it should be: it
says what is wrong, or keeps what it can.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from extract.columns import MACROS, columns_of, records_of
from extract.complete import Complete
from extract.entities import Entity
from extract.pages import Stored, read_page
from extract.strict_json import refuse_hostile
from extract.typed import (
    OddPageError,
    PageDecoder,
    Slot,
    repetitive,
    schema,
)
from runtime.duck import open_session, parquet, text
from runtime.environment import Limits
from runtime.exits import Refused
from runtime.failpoints import failpoint
from runtime.files import atomic_write, sha256_of
from runtime.garbage import no_collection
from runtime.log import LOG

# One record of Order Time is 1-10 KB; DuckDB's own default is 16 MB.
LARGEST_RECORD = 64 * 2**20
# Rows of a row group. Its columns are in memory until it is written.
ROW_GROUP = 60_000
# Bytes of pages.
_DECODED_TOGETHER = 2**20


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
    first: Sequence[Stored],
    reading: Callable[[], Complete],
    target: Path,
    run_id: str,
    custom_fields: Mapping[str, str],
    limits: Limits,
) -> Landed:
    """Write one list to `target` as Parquet (zstd), in the order it was read.

    A reading is written while its keys are compared. If the complete list turns out to
    have other pages, all is written again.

    Args:
        entity: the list, with the fields that we know.
        first: the pages of a reading that may be the complete list, or none.
        reading: waits for the complete list: the pages to land, and the ids that were
            gone at the second reading.
        target: the Parquet file.
        run_id: goes into `_extract_run_id`.
        custom_fields: Parquet column -> caption or slot name of the tenant's field.
        limits: memory and threads for DuckDB.

    Raises:
        Refused: a known field is missing or has another type, a custom field has two
            captions, or a key is repeated; names the field and a record. `target` is
            then untouched.
    """
    decoder = PageDecoder(entity, custom_fields, frozenset())
    with (
        atomic_write(target) as part,
        open_session(limits, target.parent) as connection,
    ):
        connection.execute(MACROS)
        try:
            pages = _completed(first, reading)
            try:
                rows = _write(connection, decoder, pages, run_id, part)
                complete = reading()
            except Exception:
                # What is wrong with these pages need not be in the complete list.
                complete = reading()
                decoder = PageDecoder(entity, custom_fields, complete.removed)
                rows = _write(connection, decoder, complete.pages, run_id, part)
            presence = decoder.presence
            _require(entity, presence)
            _refuse_renamed(entity, decoder.slots, {*custom_fields.values()})
            _check_keys(connection, complete, entity, part)
        except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
            raise Refused(
                f"{entity.full_name}: {_message(error)} Nothing landed."
            ) from None
        captions = {label for slot in decoder.slots for label in slot if label}
        known = {known.name for known in entity.fields}
        failpoint("in-landing")
        return Landed(
            rows,
            part.stat().st_size,
            sha256_of(part),
            {name: n for name, n in sorted(presence.items()) if name not in known},
            tuple(sorted(known - set(presence))) if rows else (),
            tuple(sorted({*custom_fields.values()} - captions)) if rows else (),
            tuple(sorted(captions)),
        )


def _completed(
    first: Sequence[Stored], reading: Callable[[], Complete]
) -> Iterator[Stored]:
    """Yield the pages of a reading, and then what the complete list has beside it.

    Raises:
        _OtherPagesError: the complete list does not have all of the reading.
    """
    yield from first
    complete = reading()
    if complete.removed or complete.pages[: len(first)] != first:
        raise _OtherPagesError
    yield from complete.pages[len(first) :]


class _OtherPagesError(Exception):
    """The pages that were written are not those of the complete list."""


def _write(
    connection: duckdb.DuckDBPyConnection,
    decoder: PageDecoder,
    pages: Iterable[Stored],
    run_id: str,
    part: Path,
) -> int:
    """Write every page to `part`, in row groups; return the number of rows."""
    columns = schema(decoder.entity, decoder.custom_fields)
    columns = columns.append(pa.field("_extract_run_id", pa.string()))
    columns = columns.append(pa.field("_extracted_at", pa.timestamp("us")))
    rows, waiting = 0, 0
    group: list[pa.RecordBatch] = []
    with pq.ParquetWriter(
        part,
        columns,
        compression="zstd",
        store_schema=False,
        use_dictionary=repetitive(decoder.entity, columns),
    ) as writer:
        for read_at, bodies in _together(pages):
            moment = pa.scalar(read_at.replace(tzinfo=None), pa.timestamp("us"))
            for batch in _batches(connection, decoder, bodies):
                more = [pa.repeat(stamp, batch.num_rows) for stamp in (run_id, moment)]
                group.append(
                    pa.RecordBatch.from_arrays([*batch.columns, *more], schema=columns)
                )
                rows += batch.num_rows
                waiting += batch.num_rows
            if waiting >= ROW_GROUP:
                writer.write_table(pa.Table.from_batches(group), waiting)
                group, waiting = [], 0
        if group or not rows:
            writer.write_table(pa.Table.from_batches(group, columns))
    return rows


def _together(
    pages: Iterable[Stored],
) -> Iterator[tuple[datetime, dict[Path, bytes]]]:
    """Yield small pages together: a page costs much, however small it is.

    Yields:
        When the reading of the pages began, and each file with its page.
    """
    bodies: dict[Path, bytes] = {}
    began, size = None, 0
    for read_at, file in pages:
        body = read_page(file)
        if began and (began != read_at or size + len(body) > _DECODED_TOGETHER):
            yield began, bodies
            bodies, size = {}, 0
        bodies[file] = body
        began, size = read_at, size + len(body)
    if began:
        yield began, bodies


def _batches(
    connection: duckdb.DuckDBPyConnection,
    decoder: PageDecoder,
    bodies: Mapping[Path, bytes],
) -> list[pa.RecordBatch]:
    """Return the records of pages; only an odd page is read by SQL."""
    try:
        with no_collection():
            batches = [decoder.batch(_one_page([*bodies.values()]))]
    except (OddPageError, RecursionError) as error:
        if len(bodies) > 1:
            pages = bodies.items()
            return [
                batch
                for file, body in pages
                for batch in _batches(connection, decoder, {file: body})
            ]
        ((file, body),) = bodies.items()
        _refuse_hostile(decoder.entity, body)
        LOG.info("read by SQL", path=file, because=error)
        batches = [_by_sql(connection, decoder, file)]
    return [batch for batch in batches if batch]


def _refuse_hostile(entity: Entity, body: bytes) -> None:
    try:
        refuse_hostile(body)
    except Refused as error:
        raise Refused(f"{entity.full_name}: {error} Nothing landed.") from None


def _one_page(bodies: Sequence[bytes]) -> bytes:
    """Return the records of several pages as one page."""
    if len(bodies) == 1:
        return bodies[0]
    records = (body.strip()[1:-1] for body in bodies)
    return b"[" + b",".join(part for part in records if part.strip()) + b"]"


def _by_sql(
    connection: duckdb.DuckDBPyConnection, decoder: PageDecoder, file: Path
) -> pa.RecordBatch | None:
    """Return the records of one page, each value checked by SQL.

    Raises:
        duckdb.Error: a field has another type, or a key is repeated.
    """
    entity = decoder.entity
    connection.execute(
        f"create or replace temp table records as {_records([file], decoder.removed)}"
    )
    presence = _presence(connection)
    columns = columns_of(entity, decoder.custom_fields, presence)
    table = connection.execute(
        f"select {columns} from ({records_of(entity)})"
    ).to_arrow_table()
    if not table.num_rows:
        return None
    decoder.presence.update(presence)
    if entity.custom_fields:
        decoder.slots |= _slots(connection, entity)
    wanted = schema(entity, decoder.custom_fields)
    arrays = [
        _plain(column.combine_chunks()).cast(field.type)
        for column, field in zip(table.columns, wanted, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def _plain(array: pa.Array) -> pa.Array:
    """Return JSON of DuckDB, an extension type of Arrow, as the text that it is."""
    return array.storage if isinstance(array, pa.ExtensionArray) else array


def _records(files: Sequence[Path], removed: frozenset[int]) -> str:
    """Return a query for the records of pages: as JSON, with the name of the page."""
    names = ", ".join(text(str(file)) for file in files)
    ids = ", ".join(str(identity) for identity in sorted(removed))
    rest = f"where coalesce((json ->> '$.Id')::bigint not in ({ids}), true)"
    return f"""
        select json as record, filename
        from read_json_objects(
            [{names}], format = 'array', filename = true,
            maximum_object_size = {LARGEST_RECORD}
        )
        {rest if ids else ""}
    """


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
            f"{entity.declared_in}."
        )


def _refuse_renamed(entity: Entity, slots: Iterable[Slot], wanted: set[str]) -> None:
    """Refuse a custom field that some records have under another caption.

    Captions belong to the tenant: if a slot has two, it was renamed while the list was
    read, and the rest of the records would have no value in its column.
    """
    captions: dict[str, set[str]] = {}
    for name, caption in slots:
        if name and caption:
            captions.setdefault(name, set()).add(caption)
    for name, several in sorted(captions.items()):
        if len(several) > 1 and several & wanted:
            listed = " and ".join(sorted(map(repr, several))[:3])
            raise Refused(
                f"{entity.full_name}: the custom field {name} has the captions "
                f"{listed}; expected one. Nothing landed. If it was renamed just now, "
                "run extract again, and change `custom_field` in the source's YAML "
                "below models/staging."
            )


def _check_keys(
    connection: duckdb.DuckDBPyConnection,
    complete: Complete,
    entity: Entity,
    part: Path,
) -> None:
    """Refuse a key that is empty or repeated."""
    keys = ", ".join(entity.key)
    landed = parquet([part])
    repeated = connection.execute(
        f"select {keys}, count(*) from {landed} group by all "
        "having count(*) > 1 limit 1"
    ).fetchall()
    if repeated and entity.key_may_repeat:
        _refuse_moved(connection, complete, entity)
    elif repeated:
        raise Refused(
            f"{entity.full_name}: the key {keys} = {repeated[0][:-1]} appears "
            f"{repeated[0][-1]} times; expected once. Nothing landed."
        )
    first = entity.key[0]
    rows, keyed = connection.execute(
        f"select count(*), count({first}) from {landed}"
    ).fetchall()[0]
    # A rule names a stock row without its item. A list without any is another list.
    if keyed < rows and not (entity.key_may_repeat and keyed):
        raise Refused(
            f"{entity.full_name}: {rows - keyed} of {rows} records have no {first}, "
            "which is their key. Nothing landed."
        )


def _refuse_moved(
    connection: duckdb.DuckDBPyConnection, complete: Complete, entity: Entity
) -> None:
    """Refuse a record that two pages have: the list moved, and another is missing."""
    repeated = connection.execute(
        f"select record from ({_records(complete.files, complete.removed)}) "
        f"where whole_number(record ->> '$.{entity.key[0]}') is not null "
        "group by record having count(distinct filename) > 1 limit 1"
    ).fetchall()
    if repeated:
        raise Refused(
            f"{entity.full_name}: the same record is on two pages; expected it once: "
            f"{repeated[0][0][:200]}. Nothing landed."
        )


def _slots(connection: duckdb.DuckDBPyConnection, entity: Entity) -> set[Slot]:
    """Return name and caption of each custom field in `records`."""
    return {
        *connection.execute(f"""
        with slots as (
            select unnest(from_json(
                record -> '{entity.custom_fields}',
                '[{{"Name": "VARCHAR", "Caption": "VARCHAR"}}]'
            )) as slot
            from records
        )
        select distinct nullif(slot.Name, ''), nullif(slot.Caption, '')
        from slots
        where slot is not null
    """).fetchall()
    }


def _message(error: duckdb.Error) -> str:
    """DuckDB's message without its class, first line only."""
    first = str(error).strip().splitlines()[0]
    return re.sub(r"^(Invalid Input|Invalid|Conversion) Error: ?", "", first)
