"""What a check found out, kept for `publish`, and what a check still has to clean up.

    <data>/checks/<DEST>.json       the last report of each folder, with its settings
    <data>/checks/<DEST>.left.json  names of checks that have not cleaned up yet

A profile is used only while the settings of its destination are the same; none, or one
that cannot be read, never keeps `publish` from its work.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from publish.check.need import repeats
from publish.check.report import Report
from publish.transport import Destination
from runtime.command import LOG
from runtime.exits import Refused
from runtime.files import write_json
from store.feeds import Feed
from store.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Profile:
    """The last check of a folder, made with the settings of now.

    Attributes:
        at: when, UTC.
        sha256: of the whole profile; receipts carry it.
        renames: whether files can be renamed at all; None: not found out.
        replaces: whether a rename replaces; None: not found out.
        said: the server's words where one of them is not so.
    """

    at: str
    sha256: str
    renames: bool | None
    replaces: bool | None
    said: str


@dataclass(frozen=True, slots=True)
class Checks:
    """The folder of profiles in a data directory."""

    path: Path

    @classmethod
    def of(cls, data: Path) -> "Checks":
        """Return that of a data directory; it is made when the first one is kept."""
        return cls(data / "checks")

    def keep(self, to: Destination, folder: str, report: Report) -> None:
        """Put the report of a folder in the place of the one before."""
        file = self.path / f"{to.name}.json"
        folders = _read(file, "folders")
        entry = {"settings": settings(to, folder), "report": report.told()}
        kept = {"destination": to.name, "folders": {**folders, folder: entry}}
        write_json(file, kept)

    def profile(self, to: Destination, folder: str) -> Profile | None:
        """Return the profile of a folder; None if there is none of these settings."""
        entry = _read(self.path / f"{to.name}.json", "folders").get(folder)
        try:
            if entry is None or entry["settings"] != settings(to, folder):
                return None
            seen = entry["report"]["observed"]
            said = seen["said"]
            return Profile(
                str(entry["report"]["at"]),
                _digest(entry),
                seen["rename"],
                seen["replace"],
                str(said.get("rename") or said.get("replace") or "without a word"),
            )
        except (KeyError, TypeError, AttributeError):
            LOG.warning(f"the profile of {to.name} is not one; `publish check` mends")
            return None

    def remember(
        self, to: Destination, folder: str, token: str, names: list[str]
    ) -> None:
        """Write down what a check is about to send."""
        file = self.path / f"{to.name}.left.json"
        mine = {"folder": folder, "settings": settings(to, folder), "names": names}
        write_json(file, {**_read(file), token: mine})

    def owed(self, to: Destination, folder: str) -> dict[str, list[str]]:
        """Return names by token that checks of a folder may have left there."""
        all_of_it = _read(self.path / f"{to.name}.left.json")
        place = settings(to, folder)
        return {
            token: [str(name) for name in one["names"]]
            for token, one in all_of_it.items()
            if isinstance(one, dict) and one.get("settings") == place
        }

    def forget(self, to: Destination, token: str) -> None:
        """Cross out a check that has cleaned up."""
        file = self.path / f"{to.name}.left.json"
        left = {k: v for k, v in _read(file).items() if k != token}
        if left:
            write_json(file, left)
        else:
            file.unlink(missing_ok=True)


def require(profile: Profile | None, feed: Feed, name: str, ledger: Ledger) -> None:
    """Refuse a delivery whose rename is known to be refused, before the first byte.

    That a rename does not replace matters only where the partner may have a file of
    that name: its pattern gives one name again and again, or the ledger knows it.

    Raises:
        Refused: says what the check saw, and what to do.
    """
    if profile is None:
        return
    seen = f"{profile.said} (seen by `publish check` at {profile.at})"
    again = f"Nothing was sent. Then run `publish check {feed.destination}` again."
    if profile.renames is False:
        raise Refused(
            f"{feed.destination} does not let a file be renamed: {seen}. Expected that "
            f"it does: {name} takes its name only after it was checked. Ask the "
            f"partner to allow it. {again}"
        )
    known = any(
        (r["destination"], r["name"]) == (feed.destination, name)
        for r in ledger.all("delivered")
    )
    if profile.replaces is not False or feed.rename != "replace":
        return
    if repeats(feed.file) or known:
        raise Refused(
            f"{feed.destination} does not let a rename replace a file: {seen}. "
            f"Expected that it does: {name} may stand there, {feed.name} has rename: "
            "replace. Ask the partner to allow it, or declare rename: "
            f"delete-then-rename, with its moment without a file. {again}"
        )


def settings(to: Destination, folder: str) -> str:
    """Digest what decides whom we speak with and how; no secret goes into it."""
    return _digest(
        {
            "server": to.server,
            "user": to.user,
            "path": to.path,
            "folder": folder,
            "verify": to.verify,
            "ca_file": str(to.ca_file),
            "tls_max": to.tls_max,
            "epsv": to.epsv,
            "known_hosts": str(to.ssh.known_hosts),
            "host_key": to.ssh.host_key,
            "key_file": str(to.ssh.key_file),
        }
    )


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _read(file: Path, field: str | None = None) -> dict[str, Any]:
    """Return the object in a file, or that in a field of it; else an empty one."""
    try:
        found = json.loads(file.read_bytes())
        if field is not None:
            found = found[field]
        if isinstance(found, dict):
            return found
        why = "found no object"
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
    LOG.warning(f"{file} cannot be read ({why}); taken as if it were not there")
    return {}
