"""What must never be let go, whatever its age, and why."""

from collections.abc import Iterable, Iterator, Mapping

from publish.ledger import Ledger, Record, state
from publish.prune.pieces import Piece
from runtime.environment import Place

Key = tuple[str, str]


def of(place: Place, ledger: Ledger, pieces: Iterable[Piece]) -> Mapping[Key, str]:
    """Return (kind, name) of what must stay, with the reason; the first one counts."""
    found: dict[Key, str] = {}
    for key, why in (
        *_in_doubt(ledger),
        *_held(ledger),
        *_with_partners(ledger),
        *_newest(pieces),
        *_current(place),
    ):
        found.setdefault(key, why)
    return found


def _in_doubt(ledger: Ledger) -> Iterator[tuple[Key, str]]:
    """An intent without an end, or an end that nobody can tell."""
    for intent in ledger.all("intent"):
        ended = ledger.outcome(intent["attempt"])
        if ended is None or ended["event"] == "unknown":
            yield _package(intent), "how its delivery ended is not known yet"
            yield _state(intent), "how its delivery ended is not known yet"


def _held(ledger: Ledger) -> Iterator[tuple[Key, str]]:
    """What a person may release, or has released and nobody delivered yet."""
    newest: dict[str, Record] = {}
    for record in ledger.all("held", "delivered", "nothing"):
        newest[record["file"]] = record
    for record in newest.values():
        if record["event"] == "held":
            yield _package(record), "it is held, and may be released"
    for record in ledger.all("approved"):
        if ledger.approval(record["file"], record["sha256"]) is record:
            yield _package(record), "it was released, and not delivered yet"


def _with_partners(ledger: Ledger) -> Iterator[tuple[Key, str]]:
    """The last delivery of each file, and the last that set what a partner holds."""
    last: dict[tuple[str, ...], Record] = {}
    for record in ledger.all("delivered"):
        where = (record["destination"], str(record["split"]))
        last["file", *where, record["feed"]] = record
        last["state", *where, record["state"]["model"]] = record
    for record in last.values():
        yield _package(record), "a partner holds it"
    settled = ledger.all("delivered", "nothing")
    for (model, _), digest in state.current(settled).items():
        yield ("state", f"{model}/{digest}"), "a partner holds it"


def _newest(pieces: Iterable[Piece]) -> Iterator[tuple[Key, str]]:
    newest = {piece.group: piece for piece in pieces if piece.kind == "package"}
    for piece in newest.values():
        yield (piece.kind, piece.name), "it is the newest of its file"


def _current(place: Place) -> Iterator[tuple[Key, str]]:
    for link in (place.landing / "current").glob("*"):
        source = link.resolve()
        name = f"{source.parent.name}/{source.name}"
        yield ("landing", name), "dbt reads it"


def _package(record: Record) -> Key:
    return "package", f"{record['file']}/{record['run_id']}"


def _state(record: Record) -> Key:
    return "state", f"{record['state']['model']}/{record['state']['sha256']}"
