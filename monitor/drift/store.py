"""Profiles on disk: `profiles/<file>/<run id>.json`. Only `monitor` writes there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from monitor.context import Context
from monitor.drift import profile, source
from runtime import formats
from runtime.duck import any_error
from runtime.environment import DataDirectory, Limits
from runtime.files import remove_leftovers
from runtime.lock import directory_lock
from runtime.log import LOG
from store.ledger import Ledger
from store.outbox import packages, work


class Run(msgspec.Struct, frozen=True):
    """One profile, and whether its file was delivered."""

    profile: Mapping[str, Any]
    delivered: bool


def folder(place: DataDirectory) -> Path:
    """Return the folder of all profiles."""
    return place.data / "profiles"


def path_of(profiles: Path, file: str, run_id: str) -> Path:
    """Return the path of a package's profile below the folder of all."""
    return profiles / file / f"{run_id}.json"


def profile_new(context: Context) -> list[str]:
    """Profile every package and extract that has no profile; one process at a time.

    Returns:
        The new profiles: `<file>/<run id>` and `<source>/<run id>`. A file that cannot
        be read is logged as a warning. The next run tries it again.
    """
    profiles = folder(context.place)
    with directory_lock(profiles, "monitor drift", 60), work(profiles, "drift") as here:
        for each in (*profiles.glob("*/"), *profiles.glob("_landing/*/")):
            remove_leftovers(each)
        ledger, limits = context.intact_ledger, context.limits
        new = _profile_packages(context.place, ledger, limits, here)
        return [*new, *source.profile_new(context, here)]


def _profile_packages(
    place: DataDirectory, ledger: Ledger, limits: Limits, scratch: Path
) -> list[str]:
    new = []
    for package in packages(place.outbox, ledger):
        path = path_of(folder(place), package.file, package.run_id)
        if path.exists() or not package.last_outcome:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            content = profile.profile(package, limits, scratch)
            formats.write("profiles", path, content)
        except (OSError, ValueError, LookupError, any_error()) as error:
            LOG.warning(
                "no profile",
                file=package.file,
                feed=package.feed,
                run_id=package.run_id,
                because=error,
            )
            continue
        new.append(package.name)
    return new


def runs(place: DataDirectory, ledger: Ledger, most: int) -> dict[str, list[Run]]:
    """Return the last profiles of every file, oldest first.

    A profile stays when its package is removed from the outbox.
    """
    sent = {(r["file"], r["run_id"]) for r in ledger.all("delivered")}
    order = ledger.run_order()
    result: dict[str, list[Run]] = {}
    for file in sorted(folder(place).glob("[!_]*/")):
        every = file.glob("[!.]*.json")
        if paths := sorted(every, key=lambda p: order(p.parent.name, p.stem))[-most:]:
            result[file.name] = [
                Run(formats.read("profiles", path), (file.name, path.stem) in sent)
                for path in paths
            ]
    return result
