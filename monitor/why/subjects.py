"""What can be asked about: what the model of an audit declares as meta.why.

A file without such an audit is asked about its own rows, by its key. No module of
`why` names a table or a column of it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from runtime.duck import name
from runtime.exits import Misuse
from store import feeds
from store.feeds.artifacts import Artifacts, meta_of

DECISION = ("status", "output", "reason_code", "reason_codes", "warnings")


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of name that people use for a part or an order.

    Attributes:
        name: what the kind is called.
        condition: SQL over the audit. It may contain $key (as typed), $bare (its
            letters and digits, in capitals), $loose (a pattern that matches it in
            any case, with any separators or none) and $among (a pattern that
            matches it as an entry of a list).
        tables: further tables that the condition reads.
    """

    name: str
    condition: str
    tables: tuple[str, ...] = ()


class Landed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A landed list of a source.

    Attributes:
        entity: the name of the list.
        column: the column with the id of the item or order.
        omit: a column that is slow to read and repeats other columns.
    """

    entity: str
    column: str
    omit: str = ""


class Repeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What rows that repeat each other have in common.

    Attributes:
        code: the reason code that all of them have.
        columns: the columns of the audit with equal values, and for each the SQL that
            is compared, with {} in place of the value.
    """

    code: str
    columns: Mapping[str, str]


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A kind of thing that the rules decide on.

    Attributes:
        name: what one is called, such as part: `part:5` names it by its id.
        source: the source that it comes from.
        audit: the table with every row and its decision.
        id: the audit's column with the id of the item or order, a whole number. A file
            without an audit has none.
        place: further columns that, with the id, identify a row of the audit.
        label: the column with the name that people use.
        keys: the kinds of names, the most certain first.
        likely: columns of the audit that a wrong key is compared with.
        landed: the landed lists with its records.
        details: a table with the parts of it and columns for their faults, if any.
        reasons: the seed of its reason codes; "" for the rows of a file.
        file_key: the columns that identify it in a delivered file; the last one has
            the most values.
        shown: columns that tell a person where it is.
        repeats: what rows that repeat each other have in common.
    """

    name: str
    source: str
    audit: str
    id: str
    place: tuple[str, ...] = ()
    label: str
    keys: tuple[Key, ...]
    likely: tuple[str, ...]
    landed: tuple[Landed, ...]
    details: str | None = None
    reasons: str
    file_key: tuple[str, ...]
    shown: tuple[str, ...]
    repeats: tuple[Repeat, ...] = ()

    @property
    def is_file(self) -> bool:
        """Whether it is about the rows of a file without an audit."""
        return not self.reasons

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of an audit that are read of every row, whatever the key."""
        names = (self.id, *self.place, self.label, *self.file_key, *self.shown)
        return (*dict.fromkeys(names), *DECISION, "extract_run_id")


def read(artifacts: Artifacts) -> tuple[Subject, ...]:
    """Return what the models of a project declare as meta.why, by their names.

    After them come the files whose audit declares nothing, or that have none.

    Raises:
        Misuse: a declaration is wrong.
    """
    models = {
        str(node.get("alias") or node["name"]): meta_of(node)["why"]
        for node in artifacts.manifest["nodes"].values()
        if node["resource_type"] == "model" and "why" in meta_of(node)
    }
    about = [_subject(each, models[each]) for each in sorted(models)]
    others = {
        feed.exposure: _rows_of(feed)
        for feed in feeds.declared(artifacts).feeds
        if (feed.audit is None or feed.audit.name not in models) and feed.key
    }
    return (*about, *others.values())


def _rows_of(feed: feeds.Feed) -> Subject:
    """Return the rows of a file that has no audit; they have no number."""
    matching = "regexp_full_match(cast({} as varchar), $loose)"
    return Subject(
        name=feed.exposure,
        source="",
        audit=feed.model.name,
        id="_number",
        place=feed.key,
        label=feed.key[-1],
        keys=tuple(Key(each, matching.format(name(each))) for each in feed.key),
        likely=feed.key,
        landed=(),
        reasons="",
        file_key=feed.key,
        shown=feed.key,
    )


def _subject(audit: str, declared: Any) -> Subject:
    if not isinstance(declared, dict):
        raise Misuse(f"{audit}: meta.why: expected fields, found {declared!r}")
    try:
        return msgspec.convert({**declared, "audit": audit}, Subject)
    except msgspec.ValidationError as error:
        raise Misuse(f"{audit}: meta.why: {error}. Nothing was asked.") from None
