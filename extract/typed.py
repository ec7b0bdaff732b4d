"""Decodes a page into Arrow columns, in one pass, by the types of the entity's fields.

msgspec decodes each record into a struct. Numbers, lists and objects stay the text
that was sent, so that every digit is rows. A page whose values do not have these types
raises `OddPageError`: then SQL reads that page (`columns`), so there is one description
of what is refused.
"""

import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import UNSET, Raw, UnsetType

from extract.entities import Entity, Field, Kind
from extract.strict_json import MAX_DIGITS, count_keys, parse, refuse_hostile
from runtime.exits import Refused

Values = Sequence[Any]
# Name and caption of a custom field; None where it has none.
Slot = tuple[str | None, str | None]

# A source that sends more unknown fields uses its data as names.
_MOST_UNKNOWN = 200
_BIGINT = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_TEXT = str | None


class OddPageError(Exception):
    """A page that the types do not fit, or that may have a repeated key."""


def _struct(name: str, **types: Any) -> Any:
    fields = [(key, type_ | UnsetType, UNSET) for key, type_ in types.items()]
    return msgspec.defstruct(name, fields, gc=False)


_REF = _struct("Ref", Id=_BIGINT | None, Name=_TEXT)
_STAMPS = _struct("Stamps", CreatedDate=_TEXT, ModifiedDate=_TEXT)
_SLOT = _struct("Slot", Name=_TEXT, Caption=_TEXT, Value=_TEXT)
_RAW_SLOT = _struct("RawSlot", Name=_TEXT, Caption=_TEXT, Value=Raw)
_SLOTS = msgspec.json.Decoder[Any](list[list[_SLOT] | None])  # type: ignore[valid-type]
_RAW_SLOTS = msgspec.json.Decoder[Any](
    list[list[_RAW_SLOT] | None]  # type: ignore[valid-type]
)
_VALUE = operator.attrgetter("Value")
_SLOT_PARTS = operator.attrgetter("Name", "Caption", "Value")
_MINUS_ZERO = re.compile(rb":\s*-0\s*[,}]")
_NAMES = msgspec.json.Decoder(list[dict[str, Raw]])
_LISTS = msgspec.json.Decoder(list[list[dict[str, Raw]] | None])

_TYPES: Mapping[Kind, Any] = {
    Kind.INTEGER: _BIGINT | None,
    Kind.NUMBER: Raw,
    Kind.TEXT: _TEXT,
    Kind.BOOLEAN: bool | None,
    Kind.REF: _REF | None,
    Kind.STAMPS: _STAMPS | None,
    Kind.JSON: Raw,
}
# What stands for null where the parts of objects become columns.
_BLANK: Mapping[Kind, Any] = {Kind.REF: _REF(), Kind.STAMPS: _STAMPS()}
_PARTS: Mapping[Kind, Mapping[str, pa.DataType]] = {
    Kind.REF: {"Id": pa.int64(), "Name": pa.string()},
    Kind.STAMPS: {"CreatedDate": pa.string(), "ModifiedDate": pa.string()},
}
_ARROW: Mapping[Kind, pa.DataType] = {
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.string(),
    Kind.TEXT: pa.string(),
    Kind.BOOLEAN: pa.bool_(),
    # Text, not Parquet's JSON: polars reads that as bytes.
    Kind.JSON: pa.string(),
    **{kind: pa.struct(list(parts.items())) for kind, parts in _PARTS.items()},
}


def schema(entity: Entity, custom_fields: Mapping[str, str]) -> pa.Schema:
    """Return the columns of a list: known fields, custom fields, unknown fields."""
    return pa.schema(
        [(known.name, _ARROW[known.kind]) for known in entity.fields]
        + [(column, pa.string()) for column in custom_fields]
        + [("_unrecognised", pa.string())]
    )


def repetitive(entity: Entity, columns: pa.Schema) -> list[str]:
    """Return the Parquet columns whose values are written once for many records."""
    kinds = {known.name: known.kind for known in entity.fields}
    return [
        f"{name}.Name" if kinds.get(name) is Kind.REF else name
        for name in columns.names
        if kinds.get(name, Kind.TEXT) in (Kind.TEXT, Kind.REF)
        and name != "_unrecognised"
    ]


@dataclass(frozen=True, slots=True)
class SlotLayout:
    """The custom fields of a record that has the same ones in the same order as others.

    Attributes:
        names: the name of each custom field.
        captions: the caption of each custom field.
        decoder: refuses a list in which one record has other custom fields.
    """

    names: tuple[str, ...]
    captions: tuple[str, ...]
    decoder: Any

    @classmethod
    def of_first(cls, slots: Iterable[bytes | Raw]) -> "SlotLayout | None":
        """Return the layout of the first record that has custom fields.

        Args:
            slots: the custom fields of each record, as they were sent.
        """
        first = next((text for text in slots if bytes(text) != b"null"), b"[]")
        names, captions = [], []
        for slot in _SLOTS.decode(_joined([first]))[0]:
            if not (isinstance(slot.Name, str) and isinstance(slot.Caption, str)):
                return None
            names.append(slot.Name)
            captions.append(slot.Caption)
        if not names:
            return None
        types = [
            msgspec.defstruct(
                "Slot",
                [
                    ("Name", Literal[name]),
                    ("Caption", Literal[caption]),
                    ("Value", _TEXT),
                ],
                forbid_unknown_fields=True,
                gc=False,
            )
            for name, caption in zip(names, captions, strict=True)
        ]
        record: Any = tuple[tuple(types)]  # type: ignore[misc]
        decoder = msgspec.json.Decoder(list[record | None])
        return cls(tuple(names), tuple(captions), decoder)

    def columns(self, rows: Sequence[Any], wanted: Iterable[str]) -> list[pa.Array]:
        """Return a column for each custom field that is wanted.

        Args:
            rows: what the decoder returned.
            wanted: captions or names; of two slots with one caption the first counts.
        """
        none = [_SLOT(Value=None)] * len(self.names)
        slots = chain.from_iterable([row or none for row in rows])
        cells = [*map(_VALUE, slots)]
        columns = [
            pa.array(cells[place :: len(self.names)], pa.string())
            for place in range(len(self.names))
        ]
        empty = pa.nulls(len(rows), pa.string())
        by_caption = dict(zip(self.captions[::-1], columns[::-1], strict=True))
        by_name = dict(zip(self.names[::-1], columns[::-1], strict=True))
        return [
            _either(by_caption[label].to_pylist(), by_name[label].to_pylist())
            if label in by_caption and label in by_name
            else by_caption.get(label, by_name.get(label, empty))
            for label in wanted
        ]


@dataclass(slots=True)
class PageDecoder:
    """Decodes the pages of one list.

    Attributes:
        entity: the list, with the fields that we know.
        custom_fields: column -> caption or slot name.
        removed: ids of records that are left out.
        presence: each key that records have -> the number of records that have it.
        slots: name and caption of each custom field that records have.
    """

    entity: Entity
    custom_fields: Mapping[str, str]
    removed: frozenset[int]
    presence: Counter[str] = field(default_factory=Counter)
    slots: set[Slot] = field(default_factory=set)
    _unknown: dict[str, str] = field(default_factory=dict)
    _keys: int = 0
    # Whether types describe all of the page, so that it neither nests nor is long.
    _is_typed: bool = True
    _types: dict[str, Any] = field(default_factory=dict)
    _decoder: Any = None
    # The fields of the pages so far, and whether each record had them.
    _usual: dict[str, bool] = field(default_factory=dict)
    _usual_decoder: Any = None
    _layout: SlotLayout | None = None

    # Known fields whose names Python does not allow: attribute -> name, and back.
    _odd_names: dict[str, str] = field(default_factory=dict)
    _attributes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = (known.name for known in self.entity.fields)
        odd = (name for name in names if not name.isidentifier())
        self._odd_names = {f"odd_{number}": name for number, name in enumerate(odd)}
        self._attributes = {name: each for each, name in self._odd_names.items()}
        self._make_decoder()

    def batch(self, body: bytes) -> pa.RecordBatch | None:
        """Return the records of a page as columns of `schema`; None if it has none.

        Args:
            body: a page that `parse_typed_rows` accepts.

        Raises:
            OddPageError: SQL must read the page.
        """
        rows = self._rows(body)
        received = len(rows)
        if self.removed:
            rows = [row for row in rows if getattr(row, "Id", 0) not in self.removed]
        if not rows:
            return None
        pairs: set[Any] = set()
        columns, present = self._columns(rows)
        self._is_typed = True
        self._keys = sum(present.values())
        arrays = [
            self._column(known, columns[known.name], body)
            if present.get(known.name)
            else pa.nulls(len(rows), _ARROW[known.kind])
            for known in self.entity.fields
        ]
        if self.custom_fields:
            slots = columns.get(str(self.entity.custom_fields), [b"null"] * len(rows))
            arrays += self._custom(slots, pairs)
        arrays.append(self._rest(columns, len(rows)))
        if len(rows) < received or self._keys != count_keys(body):
            _raise_if_odd(parse, body)
        elif self.entity.has_ids and not self._is_typed:
            _raise_if_odd(refuse_hostile, body)
        self.slots |= {(name or None, caption or None) for name, caption in pairs}
        for name, count in present.items():
            if count:
                self.presence[self._unknown.get(name, name)] += count
        return pa.RecordBatch.from_arrays(
            arrays, schema=schema(self.entity, self.custom_fields)
        )

    def _make_decoder(self) -> None:
        """Make the decoder of the known fields and of the unknown ones so far."""
        self._types = {known.name: _TYPES[known.kind] for known in self.entity.fields}
        self._types |= dict.fromkeys(self._unknown, Raw)
        self._decoder = self._decoder_of(dict.fromkeys(self._types, False))
        self._usual_decoder = None

    def _decoder_of(self, required: Mapping[str, bool]) -> Any:
        """Make a decoder of records with these fields, and no others."""
        fields = [
            (self._attributes.get(name, name), self._types[name])
            if is_required
            else (
                self._attributes.get(name, name),
                self._types[name] | UnsetType,
                UNSET,
            )
            for name, is_required in required.items()
        ]
        record = msgspec.defstruct(
            "Record",
            fields,
            rename={**self._unknown, **self._odd_names},
            forbid_unknown_fields=True,
            kw_only=True,
            gc=False,
        )
        return msgspec.json.Decoder(list[record])  # type: ignore[valid-type]

    def _rows(self, body: bytes) -> list[Any]:
        with suppress(msgspec.ValidationError):
            if self._usual_decoder:
                return list(self._usual_decoder.decode(body))
        self._usual_decoder = None
        try:
            return list(self._decoder.decode(body))
        except msgspec.ValidationError as error:
            known = {known.name for known in self.entity.fields}
            names = {name for row in _NAMES.decode(body) for name in row}
            new = names - known - {*self._unknown.values()}
            if not new or len(new) + len(self._unknown) > _MOST_UNKNOWN:
                raise OddPageError(str(error)) from None
        for name in sorted(new):
            self._unknown[f"unknown_{len(self._unknown)}"] = name
        self._make_decoder()
        return self._rows(body)

    def _columns(self, rows: Sequence[Any]) -> tuple[dict[str, Values], dict[str, int]]:
        """Return the values of each field, and how many records have the field."""
        values = zip(*map(msgspec.structs.astuple, rows), strict=True)
        fields = rows[0].__struct_fields__
        names = [self._odd_names.get(field_, field_) for field_ in fields]
        columns = dict(zip(names, values, strict=True))
        present = dict.fromkeys(columns, len(rows))
        for name, column in columns.items():
            if self._usual_decoder and self._usual[name]:
                continue
            present[name] -= column.count(UNSET)
            if name not in self._unknown and present[name] < len(rows):
                null = b"null" if self._types[name] is Raw else None
                columns[name] = _without_unset(column, null)
        if not self._usual_decoder:
            for name, count in present.items():
                if count or name in self._usual:
                    is_full = count == len(rows)
                    self._usual[name] = is_full and self._usual.get(name, True)
            self._usual_decoder = self._decoder_of(self._usual)
        return columns, present

    def _column(self, known: Field, values: Values, body: bytes) -> pa.Array:
        kind = known.kind
        if kind in _PARTS:
            return self._objects(kind, values)
        if _TYPES[kind] is not Raw:
            if kind is Kind.INTEGER and 0 in values and _MINUS_ZERO.search(body):
                raise OddPageError("-0 is no whole number")
            return pa.array(values, _ARROW[kind])
        texts = _texts(values)
        if kind is Kind.JSON:
            if not all(first in b"[{n" for first in _first_bytes(texts)):
                raise OddPageError(f"{known.name} is no list")
            if known.name != self.entity.custom_fields:
                self._keys += _keys_of_lists(values)
            if known.name != self.entity.custom_fields or not self.custom_fields:
                self._is_typed = False
        elif _longest(texts) > MAX_DIGITS:
            self._is_typed = False
        return texts

    def _objects(self, kind: Kind, objects: Values) -> pa.Array:
        """Return objects as structs, and count their keys."""
        if (nulls := objects.count(None)) == len(objects):
            return pa.nulls(nulls, _ARROW[kind])
        if nulls:
            empty = pa.array([each is None for each in objects], pa.bool_())
            objects = [_BLANK[kind] if each is None else each for each in objects]
        arrays = []
        for name, type_ in _PARTS[kind].items():
            values: Values = [*map(operator.attrgetter(name), objects)]
            if unset := values.count(UNSET):
                values = _without_unset(values)
            self._keys += len(values) - unset
            arrays.append(pa.array(values, type_))
        fields = [*_ARROW[kind]]
        return pa.StructArray.from_arrays(
            arrays, fields=fields, mask=empty if nulls else None
        )

    def _custom(self, values: Values, pairs: set[Any]) -> list[pa.Array]:
        """Return the custom fields: by caption, or else by slot name."""
        text = _joined(values)
        try:
            rows = self._alike(text, values)
            if rows and self._layout:
                names, labels = self._layout.names, self._layout.captions
                self._keys += 3 * len(names) * (len(rows) - rows.count(None))
                pairs.update(zip(names, labels, strict=True))
                return self._layout.columns(rows, self.custom_fields.values())
            self._is_typed = False
            try:
                lists, raw = _SLOTS.decode(text), False
            except msgspec.ValidationError:
                lists, raw = _RAW_SLOTS.decode(text), True
        except msgspec.ValidationError as error:
            raise OddPageError(str(error)) from None
        # Of two slots with one caption the first one counts: dict takes the last.
        lists = [slots[::-1] if slots else () for slots in lists]
        slots = [*chain.from_iterable(lists)]
        if not slots:
            return [pa.nulls(len(values), pa.string())] * len(self.custom_fields)
        cells: Values
        names, labels, cells = zip(*map(_SLOT_PARTS, slots), strict=True)
        if raw:
            cells = tuple(map(_value_of, cells))
        unset = sum(column.count(UNSET) for column in (names, labels, cells))
        self._keys += 3 * len(slots) - unset
        cells = _without_unset(cells)
        pairs.update(zip(names, labels, strict=True))
        wanted = [*self.custom_fields.values()]
        sizes = [*map(len, lists)]
        by_caption = _columns(wanted, zip(labels, cells, strict=True), sizes)
        if {*wanted}.isdisjoint(names):
            return [pa.array(column, pa.string()) for column in by_caption]
        by_name = _columns(wanted, zip(names, cells, strict=True), sizes)
        return [*map(_either, by_caption, by_name)]

    def _alike(self, text: bytes, slots: Iterable[bytes | Raw]) -> Sequence[Any] | None:
        """Decode custom fields that all records have in one order; else None."""
        with suppress(msgspec.ValidationError):
            if self._layout:
                return list(self._layout.decoder.decode(text))
        with suppress(msgspec.ValidationError):
            self._layout = SlotLayout.of_first(slots)
            if self._layout:
                return list(self._layout.decoder.decode(text))
        return None

    def _rest(self, columns: Mapping[str, Values], number: int) -> pa.Array:
        """Return the unknown fields of each record as they were sent."""
        parts = []
        for field_, name in self._unknown.items():
            if values := columns.get(field_):
                self._is_typed = False
                key = msgspec.json.encode(name) + b":"
                parts.append([b"" if v is UNSET else key + bytes(v) for v in values])
                # Within what we do not know a key may be repeated.
                sent = _joined(value for value in values if value is not UNSET)
                self._keys += count_keys(sent) or 0
        if not parts:
            return pa.nulls(number, pa.string())
        rows = [b",".join(filter(None, row)) for row in zip(*parts, strict=True)]
        texts = [f"{{{row.decode()}}}" if row else None for row in rows]
        return pa.array(texts, pa.string())


def _raise_if_odd(check: Callable[[bytes], object], body: bytes) -> None:
    """Check a page for repeated keys or other hostile JSON, slowly.

    Raises:
        OddPageError: it has some.
    """
    try:
        check(body)
    except (Refused, ValueError) as error:
        raise OddPageError(str(error)) from None


def _joined(values: Iterable[Any]) -> bytes:
    return b"[" + b",".join(values) + b"]"


def _without_unset(values: Values, null: bytes | None = None) -> Values:
    return [null if value is UNSET else value for value in values]


def _texts(values: Values) -> pa.StringArray:
    """Return JSON values as the text that was sent, without a copy of each."""
    ends = np.zeros(len(values) + 1, np.int32)
    np.cumsum(np.fromiter(map(len, values), np.int32, len(values)), out=ends[1:])
    content = b"".join(values)
    # Of all JSON values, only null begins with an n.
    is_value = np.frombuffer(content, np.uint8)[ends[:-1]] != ord("n")
    valid = np.packbits(is_value, bitorder="little")
    buffers = map(pa.py_buffer, (ends, content, valid))
    return pa.StringArray.from_buffers(len(values), *buffers)


def _first_bytes(texts: pa.StringArray) -> set[int]:
    """Return the first byte of each text, where none is empty."""
    _, ends, content = texts.buffers()
    starts = np.frombuffer(ends, np.int32)[:-1]
    return {*np.frombuffer(content, np.uint8)[starts].tolist()}


def _longest(texts: pa.StringArray) -> int:
    """Return the number of bytes of the longest text."""
    return int(np.diff(np.frombuffer(texts.buffers()[1], np.int32)).max())


def _columns(
    labels: Sequence[str], pairs: Iterator[tuple[Any, Any]], sizes: Iterable[int]
) -> list[Values]:
    """Return a column for each label.

    Args:
        labels: the columns that are wanted.
        pairs: label and value of every slot, record after record.
        sizes: the number of slots of each record.
    """
    empty: dict[Any, Any] = dict.fromkeys(labels)
    rows = [empty | dict(islice(pairs, size)) for size in sizes]
    if len(labels) == 1:
        return [[row[labels[0]] for row in rows]]
    return [*zip(*map(operator.itemgetter(*labels), rows), strict=True)]


def _either(column: Iterable[Any], other: Iterable[Any]) -> pa.Array:
    """Return the values of a column, and those of another one where it has none."""
    values = (b if a is None else a for a, b in zip(column, other, strict=True))
    return pa.array(values, pa.string())


def _value_of(value: Any) -> Any:
    """Return the value of a custom field: a text, or else the JSON that was sent."""
    if value is UNSET:
        return value
    text = bytes(value)
    if text == b"null":
        return None
    return msgspec.json.decode(text) if text[:1] == b'"' else text.decode()


def _keys_of_lists(sent: Sequence[Any]) -> int:
    """Count the keys of the objects in lists, each key of an object once."""
    joined = _joined(sent)
    if b'"' not in joined:
        return 0
    try:
        return sum(len(part) for parts in _LISTS.decode(joined) for part in parts or ())
    except msgspec.ValidationError:
        return 0
