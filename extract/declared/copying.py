"""One declared source, copied: as `extract.copying` does it for the built-in ones."""

import hashlib
import os
import time
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from extract.copying import (
    Progress,
    Settings,
    describe,
    fresh_if_refused,
    log_end,
    log_landed,
    report_drift,
)
from extract.declared import declaration
from extract.declared.declaration import (
    Filesystem,
    Kinds,
    RestApi,
    entity_of,
    path_of,
    proof_of,
)
from extract.declared.reading import Reading, Tick
from extract.entities import Entity
from extract.landing import land
from extract.runs import CLOCK, Run, begin, finish
from extract.transport import RequestCounts
from runtime import duck
from runtime.environment import Environment, Limits
from runtime.exits import Misuse, Refused


class Opened(Protocol):
    """A declared source that can be read."""

    address: str
    counts: RequestCounts

    def settle(
        self, entity: Entity, resource: Any, folder: Path, limits: Limits, tick: Tick
    ) -> tuple[Reading, int]:
        """Read one list until it is complete by its proof."""

    def count(self, resource: Any) -> int | None:
        """Ask how many records a list has; None if its proof is no number."""


def copy(
    name: str, variables: Environment, settings: Settings, full: bool, progress: bool
) -> dict[str, Any]:
    """Copy all lists of a declared source; the lock must be held.

    Args:
        name: of the source.
        variables: the environment, which has its secrets.
        settings: limits and folders.
        full: begin anew even if an unfinished run could go on.
        progress: show a bar on stderr.

    Returns:
        What extract.json says, and the run's `folder`.

    Raises:
        Misuse: the declaration or a variable is wrong, or the extra is not installed.
        Refused, Temporary: the source is not as declared, or not available; what was
            current stays current.
    """
    began = time.monotonic()
    declared = declaration.read(name)
    with opened(name, declared, variables) as source, Progress(name, progress) as bar:
        digest = hashlib.sha256(path_of(name).read_bytes()).hexdigest()
        agreement = {"address": source.address, "declaration": digest}
        landing = settings.place.landing
        this = begin(
            *(landing, name, agreement, settings.resume_within),
            anew=full,
            keep_pages=settings.keep_pages,
        )
        landed = {}
        for resource in declared.resources:
            bar.show(resource.name)
            entity = entity_of(name, resource)
            with fresh_if_refused(this.pages / entity.name):
                landed[entity.name] = _copy_list(
                    source, entity, resource, this, settings.limits, bar.tick
                )
    result = describe(this, name, source.address, settings, source.counts)
    result |= {
        "pages": bar.pages,
        "seconds": round(time.monotonic() - began, 3),
        "entities": landed,
    }
    finish(this, name, result, landing, settings.keep_pages)
    log_end(result)
    return {**result, "folder": str(this.folder)}


def counts(name: str, variables: Environment) -> dict[str, int | None]:
    """Ask a declared source how many records each list has; None if it cannot say."""
    declared = declaration.read(name)
    with opened(name, declared, variables) as source:
        return {each.name: source.count(each) for each in declared.resources}


def opened(
    name: str, declared: Kinds, variables: Environment
) -> AbstractContextManager[Opened]:
    """Open a declared source; dlt is imported only here.

    Raises:
        Misuse: the declaration or a variable is wrong, or the extra is not installed.
    """
    # dlt would report its use to its maker.
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    try:
        source: AbstractContextManager[Opened] = _open(name, declared, variables)
        return source
    except ModuleNotFoundError as error:
        raise Misuse(
            f"{path_of(name)} needs {error.name}: pip install 'partner-feeds[sources]'."
        ) from None


def _open(name: str, declared: Any, variables: Environment) -> Any:
    if isinstance(declared, RestApi):
        from extract.declared.rest import Api

        return Api(name, declared, variables)
    if isinstance(declared, Filesystem):
        from extract.declared.files import Folder

        return Folder(name, declared, variables)
    from extract.declared.database import Database

    return Database(name, declared, variables)


def _copy_list(
    source: Opened, entity: Entity, resource: Any, this: Run, limits: Limits, tick: Tick
) -> dict[str, Any]:
    began = time.monotonic()
    folder, proof = this.pages / entity.name, proof_of(resource)
    reading, rounds = source.settle(entity, resource, folder, limits, tick)
    complete = reading.complete(rounds)
    target = this.folder / f"{entity.name}.parquet"
    table = land(entity, (), lambda: complete, target, this.run_id, {}, limits)
    _refuse_nulls(entity, target, limits)
    report_drift(entity, table)
    log_landed(entity, this, table, began)
    return {
        "file": target.name,
        "proof": proof,
        "count_before": reading.before,
        "count_after": reading.after,
        "pages": len(reading.files),
        "rounds": rounds,
        "read_at": f"{reading.read_at:{CLOCK}}",
        **asdict(table),
    }


def _refuse_nulls(entity: Entity, file: Path, limits: Limits) -> None:
    """Refuse a null where the declaration says nullable: false."""
    names = [field.name for field in entity.fields if field.required]
    if not names:
        return
    counted = ", ".join(f"count(*) - count({duck.name(name)})" for name in names)
    with duck.open_session(limits, file.parent) as connection:
        query = f"select {counted} from {duck.parquet([file])}"
        row = connection.execute(query).fetchone() or ()
    for name, nulls in zip(names, row, strict=True):
        if nulls:
            raise Refused(
                f"{entity.full_name}: expected a value of {name} in each record, as "
                f"{entity.declared_in} says by nullable: false; found none in {nulls}. "
                "Nothing landed."
            )
