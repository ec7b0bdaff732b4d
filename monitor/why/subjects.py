"""What can be asked about: what the model of an audit declares as meta.why.

No module of `why` names a table or a column of it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from runtime.exits import Misuse
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
        id: the audit's column with the id of the item or order, a whole number.
        place: further columns that, with the id, identify a row of the audit.
        label: the column with the name that people use.
        keys: the kinds of names, the most certain first.
        likely: columns of the audit that a wrong key is compared with.
        landed: the landed lists with its records.
        details: a table with the parts of it and columns for their faults, if any.
        reasons: the seed of its reason codes.
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
    def columns(self) -> tuple[str, ...]:
        """The columns of an audit that are read of every row, whatever the key."""
        names = (self.id, *self.place, self.label, *self.file_key, *self.shown)
        return (*dict.fromkeys(names), *DECISION, "extract_run_id")


def read(artifacts: Artifacts) -> tuple[Subject, ...]:
    """Return what the models of a project declare as meta.why, by their names.

    Raises:
        Misuse: a declaration is wrong.
    """
    models = {
        str(node.get("alias") or node["name"]): meta_of(node)["why"]
        for node in artifacts.manifest["nodes"].values()
        if node["resource_type"] == "model" and "why" in meta_of(node)
    }
    return tuple(_subject(name, models[name]) for name in sorted(models))


def _subject(audit: str, declared: Any) -> Subject:
    if not isinstance(declared, dict):
        raise Misuse(f"{audit}: meta.why: expected fields, found {declared!r}")
    try:
        return msgspec.convert({**declared, "audit": audit}, Subject)
    except msgspec.ValidationError as error:
        raise Misuse(f"{audit}: meta.why: {error}. Nothing was asked.") from None
