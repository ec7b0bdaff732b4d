"""Decodes a page into Arrow columns, in one pass, by the types of the entity's fields.

msgspec decodes each record into a struct. Numbers, lists and objects stay the text
that was sent, so that every digit is rows. A page whose values do not have these types
raises `OddPageError`: then SQL reads that page (`columns`), so there is one description
of what is refused.
"""

import operator
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Annotated, Any, Literal

import msgspec
import pyarrow as pa
from msgspec import UNSET, Raw, UnsetType

from extract.entities import Entity, Field, Kind
from extract.strict_json import count_keys, parse
from runtime.exits import Refused

Values = Sequence[Any]
# Name and caption of a custom field; None where it has none.
Slot = tuple[str | None, str | None]

# A source that sends more unknown fields uses its data as names.
_MOST_UNKNOWN = 200
# JSON has no raw control characters, so this separates values.
_SEPARATOR = "\x00"
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
_TYPES_OF_PARTS = {Kind.REF: _REF, Kind.STAMPS: _STAMPS}
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
        cells = [*map(_VALUE, chain.from_iterable(filter(None, rows)))]
        columns = [
            pa.array(cells[place :: len(self.names)], pa.string())
            for place in range(len(self.names))
        ]
        if None in rows:
            place = iter(range(len(rows)))
            places = pa.array([row and next(place) for row in rows], pa.int64())
            columns = [column.take(places) for column in columns]
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
    _unknown: list[str] = field(default_factory=list)
    _keys: int = 0
    _decoder: Any = None
    _values: Any = None
    _layout: SlotLayout | None = None

    def __post_init__(self) -> None:
        self._make_decoder()

    def batch(self, body: bytes) -> pa.RecordBatch | None:
        """Return the records of a page as columns of `schema`; None if it has none.

        Raises:
            OddPageError: SQL must read the page.
        """
        rows = self._rows(body)
        received = len(rows)
        if self.removed:
            rows = [row for row in rows if getattr(row, "Id", 0) not in self.removed]
        if not rows:
            return None
        self._keys = 0
        pairs: set[Any] = set()
        columns = list(zip(*map(self._values, rows), strict=True))
        present = [len(rows) - values.count(UNSET) for values in columns]
        arrays = [
            self._column(known, values, count, body)
            for known, values, count in zip(
                self.entity.fields, columns, present, strict=False
            )
        ]
        names = [known.name for known in self.entity.fields]
        if self.custom_fields:
            place = names.index(str(self.entity.custom_fields))
            arrays += self._custom(columns[place], pairs)
        arrays.append(self._rest(columns[len(names) :], len(rows)))
        if len(rows) < received or self._keys + sum(present) != count_keys(body):
            _parse(body)
        self.slots |= {(name or None, caption or None) for name, caption in pairs}
        for name, count in zip([*names, *self._unknown], present, strict=True):
            if count:
                self.presence[name] += count
        return pa.RecordBatch.from_arrays(
            arrays, schema=schema(self.entity, self.custom_fields)
        )

    def _make_decoder(self) -> None:
        """Make the decoder of the known fields and of the unknown ones so far."""
        types = {known.name: _TYPES[known.kind] for known in self.entity.fields}
        unknown = {f"unknown_{n}": name for n, name in enumerate(self._unknown)}
        types |= dict.fromkeys(unknown, Raw)
        record = msgspec.defstruct(
            "Record",
            [(name, type_ | UnsetType, UNSET) for name, type_ in types.items()],
            rename=unknown,
            forbid_unknown_fields=True,
            gc=False,
        )
        self._decoder = msgspec.json.Decoder(list[record])  # type: ignore[valid-type]
        self._values = operator.attrgetter(*types)

    def _rows(self, body: bytes) -> list[Any]:
        try:
            return list(self._decoder.decode(body))
        except msgspec.ValidationError as error:
            known = {known.name for known in self.entity.fields}
            names = {name for row in _NAMES.decode(body) for name in row}
            new = names - known - {*self._unknown}
            if not new or len(new) + len(self._unknown) > _MOST_UNKNOWN:
                raise OddPageError(str(error)) from None
        self._unknown += sorted(new)
        self._make_decoder()
        return self._rows(body)

    def _column(
        self, known: Field, values: Values, present: int, body: bytes
    ) -> pa.Array:
        kind = known.kind
        if not present:
            return pa.nulls(len(values), _ARROW[kind])
        if kind is Kind.NUMBER:
            return pa.array(_texts(values), pa.string())
        if kind is Kind.JSON:
            texts = _texts(values)
            if any(text and text[0] not in "[{" for text in texts):
                raise OddPageError(f"{known.name} is no list")
            if known.name != self.entity.custom_fields:
                self._keys += _keys_of_lists(texts)
            return pa.array(texts, pa.string())
        if present < len(values):
            values = _without_unset(values)
        if kind in _PARTS:
            return self._object(kind, values)
        if kind is Kind.INTEGER and 0 in values and _MINUS_ZERO.search(body):
            raise OddPageError("-0 is no whole number")
        return pa.array(values, _ARROW[kind])

    def _object(self, kind: Kind, values: Values) -> pa.Array:
        missing = values.count(None)
        if missing == len(values):
            return pa.nulls(missing, _ARROW[kind])
        mask = None
        parts = _PARTS[kind]
        if missing:
            mask = pa.array([value is None for value in values])
            empty = _TYPES_OF_PARTS[kind](*[None] * len(parts))
            values = [empty if value is None else value for value in values]
        columns = list(zip(*map(operator.attrgetter(*parts), values), strict=True))
        unset = [column.count(UNSET) for column in columns]
        self._keys += len(parts) * (len(values) - missing) - sum(unset)
        arrays = [
            pa.array(_without_unset(column) if count else column, type_)
            for column, count, type_ in zip(columns, unset, parts.values(), strict=True)
        ]
        return pa.StructArray.from_arrays(arrays, fields=list(_ARROW[kind]), mask=mask)

    def _custom(self, values: Values, pairs: set[Any]) -> list[pa.Array]:
        """Return the custom fields: by caption, or else by slot name."""
        sent = [b"null" if value is UNSET else value for value in values]
        text = _joined(sent)
        try:
            rows = self._alike(text, sent)
            if rows and self._layout:
                names, labels = self._layout.names, self._layout.captions
                self._keys += 3 * len(names) * (len(rows) - rows.count(None))
                pairs.update(zip(names, labels, strict=True))
                return self._layout.columns(rows, self.custom_fields.values())
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
            cells = tuple(map(_sent, cells))
        unset = sum(column.count(UNSET) for column in (names, labels, cells))
        self._keys += 3 * len(slots) - unset
        if unset:
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

    def _rest(self, columns: Sequence[Values], number: int) -> pa.Array:
        """Return the unknown fields of each record as they were sent."""
        if not columns:
            return pa.nulls(number, pa.string())
        parts = []
        for name, values in zip(self._unknown, columns, strict=True):
            key = msgspec.json.encode(name) + b":"
            parts.append([b"" if v is UNSET else key + bytes(v) for v in values])
            # Within what we do not know a key may be repeated.
            self._keys += count_keys(_joined(v for v in values if v is not UNSET)) or 0
        rows = [b",".join(filter(None, row)) for row in zip(*parts, strict=True)]
        texts = [f"{{{row.decode()}}}" if row else None for row in rows]
        return pa.array(texts, pa.string())


def _parse(body: bytes) -> None:
    """Check a page for repeated keys, slowly.

    Raises:
        OddPageError: it has one.
    """
    try:
        parse(body)
    except (Refused, ValueError) as error:
        raise OddPageError(str(error)) from None


def _joined(values: Iterable[Any]) -> bytes:
    return b"[" + b",".join(values) + b"]"


def _without_unset(values: Values) -> Values:
    return [None if value is UNSET else value for value in values]


def _texts(values: Values) -> list[str | None]:
    """Return values as the text that was sent; null is None."""
    sent = [b"null" if value is UNSET else value for value in values]
    texts = _SEPARATOR.encode().join(sent).decode().split(_SEPARATOR)
    return [None if text == "null" else text for text in texts]


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


def _sent(value: Any) -> Any:
    """Return the value of a custom field: a text, or else the JSON that was sent."""
    if value is UNSET:
        return value
    text = bytes(value)
    if text == b"null":
        return None
    return msgspec.json.decode(text) if text[:1] == b'"' else text.decode()


def _keys_of_lists(texts: Sequence[str | None]) -> int:
    """Count the keys of the objects in lists, each key of an object once."""
    joined = _joined((text or "null").encode() for text in texts)
    if b'"' not in joined:
        return 0
    try:
        return sum(len(part) for parts in _LISTS.decode(joined) for part in parts or ())
    except msgspec.ValidationError:
        return 0
