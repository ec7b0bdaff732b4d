"""The files of a check: their names, and that none of them stays."""

import secrets
from contextlib import nullcontext, suppress

from publish.check.opening import open_probe
from publish.check.profile import Checks
from publish.transport import Destination
from publish.transport.connection import Connection
from runtime.clock import time_limit
from runtime.command import LOG
from runtime.exits import Refused, Stop, Temporary

# An orchestrator that sent SIGTERM kills after 20 to 30 seconds.
_LAST_SECONDS = 12
# What a partner says no to. A signal is no answer of theirs and must pass.
_NO = (Refused, Temporary)


class _LateError(Stop):
    """The time for cleaning up is over."""


class Traces:
    """Names for the files of one check, and what is done about them afterwards.

    All of them begin with a token of this check and end in `.part`. They are written
    down on our side before the first one is sent: if the process is killed, the next
    check of that folder removes them.
    """

    def __init__(self, checks: Checks, to: Destination, folder: str) -> None:
        self._checks, self._to, self._folder = checks, to, folder
        self.token = f"partner-feeds-check-{secrets.token_hex(6)}"
        self._names: list[str] = []

    def name(self, what: str) -> str:
        """Return a name to be used at the partner."""
        name = f"{self.token}-{what}.part"
        if name not in self._names:
            self._names.append(name)
            self._checks.remember(self._to, self._folder, self.token, self._names)
        return name

    def clean(self, hurry: bool = False) -> list[str]:
        """Remove all of them, and those of earlier checks that were killed.

        Over a fresh connection: the one that was used may be half-way in a transfer.

        Returns:
            What may still be there.
        """
        owed = self._checks.owed(self._to, self._folder)
        if not owed:
            return []
        left = sorted({name for names in owed.values() for name in names})
        try:
            with time_limit(_LAST_SECONDS, _LateError) if hurry else nullcontext():
                connection = open_probe(self._to, self._folder)
                try:
                    left = self._remove(connection, owed)
                finally:
                    connection.close()
        except (*_NO, _LateError) as why:
            LOG.warning(f"cleaning up at {self._to.name} failed: {why}")
        if left:
            LOG.warning(
                f"left at {self._to.name}: {', '.join(left)}. The next check of this "
                "folder tries again."
            )
        return left

    def _remove(self, connection: Connection, owed: dict[str, list[str]]) -> list[str]:
        left = []
        for token, names in owed.items():
            stays = [
                name
                for name in dict.fromkeys([*names, *_listed(connection, token)])
                if not _removed(connection, name)
            ]
            # A server that renames what is sent shows its own name only in a list.
            stays = list(dict.fromkeys([*stays, *_listed(connection, token)]))
            if not stays:
                self._checks.forget(self._to, token)
            left += stays
        return left


def _removed(connection: Connection, name: str) -> bool:
    with suppress(*_NO):
        connection.remove(name)
    with suppress(*_NO):
        return connection.size(name) is None
    return False


def _listed(connection: Connection, token: str) -> list[str]:
    with suppress(*_NO):
        return [name for name in connection.list() if name.startswith(token)]
    return []
