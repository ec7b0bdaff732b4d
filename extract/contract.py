"""Checks a landing: what commands and models read of `landing/current/SOURCE`.

docs/landing.md describes the contract for those who land by other means than `extract`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Meta

from runtime import duck, formats
from runtime.environment import Limits
from runtime.exits import Refused
from runtime.files import read_json, sha256_of

PROOFS = ("total", "count", "second_reading")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_Count = Annotated[int, Meta(ge=0)]


class _Known(NamedTuple):
    """A field of extract.json: its type, and the words for it."""

    type_: Any
    expected: str
    required: bool = True


_TIME = "a time in UTC, such as 2026-01-15T06:10:00Z"
_STAMP = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]
_RUN_ID = Annotated[str, Meta(pattern=r"^\d{8}T\d{6}Z-[A-Za-z0-9_-]+$")]
_SHA256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
_FIELDS = {
    "run_id": _Known(
        _RUN_ID, "the time of the start in UTC and a mark, as 20260115T055500Z-a1b2c3"
    ),
    "source": _Known(str, "the name of the source"),
    "status": _Known(Literal["complete"], "complete"),
    "started_at": _Known(_STAMP, _TIME),
    "finished_at": _Known(_STAMP, _TIME),
    "entities": _Known(
        Annotated[dict[str, dict[str, Any]], Meta(min_length=1)],
        "an object with one entry for each list",
    ),
    "format": _Known(int, f"{formats.VERSIONS['extract']}", required=False),
    "source_clock": _Known(_STAMP | None, _TIME, required=False),
    "clock_ahead_seconds": _Known(float | None, "seconds", required=False),
}
_NAMES = "a list of names"
_ENTITY = {
    "file": _Known(str, "the name of its Parquet file"),
    "rows": _Known(_Count, "the number of rows"),
    "bytes": _Known(_Count, "the size of the file"),
    "sha256": _Known(_SHA256, "64 hexadecimal digits"),
    "count_after": _Known(
        _Count | None, "how many records the source counts", required=False
    ),
    "proof": _Known(
        Literal[PROOFS] | None, f"one of {', '.join(PROOFS)}", required=False
    ),
    "unrecognised": _Known(
        dict[str, _Count], "unknown fields, each with a number of records", False
    ),
    "absent": _Known(list[str], _NAMES, required=False),
    "unmatched": _Known(list[str], _NAMES, required=False),
    "captions": _Known(list[str], _NAMES, required=False),
}
_COLUMNS = {"_extract_run_id": pa.string(), "_extracted_at": pa.timestamp("us")}


def check(landing: Path, source: str, limits: Limits) -> dict[str, Any]:
    """Check the current landing of a source.

    Args:
        landing: the landing folder.
        source: the name of the source.
        limits: memory and threads for DuckDB.

    Returns:
        The source, its run, and the number of rows of each list.

    Raises:
        Refused: something is not as the contract says; names every file and field.
    """
    errors = [*_errors(landing, source, limits)]
    if errors:
        raise Refused(
            f"the landing of {source} is not as docs/landing.md says: "
            f"{'; '.join(errors)}. Land it again."
        )
    report = read_json(landing / "current" / source / "extract.json")
    rows = {name: entity["rows"] for name, entity in report["entities"].items()}
    unproven = [n for n, entity in report["entities"].items() if not is_proven(entity)]
    return {
        "source": source,
        "run_id": report["run_id"],
        "rows": rows,
        "unproven": unproven,
    }


def is_proven(entity: Mapping[str, Any]) -> bool:
    """Return whether something shows that a list is complete."""
    return entity.get("count_after") is not None or bool(entity.get("proof"))


def _errors(landing: Path, source: str, limits: Limits) -> Iterator[str]:
    link = landing / "current" / source
    if not link.is_symlink():
        there = "a folder" if link.exists() else "nothing"
        yield f"{link}: expected a link to ../<run_id>/{source}, found {there}"
        return
    target = link.readlink()
    parts = target.parts
    if (
        target.is_absolute()
        or len(parts) != 3
        or (parts[0], parts[2]) != ("..", source)
    ):
        yield f"{link}: expected a link to ../<run_id>/{source}, found {target}"
        return
    file = link / "extract.json"
    try:
        report = read_json(file)
    except (OSError, ValueError) as error:
        yield f"{file}: expected a JSON object, found {error}"
        return
    if not _NAME.fullmatch(source):
        yield f"{link}: expected a name of small letters, digits and _, found {source}"
    yield from _field_errors(report, _FIELDS, f"{file}: ")
    for field, value in (("run_id", parts[1]), ("source", source)):
        name = report.get(field)
        if isinstance(name, str) and name != value:
            yield f"{file}: {field}: expected {value}, as in the link, found {name}"
    yield from _order_errors(report, file)
    entities = report.get("entities")
    for name, entity in entities.items() if isinstance(entities, dict) else ():
        if isinstance(entity, dict):
            yield from _entity_errors(link, name, entity, str(parts[1]), limits)


def _order_errors(report: Mapping[str, Any], file: Path) -> Iterator[str]:
    try:
        began, ended = (
            datetime.fromisoformat(report[name])
            for name in ("started_at", "finished_at")
        )
    except (KeyError, TypeError, ValueError):
        return
    if ended < began:
        yield f"{file}: finished_at: expected a time after started_at, found {ended}"


def _field_errors(
    content: Mapping[str, Any], fields: Mapping[str, _Known], where: str
) -> Iterator[str]:
    for name, known in fields.items():
        if name not in content:
            if known.required:
                yield f"{where}{name}: expected {known.expected}, found no such field"
            continue
        try:
            msgspec.convert(content[name], known.type_)
        except msgspec.ValidationError:
            start = str(content[name])[:80]
            yield f"{where}{name}: expected {known.expected}, found {start}"


def _entity_errors(
    folder: Path, name: str, entity: Mapping[str, Any], run_id: str, limits: Limits
) -> Iterator[str]:
    where = f"{folder / 'extract.json'}: entities.{name}."
    errors = [*_field_errors(entity, _ENTITY, where)]
    yield from errors
    if not _NAME.fullmatch(name):
        yield f"{where[:-1]}: expected a name of small letters, digits and _"
    if errors:
        return
    path = folder / entity["file"]
    if entity["file"] != f"{name}.parquet":
        yield f"{where}file: expected {name}.parquet, found {entity['file']}"
        return
    if not path.is_file():
        yield f"{path}: expected a Parquet file, found none"
        return
    for field, value in (("bytes", path.stat().st_size), ("sha256", sha256_of(path))):
        if (there := entity[field]) != value:
            yield f"{where}{field}: expected {value}, as the file has, found {there}"
    if (counted := entity.get("count_after")) not in (None, entity["rows"]):
        yield f"{where}count_after: expected {entity['rows']}, as rows, found {counted}"
    yield from _parquet_errors(path, entity["rows"], where, run_id, limits)


def _parquet_errors(
    path: Path, rows: int, where: str, run_id: str, limits: Limits
) -> Iterator[str]:
    try:
        with pq.ParquetFile(path) as file:
            columns, landed = file.schema_arrow, file.metadata.num_rows
    except (OSError, pa.ArrowException) as error:
        yield f"{path}: expected a Parquet file, found something else ({error})"
        return
    if landed != rows:
        yield f"{where}rows: expected {landed}, as the file has, found {rows}"
    wrong = [*_column_errors(columns, path)]
    yield from wrong
    if wrong:
        return
    with duck.open_session(limits, path.parent) as connection:
        other = connection.execute(
            f"select any_value(_extract_run_id), count(*) filter ("
            f"_extract_run_id is null or _extracted_at is null) "
            f"from {duck.parquet([path])} "
            f"where _extract_run_id is distinct from {duck.text(run_id)} "
            "or _extracted_at is null"
        ).fetchone()
    if other and other[1]:
        yield f"{path}: _extract_run_id, _extracted_at: expected no null, found one"
    elif other and other[0]:
        yield f"{path}: _extract_run_id: expected {run_id}, found {other[0]}"


def _column_errors(columns: pa.Schema, path: Path) -> Iterator[str]:
    for name, type_ in _COLUMNS.items():
        if name not in columns.names:
            yield f"{path}: {name}: expected a column of type {type_}, found none"
        elif columns.field(name).type != type_:
            yield (
                f"{path}: {name}: expected type {type_}, found "
                f"{columns.field(name).type}"
            )
    lower = [each.casefold() for each in columns.names]
    repeated = next(
        (each for each in columns.names if lower.count(each.casefold()) > 1), None
    )
    if repeated:
        yield f"{path}: {repeated}: expected each column name once, found it again"
    nested = [each.name for each in columns if pa.types.is_dictionary(each.type)]
    if nested:
        yield f"{path}: {nested[0]}: expected plain values, found a dictionary"
