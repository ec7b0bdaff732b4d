"""The list of files, read from dbt's manifest: one exposure, one `Feed`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runtime.cadence import Cron
from runtime.exits import Misuse
from store.dialect import Dialect
from store.feeds import declaration
from store.feeds.artifacts import Artifacts


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract: `type` in DuckDB's words, lower case."""

    name: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Relation:
    """A table in the warehouse, and the model that made it."""

    model: str
    schema: str
    name: str

    @property
    def sql(self) -> str:
        """Name it as `runtime.duck` attaches it."""
        return f'warehouse."{self.schema}"."{self.name}"'


@dataclass(frozen=True, slots=True)
class Open:
    """Which split values get a file: `since` <= logical time < `until`."""

    relation: Relation
    since: str
    until: str
    final: bool


@dataclass(frozen=True, slots=True)
class Feed:
    """One delivered file: the agreement with a partner, as a value.

    `primary_key` is the key as it is written where no two rows share it, else empty.
    """

    name: str
    unique_id: str
    title: str
    description: str
    model: Relation
    audit: Relation | None
    audit_omit: tuple[str, ...]
    state: Relation
    columns: tuple[Column, ...]
    file: str
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
    changes: Mapping[str, Any]
    destination: str
    folder: str
    manifest: str
    pickup: Mapping[str, Any] | None = None

    @property
    def tables(self) -> tuple[Relation, ...]:
        """All that it reads of the warehouse."""
        opened = self.open.relation if self.open else None
        read = (self.model, self.audit, self.state, opened)
        return tuple(dict.fromkeys(relation for relation in read if relation))

    @property
    def repeats_its_name(self) -> bool:
        """Whether a file replaces the last one: its name has neither time nor day."""
        return "{timestamp}" not in self.file and "{date}" not in self.file

    def folder_in(self, environment: str) -> str:
        """Fill the folder's pattern."""
        return self.folder.replace("{environment}", environment)

    def file_name(self, at: datetime, environment: str, split: str | None) -> str:
        """Fill the pattern of the name with a logical time (UTC) and a split value."""
        name = self.file
        for word, value in (
            ("timestamp", f"{at:%Y%m%dT%H%M%SZ}"),
            ("date", f"{at:%Y-%m-%d}"),
            ("environment", environment),
            ("split", split or ""),
        ):
            name = name.replace("{" + word + "}", value)
        # The split value is data: it must not leave the folder, hide the file, or
        # break a command line of a protocol.
        if re.search(r"^[.~-]|[/\\\x00-\x1f\x7f]", name) or len(name.encode()) > 200:
            raise Misuse(
                f"exposure {self.name}: {name!r} cannot be a file name; expected at "
                "most 200 bytes, without / \\ or control characters, not starting "
                "with . ~ or -"
            )
        return name


def read(artifacts: Artifacts) -> tuple[Feed, ...]:
    """Return every feed that the manifest declares, sorted by name.

    An exposure is a feed if its meta has any field of feed.schema.json; a dashboard
    without one is not ours.

    Raises:
        Misuse: a declaration is wrong; names exposure, field, expected and found.
    """
    feeds = []
    for unique_id, exposure in sorted(artifacts.manifest["exposures"].items()):
        meta = exposure.get("config", {}).get("meta") or exposure.get("meta") or {}
        if meta.keys() & declaration.FIELDS:
            feeds.append(_feed(artifacts, unique_id, exposure, meta))
    holder: dict[str, str] = {}
    for feed in feeds:
        other = holder.setdefault(feed.state.model, feed.destination)
        if other != feed.destination:
            raise declaration.wrong(
                feed.name, "state", "a model that one partner holds",
                f"{feed.state.model}, which {other} holds too",
            )  # fmt: skip
    return tuple(feeds)


def _feed(
    artifacts: Artifacts,
    unique_id: str,
    exposure: Mapping[str, Any],
    meta: Mapping[str, Any],
) -> Feed:
    name = exposure["name"]
    declaration.validate(name, meta)
    above = {above: artifacts.node(above) for above in artifacts.ancestors(unique_id)}
    # Two versions of a model share its name, and each has an alias of its own.
    ids = {
        node[word]: id_
        for word in ("name", "alias")
        for id_, node in above.items()
        if node["resource_type"] == "model"
    }
    models = {name: above[id_] for name, id_ in ids.items()}
    declaration.agrees_with_models(name, meta, models)

    def relation(model: str) -> Relation:
        return Relation(model, models[model]["schema"], models[model]["alias"])

    columns = models[meta["model"]]["columns"].values()
    return Feed(
        name=name,
        unique_id=unique_id,
        title=exposure.get("label") or name,
        description=" ".join((exposure.get("description") or "").split()),
        model=relation(meta["model"]),
        audit=relation(meta["audit"]) if "audit" in meta else None,
        audit_omit=tuple(meta.get("audit_omit", ())),
        state=relation(meta["state"]),
        columns=tuple(
            Column(
                column["name"],
                declaration.type_of(column),
                " ".join((column.get("description") or "").split()),
            )
            for column in columns
            if column["name"] not in meta.get("omit", ())
        ),
        file=meta["file"],
        split_by=meta.get("split_by"),
        open=_open(meta, relation) if "open" in meta else None,
        dialect=Dialect.of(meta["dialect"]),
        sort=tuple(meta["sort"]),
        key=tuple(meta["key"]),
        primary_key=declaration.primary_key(artifacts, ids[meta["model"]], meta),
        suite=meta["suite"],
        cadence=Cron.parse(meta["cadence"], f"exposure {name}, field cadence"),
        when_empty=meta["when_empty"],
        when_unchanged=meta.get("when_unchanged", "skip"),
        guards=meta["guards"],
        changes=meta.get("changes", {}),
        destination=meta["destination"],
        folder=meta["folder"],
        manifest=meta["manifest"],
        pickup=meta.get("pickup"),
    )


def _open(meta: Mapping[str, Any], relation: Callable[[str], Relation]) -> Open:
    declared = meta["open"]
    return Open(
        relation(declared["model"]),
        declared["from"],
        declared["until"],
        meta.get("final_full_on_close", False),
    )
