"""One attempt to deliver a file: what is sent, where, and its records in the ledger."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from publish.transport.connection import Connection
from runtime.exits import Refused
from runtime.failpoints import failpoint
from runtime.files import HashedFile
from store.ledger import Ledger, Record, name_at_partner

# Opens the folder of a destination: (destination, folder) -> connection.
Connect = Callable[[str, str], Connection]
# What an outcome repeats of its intent, so that it can be read alone.
_REPEATED = ("attempt", "run_id", "feed", "file", "split", "destination", "name",
             "sha256", "bytes", "rows", "logical", "period", "state", "package", "try",
             "again", "resend_of", "seconds", "build", "sent", "sequence")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """A file to deliver, with its path here and both of its names at the partner.

    `mode` is what permissions it gets there; None if the server decides.
    """

    path: Path
    name: str
    part: str
    bytes: int
    sha256: str
    mode: str | None


@dataclass(slots=True)
class Attempt:
    """One attempt to deliver a file.

    Attributes:
        ledger: of the data directory; its lock is held.
        connect: opens a destination's folder.
        intent: the fields of the record `intent`, with `attempt` and `items` (name,
            part, bytes, sha256).
        paths: the file of each item on this side.
        bar: show a progress bar.
        hashed: each file as it was hashed before its gates; none if no byte is sent.
        connected: a connection was opened, so parts may be at the partner.
        confirmed: parts that the server confirmed by its reply after the last byte.
    """

    ledger: Ledger
    connect: Connect
    intent: Record
    paths: Sequence[Path]
    bar: bool = False
    hashed: Mapping[Path, HashedFile] = field(default_factory=dict)
    connected: bool = False
    confirmed: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        """The attempt's identifier, which its parts have in their names."""
        return str(self.intent["attempt"])

    @property
    def items(self) -> tuple[Item, ...]:
        """What goes out together, in order: manifest, the file itself, marker."""
        mode = self.intent.get("mode")
        return tuple(
            Item(path, item["name"], item["part"], item["bytes"], item["sha256"], mode)
            for path, item in zip(self.paths, self.intent["items"], strict=True)
        )

    @property
    def file_items(self) -> tuple[Item, ...]:
        """The items up to the file itself."""
        items = self.items
        place = [item.name for item in items].index(name_at_partner(self.intent))
        return items[: place + 1]

    @property
    def markers(self) -> tuple[Item, ...]:
        """The items after the file itself."""
        return self.items[len(self.file_items) :]

    @property
    def placing(self) -> bool:
        """Whether a rename may have begun, so that the partner may see the file."""
        records = self.ledger.attempt(self.id)
        return any(record["event"] == "placing" for record in records)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Connect to the partner's folder while the block runs."""
        failpoint("before-connect")
        connection = self.connect(self.intent["destination"], self.intent["folder"])
        try:
            failpoint("after-login")
            yield connection
        finally:
            connection.close()

    def check_files(self) -> None:
        """Check that nobody wrote a file since it was hashed, before a byte is sent.

        The upload hashes what it sends, and compares that with the same digest.

        Raises:
            Refused: somebody did.
        """
        for path, hashed in self.hashed.items():
            check_unchanged(path, hashed)

    def begin(self) -> None:
        """Record what will be sent, before the first byte."""
        self.ledger.append("intent", **self.intent)

    def record_placing(self) -> None:
        """Record that from here on the partner may see the file."""
        self.ledger.append("placing", attempt=self.id, feed=self.intent["feed"])

    def end(self, event: str, **fields: Any) -> Record:
        """Record the outcome."""
        return record_outcome(self.ledger, self.intent, event, **fields)

    def numbered(self, number: int) -> "Attempt":
        """Return the try of this number; each after the first has parts of its own."""
        intent = {**self.intent, "try": number, "first": self.id}
        if number > 1:
            intent["attempt"] = attempt = f"{self.id}-{number}"
            intent["items"] = [
                {**item, "part": f"{item['name']}.{attempt}.part"}
                for item in intent["items"]
            ]
        return replace(self, intent=intent)


def record_outcome(ledger: Ledger, intent: Record, event: str, **fields: Any) -> Record:
    """Record the outcome of an intent: delivered, failed or unknown."""
    repeated = {name: intent[name] for name in _REPEATED if name in intent}
    if event == "delivered":
        # In the receipt and not beside it: the verify.py of earlier packages compares
        # a receipt with the fields that it knows, and with all that are in here.
        more = {name: intent[name] for name in ("characters", "sent") if name in intent}
        fields["receipt"] = {**fields["receipt"], **more}
    return ledger.append(event, **{**repeated, **fields})


def check_unchanged(path: Path, hashed: HashedFile) -> None:
    """Check that nobody wrote a file since it was hashed.

    Raises:
        Refused: somebody did.
    """
    if not hashed.is_still(path):
        raise Refused(
            f"{path} was changed after its gates: expected the {hashed.bytes} bytes "
            f"{hashed.sha256}, found a file that was written later. Nothing was sent. "
            "Publish again, and find out what changes files in the outbox."
        )
