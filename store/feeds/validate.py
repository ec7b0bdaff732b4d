"""Every error of an exposure's declaration: its field, what is expected, what is there.

`errors` compares the meta with `Declaration`, and with the models that it names.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from runtime.cadence import Cron
from runtime.exits import Misuse
from store import records
from store.dialect import REQUIRED, UNUSED, Dialect
from store.feeds import file_names
from store.feeds.declaration import Declaration, DeltaFile
from store.feeds.travel import Travel

Models = Mapping[str, Mapping[str, Any]]
# Types with exactly one text form. A DOUBLE has several, such as 1e-07 and 0.0000001.
_TYPES = re.compile(
    r"varchar|text|string|boolean|date|timestamp|timestamptz|timestamp with time zone"
    r"|tinyint|smallint|int|integer|bigint|hugeint"
    r"|(decimal|numeric)\(\s*\d+\s*,\s*\d+\s*\)"
)
_OPTIONAL = {each.name for each in msgspec.structs.fields(Dialect) if not each.required}
_NUMERIC = re.compile(r"int|decimal|numeric")
_WORDS = {
    "`str`": "text", "`int`": "a whole number", "`float`": "a number",
    "`bool`": "true or false", "`array`": "a list", "`object`": "fields",
    "`float | object`": "a number, or share and least",
    "a list of length >= 1": "at least one", "text of length >= ": "text as long as ",
    " >= ": " of at least ",
    " <= ": " of at most ", " > ": " above ",
}  # fmt: skip


def errors(meta: Mapping[str, Any], models: Models) -> list[str]:
    """Return what is wrong in the meta of an exposure.

    Args:
        meta: as declared.
        models: the manifest's models that the exposure depends on, by name.
    """
    wrong = [*shape_errors(meta)]
    names = [*_name_errors(meta, models)]
    rest = [] if wrong else [*_contradictions(meta, models)]
    # A field that is wrong itself needs no word about its place among others.
    return [*wrong, *_of_other_fields(names, wrong), *_of_other_fields(rest, names)]


def _of_other_fields(errors: list[str], known: list[str]) -> list[str]:
    fields = {each.partition(":")[0] for each in known}
    return [each for each in errors if each.partition(":")[0] not in fields]


def shape_errors(meta: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is not as `Declaration` has it."""
    yield from _struct_errors(meta, Declaration, "")
    if isinstance(dialect := meta.get("dialect"), Mapping):
        yield from _fields_of_format(dialect)
    try:
        zone = meta.get("time_zone", "UTC")
        if isinstance(cadence := meta.get("cadence"), str) and isinstance(zone, str):
            Cron.parse(cadence, "cadence", zone)
    except Misuse as problem:
        yield str(problem)


def _fields_of_format(dialect: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields that the format of a dialect lacks, or does not have."""
    format_ = dialect.get("format", "delimited")
    for field in REQUIRED.get(str(format_), ()):
        if field not in dialect and field in _OPTIONAL:
            yield error(f"dialect.{field}", "a value", "none")
    for field in UNUSED.get(str(format_), ()):
        if field in dialect:
            expected = f"no such field with format {format_}"
            yield error(f"dialect.{field}", expected, dialect[field])


def _struct_errors(
    fields: Mapping[str, Any], type_: type[Struct], path: str
) -> Iterator[str]:
    known = {field.encode_name: field for field in _fields(type_)}
    for name in fields:
        if name not in known:
            some = nearest(name, known) or f"the fields are {', '.join(known)}"
            yield f"{path}{name}: there is no such field; {some}"
    for name, field in known.items():
        if name in fields:
            yield from _value_errors(fields[name], field.type, path + name)
        elif field.required:
            yield error(path + name, "a value", "none")


def _value_errors(value: object, type_: Any, path: str) -> Iterator[str]:
    struct = _part(type_, _is_struct)
    named = _part(type_, lambda part: get_origin(part) is dict)
    if struct and named and isinstance(value, Mapping) and value:
        for name, each in value.items():
            yield from _value_errors(each, struct, f"{path}.{name}")
        return
    if struct:
        errors = [
            line
            for each in _records(value)
            for line in _struct_errors(each, struct, f"{path}.")
        ]
        if errors:
            yield from errors
            return
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError as problem:
        message, _, item = str(problem).partition(" - at `$")
        item = item.rstrip("`")
        if (index := item.strip("[]")).isdecimal() and isinstance(value, list):
            value = value[int(index)]
        yield error(path + item, _expected(message, type_), value)
        return
    if isinstance(value, list) and not struct and len({*value}) < len(value):
        yield error(path, "each name once", value)


def _expected(message: str, type_: Any) -> str:
    """Say in words what msgspec expected of a value."""
    if choice := _part(type_, lambda part: get_origin(part) is Literal):
        return "one of " + ", ".join(map(json.dumps, get_args(choice)))

    def described(part: Any) -> bool:
        if not isinstance(part, Meta) or not part.description:
            return False
        if part.pattern is None:
            return "<=" in message or ">=" in message
        return f"regex {part.pattern!r}" in message

    if meta := _part(type_, described):
        return str(meta.description)
    expected = message.removeprefix("Expected ").partition(", got")[0]
    for word, plain in _WORDS.items():
        expected = expected.replace(word, plain)
    return expected.removesuffix(".0")


def nearest(name: object, names: Iterable[str]) -> str:
    """Return "perhaps" and the name that is most like another; "" if none is."""
    from difflib import get_close_matches

    near = get_close_matches(str(name), names, 1)
    return f"perhaps {near[0]}" if near else ""


@cache
def _fields(type_: type[Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(type_)


def _records(value: object) -> list[Mapping[str, Any]]:
    """Return the fields of a struct, or of each struct of a list."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, Mapping)]


def _part(type_: Any, is_meant: Callable[[Any], object]) -> Any:
    """Return the first part of a type, such as of a union, that is meant."""
    if is_meant(type_):
        return type_
    parts = (_part(part, is_meant) for part in get_args(type_))
    return next(filter(None, parts), None)


def _is_struct(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, Struct)


def error(field: str, expected: str, value: object) -> str:
    """Write one error."""
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return f"{field}: expected {expected}, found {value[:120]}"


def _name_errors(meta: Mapping[str, Any], models: Models) -> Iterator[str]:
    """Yield each model and column that is named and does not exist."""
    model = str(meta.get("model"))
    existing = {"model": models, "column": _columns(model, models)}
    kinds = {"model": "a model it depends on", "column": f"a column of {model}"}
    for field, kind, name in _names(meta, Declaration, ""):
        if existing[kind] and name not in existing[kind]:
            near = nearest(name, existing[kind])
            yield error(field, ", ".join(filter(None, (kinds[kind], near))), name)


def _columns(model: str, models: Models) -> Models:
    columns: Models = models.get(model, {}).get("columns", {})
    return columns


def _contradictions(meta: Mapping[str, Any], models: Models) -> Iterator[str]:
    """Yield what cannot be so beside other fields, or with the columns of the model."""
    yield from _own_errors(meta)
    columns = _columns(meta["model"], models)
    if meta["model"] in models:
        yield from _column_errors(meta, columns)
        yield from _operation_errors(meta, columns)
        yield from _format_errors(meta, columns)
        yield from _record_errors(meta, columns)
    if meta.get("audit") in models:
        yield from _audit_errors(meta, models[meta["audit"]]["columns"])


def _names(
    fields: Mapping[str, Any], type_: type[Struct], path: str
) -> Iterator[tuple[str, str, str]]:
    """Yield each name of a model or a column: its field, which of the two, the name."""
    for field in _fields(type_):
        value, place = fields.get(field.encode_name), path + field.encode_name
        extra = _part(field.type, lambda part: isinstance(part, Meta) and part.extra)
        if struct := _part(field.type, _is_struct):
            for each in _records(value):
                yield from _names(each, struct, f"{place}.")
        elif value is not None and extra:
            names = [value] if isinstance(value, str) else value
            names = names.values() if isinstance(names, Mapping) else names
            for name in names if isinstance(names, Iterable) else ():
                if isinstance(name, str):
                    yield place, extra.extra["names"], name


def _column_errors(meta: Mapping[str, Any], columns: Models) -> Iterator[str]:
    if not columns:
        yield error("model", "a contract with columns", "none")
    for column in columns.values():
        if not _TYPES.fullmatch(type_of(column)):
            yield error(
                f"model, column {column['name']}",
                "a data_type with one text form, such as varchar or decimal(18,2)",
                type_of(column) or "none",
            )
    for name in meta.get("changes", {}).get("ignore", ()):
        if name in meta["key"]:
            yield error("changes.ignore", "no column of key", name)
    for name in meta.get("changes", {}).get("measures", ()):
        if name in columns and not _NUMERIC.search(kind := type_of(columns[name])):
            yield error("changes.measures", "a numeric column", kind)


def _record_errors(meta: Mapping[str, Any], columns: Models) -> Iterator[str]:
    """Yield what header and trailer records name that the file does not have."""
    written = [name for name in columns if name not in meta.get("omit", ())]
    for field in ("header_records", "trailer_records"):
        texts = tuple(meta["dialect"].get(field, ()))
        if records.has(texts, "split") and "split_by" not in meta:
            yield error(f"dialect.{field}", "the field split_by beside {split}", "none")
        if records.has(texts, "sequence") and not file_names.has(
            meta["file"], "sequence"
        ):
            expected = "{sequence} in the field file as well"
            yield error(f"dialect.{field}", expected, meta["file"])
        for name in records.sums(texts):
            if name not in written:
                yield error(f"dialect.{field}", "a column that is written", name)
            elif not _NUMERIC.search(kind := type_of(columns[name])):
                yield error(f"dialect.{field}", f"numbers in {name}", kind)


def _operation_errors(meta: Mapping[str, Any], columns: Models) -> Iterator[str]:
    """Yield where the columns of a file of changes are not as it needs them."""
    if "delta" not in meta:
        return
    operation = meta["delta"].get("column", "operation")
    if operation in columns:
        expected = f"another name than those of the columns of {meta['model']}"
        yield error("delta.column", expected, operation)
    if omitted := {*meta["sort"], *meta["key"]} & {*meta.get("omit", ())}:
        yield error("delta", "sort and key of written columns", sorted(omitted))


def _format_errors(meta: Mapping[str, Any], columns: Models) -> Iterator[str]:
    """Yield where the format of a column is not for its type, or not for the file."""
    formats, encoding = meta.get("columns", {}), meta["dialect"]["encoding"]
    written = [name for name in columns if name not in meta.get("omit", ())]
    is_json = meta["dialect"].get("format") == "jsonl"
    for name, format_ in formats.items():
        place = f"columns.{name}"
        for field in {"decimal_char", "group_char"} & {*format_} if is_json else ():
            yield error(f"{place}.{field}", "none with format jsonl", format_[field])
        if name not in written:
            yield error(place, f"a column of {meta['model']} that is written", name)
            continue
        kind = type_of(columns[name])
        yield from _type_errors(place, format_, kind, meta["dialect"])
        for field, value in format_.items():
            if isinstance(value, str) and not encodable(value, encoding):
                yield error(f"{place}.{field}", f"characters of {encoding}", value)
    yield from _width_errors(meta, columns, written)
    headers = [formats.get(name, {}).get("header", name) for name in written]
    if repeated := sorted({each for each in headers if headers.count(each) > 1}):
        yield error("columns", "each header once", repeated)


def _width_errors(
    meta: Mapping[str, Any], columns: Models, written: list[str]
) -> Iterator[str]:
    """Yield where a column has no width, or one that it must not have."""
    formats = meta.get("columns", {})
    if meta["dialect"].get("format") != "fixed":
        for name in written:
            for field in {"width", "start", "align", "pad"} & {*formats.get(name, ())}:
                place = f"columns.{name}.{field}"
                yield error(place, "dialect.format: fixed beside it", "none")
        return
    end = 1
    for name in written:
        format_, place = formats.get(name, {}), f"columns.{name}"
        if "width" not in format_:
            yield error(f"{place}.width", "a width, as dialect.format is fixed", "none")
        start = format_.get("start", end)
        if start < end:
            expected = f"at least {end}, where the column before it ends"
            yield error(f"{place}.start", expected, start)
        is_number = bool(_NUMERIC.search(type_of(columns[name])))
        align = format_.get("align", "right" if is_number else "left")
        if format_.get("pad") == "0" and align == "left":
            yield error(f"{place}.pad", "a blank with align: left", "0")
        end = start + format_.get("width", 0)


def _type_errors(
    place: str, format_: Mapping[str, Any], kind: str, dialect: Mapping[str, Any]
) -> Iterator[str]:
    for field in ("decimal_char", "group_char", "places"):
        if field in format_ and not _NUMERIC.search(kind):
            yield error(f"{place}.{field}", "a column of numbers", kind)
    if "format" in format_ and kind == "boolean":
        true, _, false = format_["format"].partition("|")
        if not true or not false or "|" in false or true == false:
            yield error(f"{place}.format", "words such as Y|N", format_["format"])
    elif "format" in format_ and not kind.startswith(("date", "timestamp")):
        yield error(f"{place}.format", "a column of dates, times or booleans", kind)
    mark = format_.get("decimal_char", dialect.get("decimal_char", "."))
    if format_.get("group_char") == mark:
        yield error(f"{place}.group_char", "another mark than decimal_char", mark)
    scale = re.search(r",\s*(\d+)", kind)
    least = int(scale[1]) if scale else 0
    if format_.get("places", least) < least:
        expected = f"at least {least}, as {kind} has them; round in the model"
        yield error(f"{place}.places", expected, format_["places"])


def _audit_errors(meta: Mapping[str, Any], columns: Models) -> Iterator[str]:
    # Other tools count and look up the rows of audit.csv by these columns.
    split_by = meta.get("split_by")
    is_counted = "max_review_share" in meta["guards"]
    if is_counted and split_by and columns and split_by not in columns:
        column = f"the column {split_by} in {meta['audit']}"
        yield error("guards.max_review_share", column, "none")
    confirmed = [each["column"] for each in meta.get("confirm", ())]
    for name in (*meta["key"], *confirmed) if confirmed and columns else ():
        if name not in columns:
            yield error("confirm", f"the column {name} in {meta['audit']}", "none")
    audit_key = meta.get("audit_key", ())
    for name in audit_key if columns else ():
        if name not in columns:
            yield error("audit_key", f"a column of {meta['audit']}", name)
    needed = {"status", "output", "reason_code", "reason_codes", *meta["key"]}
    needed |= {*audit_key}
    for name in meta.get("audit_omit", ()):
        if name in needed:
            yield error("audit_omit", "no key, status or reason", name)
        elif name not in columns:
            yield error("audit_omit", f"a column of {meta['audit']}", name)


def _own_errors(meta: Mapping[str, Any]) -> Iterator[str]:
    """Yield where one field contradicts another."""
    guards, dialect = meta["guards"], meta["dialect"]
    across_splits = guards.get("keys_stay", {}).get("across_splits")
    for field, is_used, needed in (
        ("audit_omit", "audit_omit" in meta, "audit"),
        ("audit_key", "audit_key" in meta, "audit"),
        ("guards.max_review_share", "max_review_share" in guards, "audit"),
        ("guards.max_unassigned", "max_unassigned" in guards, "audit"),
        ("confirm", "confirm" in meta, "audit"),
        ("guards.max_unassigned", "max_unassigned" in guards, "split_by"),
        ("open", "open" in meta, "split_by"),
        ("guards.keys_stay.across_splits", across_splits, "split_by"),
        ("final_full_on_close", meta.get("final_full_on_close"), "open"),
        ("state", meta["state"] != meta["model"], "replaces_by"),
        ("vanished", "vanished" in meta, "audit"),
        ("vanished", "vanished" in meta, "replaces_by"),
        (
            "vanished",
            "vanished" in meta and "keys_stay" not in guards,
            "guards.keys_stay",
        ),
    ):
        if is_used and needed not in meta:
            yield error(field, f"the field {needed} beside it", "none")
    yield from _dialect_errors(dialect)
    yield from _file_name_errors(meta)
    yield from _destination_errors(meta)
    yield from _delta_errors(meta)
    if missing := set(meta["key"]) - set(meta["sort"]):
        yield error(
            "sort", "every key column", f"it lacks {', '.join(sorted(missing))}"
        )
    if ("{split}" in meta["file"]) != ("split_by" in meta):
        yield error("file", "{split} exactly where split_by is", meta["file"])
    if "sequence_from" in meta and not file_names.has(meta["file"], "sequence"):
        yield error("sequence_from", "{sequence} in the field file", meta["file"])
    if meta.get("pickup", {}).get("removes") is False:
        yield error("pickup.removes", "true", False)
    confirmed = [each["column"] for each in meta.get("confirm", ())]
    if len({*confirmed}) < len(confirmed):
        yield error("confirm", "each column once", confirmed)
    changes = meta.get("changes", {})
    shown = {*changes.get("measures", ()), changes.get("group")}
    if omitted := shown & {*meta.get("omit", ())}:
        yield error("changes", "columns that are written", sorted(omitted))
    keys = {*meta.get("feedback", {}).get("key", {}).values()}
    if omitted := keys & {*meta.get("omit", ())}:
        yield error("feedback.key", "columns that are written", sorted(omitted))


def _destination_errors(meta: Mapping[str, Any]) -> Iterator[str]:
    """Yield where further destinations are not possible."""
    further = [each["destination"] for each in meta.get("also", ())]
    names = [meta["destination"], *further]
    if len({*names}) < len(names):
        yield error("also", "each destination once", names)
    elif "also" in meta and "replaces_by" in meta:
        expected = (
            "one destination of a file that replaces rows by a key, as changes are "
            "found by what one partner has; declare another exposure with a state "
            "model of its own for the other partner"
        )
        yield error("also", expected, names)


def _delta_errors(meta: Mapping[str, Any]) -> Iterator[str]:
    """Yield what cannot be so beside `delta`."""
    if "delta" not in meta:
        return
    for field, why in (
        ("replaces_by", "whose readers keep what a file does not name"),
        (
            "split_by",
            "as a row whose value changes would be removed by one file and added by "
            "another, which may be held or read first; declare an exposure and a model "
            "for each value",
        ),
    ):
        if field in meta:
            yield error("delta", f"no {field} beside it, {why}", meta[field])
    words = msgspec.convert(meta["delta"], DeltaFile).words
    if len({*words}) < len(words):
        yield error("delta", "three words that differ", ", ".join(words))
    fields = ("timestamp", "date", "sequence")
    if not any(file_names.has(meta["file"], field) for field in fields):
        expected = (
            "{timestamp}, {date} or {sequence} in a name beside delta, as a file that "
            "was not read yet must not be replaced"
        )
        yield error("file", expected, meta["file"])
    if meta["when_empty"] == "refuse":
        expected = (
            '"skip" or "send" beside delta; guards.min_rows refuses an empty mart'
        )
        yield error("when_empty", expected, "refuse")
    age = meta["guards"].get("max_age", {}).get("column")
    if age in meta.get("changes", {}).get("ignore", ()):
        expected = (
            "a column that is not in changes.ignore beside delta, as the partner keeps "
            "its values; guards.max_source_age reads no column"
        )
        yield error("guards.max_age.column", expected, age)


def _file_name_errors(meta: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the name that travels cannot be made of that of the file."""
    yield from _workbook_errors(meta)
    file, travel = meta["file"], Travel.read(meta)
    for field in ("compress", "workbook"):
        ending = meta.get(field, {}).get("replaces")
        if ending and not file.endswith(ending):
            yield error(f"{field}.replaces", f"the ending of {file}", ending)
        elif ending and travel.packed(file) == file:
            yield error(f"{field}.replaces", "another ending than suffix", ending)
    ending = meta.get("marker", {}).get("replaces")
    sent = travel.file(file)
    if ending and not sent.endswith(ending):
        yield error("marker.replaces", f"the ending of {sent}", ending)
    elif travel.marked(file) in (file, sent):
        yield error("marker", "another name than that of the file", sent)


def _workbook_errors(meta: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a workbook is not made of."""
    if "workbook" not in meta:
        return
    if "compress" in meta:
        yield error("workbook", "no compress beside it", "both")
    kind = meta["dialect"].get("format", "delimited")
    if kind != "delimited":
        yield error("workbook", "dialect.format: delimited beside it", kind)
    elif meta["dialect"]["null_text"] and meta["dialect"]["quoting"] != "all":
        null = meta["dialect"]["null_text"]
        yield error("workbook", 'dialect.null_text "" beside it', null)
    for name in {"header_records", "trailer_records"} & {*meta["dialect"]}:
        yield error("workbook", f"no dialect.{name} beside it", "both")


def _dialect_errors(dialect: Mapping[str, Any]) -> Iterator[str]:
    """Yield where one field of the dialect contradicts another."""
    if dialect.get("format") == "jsonl":
        if dialect["encoding"] != "utf-8":
            yield error(
                "dialect.encoding", "utf-8 with format jsonl", dialect["encoding"]
            )
    elif dialect.get("format") == "fixed":
        if (breaks := dialect.get("line_breaks", "keep")) != "blank":
            yield error("dialect.line_breaks", '"blank" with format fixed', breaks)
    elif dialect["escape"] != dialect["quote"] and dialect["quoting"] != "all":
        yield error("dialect.quoting", '"all" with this escape', dialect["quoting"])
    yield from _encoding_errors(dialect)
    for field in ("header_records", "trailer_records"):
        for each in dialect.get(field, ()):
            if part := records.wrong(each):
                yield error(f"dialect.{field}", records.EXPECTED, part)


def _encoding_errors(dialect: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is not for the encoding."""
    encoding = dialect["encoding"]
    has_all = encoding.startswith("utf-")
    if dialect.get("byte_order_mark") and not has_all:
        yield error("dialect.byte_order_mark", f"false with {encoding}", True)
    if "unencodable" in dialect and has_all:
        value = dialect["unencodable"]
        yield error("dialect.unencodable", f"none, as {encoding} has all", value)
    for field, value in dialect.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str) and not encodable(each, encoding):
                yield error(f"dialect.{field}", f"characters of {encoding}", each)


def encodable(value: str, encoding: str) -> bool:
    """Return whether an encoding has every character of a text."""
    try:
        value.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def type_of(column: Mapping[str, Any]) -> str:
    """Return a column's data_type in lower case, with single spaces."""
    return " ".join((column.get("data_type") or "").lower().split())
