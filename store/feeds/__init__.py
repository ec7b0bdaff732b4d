"""The list of files, read from dbt's manifest: an exposure has a `Feed` a destination.

The feed of the first destination has the name of the exposure. That of another one,
`parts@mirror`, has deliveries, checks and a place in the ledger of its own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from runtime.cadence import Cron
from runtime.exits import Misuse
from store.dialect import PLAIN, ColumnFormat, Dialect, Position
from store.feeds import file_names, validate
from store.feeds.artifacts import Artifacts, meta_of, primary_key, sources_below
from store.feeds.collisions import collisions
from store.feeds.declaration import FIELDS, DeltaFile
from store.feeds.travel import Travel
from store.feeds.validate import error, type_of
from store.package import is_reserved

_DECIMAL = re.compile(r"(?:decimal|numeric)\(\s*\d+\s*,\s*(\d+)\s*\)")


class Column(msgspec.Struct, frozen=True):
    """One column of a contract; `type` is DuckDB's name of it, in lower case."""

    name: str
    type: str
    description: str
    format: ColumnFormat = PLAIN

    @property
    def header(self) -> str:
        """Its name in the file."""
        return self.format.header or self.name

    @property
    def scale(self) -> int | None:
        """Decimal places of its type; None if it is no number."""
        if match := _DECIMAL.fullmatch(self.type):
            return int(match[1])
        return 0 if self.type.endswith("int") or self.type == "integer" else None


def positions(columns: Sequence[Column]) -> tuple[Position, ...]:
    """Return where each column of a file of fixed widths is."""
    places, end = [], 1
    for column in columns:
        usual = "left" if column.scale is None else "right"
        width = column.format.width or 0
        start = column.format.start or end
        places.append(Position(start, width, column.format.align or usual))
        end = start + width
    return tuple(places)


class Relation(msgspec.Struct, frozen=True):
    """A table in the warehouse, and the model that made it.

    A table of a session alone has no schema.
    """

    model: str
    schema: str
    name: str

    @property
    def sql(self) -> str:
        """Its name in a session of `runtime.duck`."""
        if not self.schema:
            return f'temp."{self.name}"'
        return f'warehouse."{self.schema}"."{self.name}"'


class Open(msgspec.Struct, frozen=True):
    """Which split values get a file: `since` <= logical time < `until`."""

    relation: Relation
    since: str
    until: str
    final: bool


class Feed(msgspec.Struct, frozen=True):
    """One delivered file, as its exposure declares it; see `declaration.Declaration`.

    Attributes:
        name: of the exposure; with @ and the destination for each after the first.
        sources: names of the sources below it that `extract` lands.
        state_columns: all columns of the state model; `columns` are those written.
        primary_key: the key columns that are written, if no two rows share them.
        audit_key: columns of the audit that name a row of the source.
        confirm: the code of rows that wait for a person, by the column of the value.
        replaces_by: the key whose rows a file replaces; () if it replaces all rows.
        mode: permissions at the partner in octal; None if the server decides.
        travel: how it leaves, and under which name.
        delta: how a file of changes to a snapshot is written; None for other files.
        guards, changes, drift, pickup, feedback, vanished: as declared.
    """

    name: str
    unique_id: str
    title: str
    description: str
    sources: tuple[str, ...]
    model: Relation
    audit: Relation | None
    audit_omit: tuple[str, ...]
    audit_key: tuple[str, ...]
    state: Relation
    columns: tuple[Column, ...]
    state_columns: tuple[Column, ...]
    file: str
    sequence_from: int
    split_by: str | None
    open: Open | None
    dialect: Dialect
    sort: tuple[str, ...]
    key: tuple[str, ...]
    primary_key: tuple[str, ...]
    suite: str
    cadence: Cron
    when_empty: str
    when_unchanged: str
    guards: Mapping[str, Any]
    confirm: Mapping[str, str]
    changes: Mapping[str, Any]
    destination: str
    folder: str
    manifest: str
    drift: Mapping[str, Any]
    replaces_by: tuple[str, ...]
    vanished: Mapping[str, Any]
    travel: Travel
    mode: str | None = None
    pickup: Mapping[str, Any] | None = None
    feedback: Mapping[str, Any] | None = None
    delta: DeltaFile | None = None

    @property
    def is_whole(self) -> bool:
        """Whether a file has all rows of its state, and not changes to them."""
        return self.state == self.model and self.delta is None

    @property
    def exposure(self) -> str:
        """The name of its exposure."""
        return exposure_of(self.name)

    @property
    def tables(self) -> tuple[Relation, ...]:
        """All that it reads of the warehouse."""
        opened = self.open.relation if self.open else None
        read = (self.model, self.audit, self.state, opened)
        return tuple(dict.fromkeys(relation for relation in read if relation))

    @property
    def repeats_its_name(self) -> bool:
        """Whether a file replaces the last one: its name has neither time nor day."""
        fields = ("timestamp", "date", "sequence")
        return not any(file_names.has(self.file, field) for field in fields)

    @property
    def is_numbered(self) -> bool:
        """Whether its names have a sequence number."""
        return file_names.has(self.file, "sequence")

    def folder_in(self, environment: str) -> str:
        """Fill the folder's pattern."""
        return self.folder.replace("{environment}", environment)

    def file_name(
        self,
        at: datetime,
        environment: str,
        split: str | None,
        number: int | None = None,
    ) -> str:
        """Fill the pattern of the name.

        Args:
            at: the logical time, UTC.
            environment: dev, uat or prod.
            split: the split value, if the feed is split.
            number: of the delivery, if names have a sequence number.

        Raises:
            Misuse: the name cannot be one, or the number has too many digits.
        """
        values = {
            "timestamp": f"{at:%Y%m%dT%H%M%SZ}",
            "date": f"{at:%Y-%m-%d}",
            "environment": environment,
            "split": split or "",
            "sequence": str(number or 0),
        }
        name = file_names.fill(self.file, values)
        for field, width in file_names.parts(self.file):
            if field == "sequence" and width and len(values[field]) > int(width):
                raise Misuse(
                    f"exposure {self.name}: the number {number} has more than the "
                    f"{width} digits of {{sequence:0>{width}}} in the name of the "
                    "file. Agree on a longer name with the partner."
                )
        # The split value is data: it must not leave the folder, hide the file, or
        # break a command line of a protocol.
        names = [name, self.travel.file(name)]
        if self.travel.marker:
            names.append(self.travel.marked(name))
        longest = max(len(each.encode()) for each in names)
        if re.search(r"^[.~-]|[/\\\x00-\x1f\x7f]", name) or longest > 200:
            raise Misuse(
                f"exposure {self.name}: {name!r} cannot be a file name; expected at "
                "most 200 bytes, without / \\ or control characters, not starting "
                "with . ~ or -"
            )
        if any(map(is_reserved, names)):
            raise Misuse(
                f"exposure {self.name}: {name} cannot be the name of the file, because "
                "every package has a file of its own with this name"
            )
        return name


def exposure_of(name: str) -> str:
    """Return the name of the exposure of a feed."""
    return name.partition("@")[0]


class Declared(msgspec.Struct, frozen=True):
    """What the exposures of a project declare.

    Attributes:
        feeds: those that are declared rightly, sorted by name.
        errors: of each other exposure, by its name: every error, with its field.
    """

    feeds: tuple[Feed, ...]
    errors: Mapping[str, Sequence[str]]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the exposures that are declared rightly."""
        return tuple(dict.fromkeys(feed.exposure for feed in self.feeds))

    def named(self, name: str) -> tuple[Feed, ...]:
        """Return the feeds of an exposure, or the one of NAME@DESTINATION; () if none.

        The first destination may be named like the others.
        """
        return tuple(
            feed
            for feed in self.feeds
            if name in (feed.name, feed.exposure, f"{feed.exposure}@{feed.destination}")
        )

    def refusal(self, *names: str) -> Misuse:
        """Return the error of exposures that are declared wrongly; default all."""
        lines = [
            f"exposure {name}, field {each}."
            for name in names or self.errors
            for each in self.errors[name]
        ]
        return Misuse(
            "\n".join(lines) + "\nCorrect config.meta of the exposure, "
            "until `publish lint` finds no error; docs/exposures.schema.json explains "
            "every field. Then run `dbt build`."
        )


def read(artifacts: Artifacts) -> tuple[Feed, ...]:
    """Return every feed that the manifest declares, sorted by name.

    Raises:
        Misuse: declarations are wrong; has every error, with exposure and field.
    """
    project = declared(artifacts)
    if project.errors:
        raise project.refusal()
    return project.feeds


def declared(artifacts: Artifacts) -> Declared:
    """Return the feeds of the manifest, and the errors of those declared wrongly.

    An exposure is a feed if its meta has a field of `declaration.Declaration`; others,
    such as dashboards, are skipped. One that could write a file of the same name as
    another one is wrong, and so is the other.
    """
    feeds: list[Feed] = []
    errors: dict[str, list[str]] = {}
    holders: dict[str, list[str]] = {}
    metas: dict[str, Mapping[str, Any]] = {}
    for unique_id, exposure in sorted(artifacts.manifest["exposures"].items()):
        meta = meta_of(exposure)
        if not meta.keys() & FIELDS:
            continue
        ids = _models_above(artifacts, unique_id)
        models = {name: artifacts.node(id_) for name, id_ in ids.items()}
        wrong = validate.errors(meta, models)
        if not wrong:
            own = [
                _feed(artifacts, unique_id, name, exposure, each, ids)
                for name, each in _by_destination(exposure["name"], meta)
            ]
            feeds += own
            metas |= dict(_by_destination(exposure["name"], meta))
            if own[0].delta and {*own[0].primary_key} != {*own[0].key}:
                expected = (
                    "columns that a data test holds unique and not_null beside delta"
                )
                wrong = [error("key", expected, list(own[0].key))]
            there = sorted(feed.destination for feed in own)
            state = own[0].state.model
            holder = holders.setdefault(state, there)
            if holder != there:
                have = f"{' and '.join(holder)} {'have' if holder[1:] else 'has'}"
                model = f"{state}, which {have} too"
                wrong = [error("state", "a model that one partner has", model)]
        if wrong:
            errors.setdefault(exposure["name"], []).extend(wrong)
    for name, other in collisions(metas):
        expected = f"names that no file of the exposure {exposure_of(other)} can have"
        path = f"{metas[name]['folder']} {metas[name]['file']}"
        wrong = errors.setdefault(exposure_of(name), [])
        if (line := error("file", expected, path)) not in wrong:
            wrong.append(line)
    good = tuple(feed for feed in feeds if feed.exposure not in errors)
    return Declared(good, errors)


def _by_destination(
    name: str, meta: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name of each feed of an exposure, with the fields for it alone."""
    one = {field: value for field, value in meta.items() if field != "also"}
    yield name, one
    for each in meta.get("also", ()):
        yield f"{name}@{each['destination']}", {**one, **each}


def _models_above(artifacts: Artifacts, unique_id: str) -> Mapping[str, str]:
    """Return the unique ids of the models that an exposure depends on, by name.

    Two versions of a model share its name; each has an alias of its own.
    """
    above = {id_: artifacts.node(id_) for id_ in artifacts.ancestors(unique_id)}
    return {
        node[word]: id_
        for word in ("name", "alias")
        for id_, node in above.items()
        if node["resource_type"] == "model"
    }


def _feed(
    artifacts: Artifacts,
    unique_id: str,
    name: str,
    exposure: Mapping[str, Any],
    meta: Mapping[str, Any],
    ids: Mapping[str, str],
) -> Feed:

    def relation(model: str) -> Relation:
        node = artifacts.node(ids[model])
        return Relation(model, node["schema"], node["alias"])

    formats = msgspec.convert(meta.get("columns", {}), dict[str, ColumnFormat])

    def columns(model: str) -> tuple[Column, ...]:
        return tuple(
            Column(
                column["name"],
                type_of(column),
                " ".join((column.get("description") or "").split()),
                formats.get(column["name"], PLAIN),
            )
            for column in artifacts.node(ids[model])["columns"].values()
        )

    period = meta.get("open", {})
    return Feed(
        name=name,
        unique_id=unique_id,
        title=exposure.get("label") or exposure["name"],
        description=" ".join((exposure.get("description") or "").split()),
        sources=tuple(sources_below(artifacts, unique_id)),
        model=relation(meta["model"]),
        audit=relation(meta["audit"]) if "audit" in meta else None,
        audit_omit=tuple(meta.get("audit_omit", ())),
        audit_key=tuple(meta.get("audit_key", ())) or _audit_key(artifacts, ids, meta),
        state=relation(meta["state"]),
        columns=tuple(
            column
            for column in columns(meta["model"])
            if column.name not in meta.get("omit", ())
        ),
        state_columns=columns(meta["state"]),
        file=meta["file"],
        sequence_from=meta.get("sequence_from", 1),
        split_by=meta.get("split_by"),
        open=Open(
            relation(period["model"]),
            period["from"],
            period["until"],
            meta.get("final_full_on_close", False),
        )
        if period
        else None,
        dialect=msgspec.convert(meta["dialect"], Dialect),
        sort=tuple(meta["sort"]),
        key=tuple(meta["key"]),
        primary_key=primary_key(artifacts, ids[meta["model"]], meta),
        suite=meta["suite"],
        cadence=Cron.parse(
            meta["cadence"],
            f"exposure {exposure['name']}, field cadence",
            meta.get("time_zone", "UTC"),
        ),
        when_empty=meta["when_empty"],
        when_unchanged=meta.get("when_unchanged", "skip"),
        guards=meta["guards"],
        confirm={each["column"]: each["code"] for each in meta.get("confirm", ())},
        changes=meta.get("changes", {}),
        destination=meta["destination"],
        folder=meta["folder"],
        manifest=meta["manifest"],
        drift=meta.get("drift", {}),
        replaces_by=tuple(meta.get("replaces_by", ())),
        vanished=meta.get("vanished", {}),
        mode=meta.get("mode"),
        pickup=meta.get("pickup"),
        feedback=meta.get("feedback"),
        travel=Travel.read(meta),
        delta=msgspec.convert(meta["delta"], DeltaFile) if "delta" in meta else None,
    )


def _audit_key(
    artifacts: Artifacts, ids: Mapping[str, str], meta: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return the columns of the file's key that the audit has."""
    if "audit" not in meta:
        return ()
    columns = artifacts.node(ids[meta["audit"]])["columns"]
    return tuple(name for name in meta["key"] if name in columns)
