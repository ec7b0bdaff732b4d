"""How an attempt ended, found out by looking at what lies at the partner."""

from collections.abc import Callable
from typing import Literal

from publish.deliver.upload import Delivery, Item, clear, place
from publish.transport import Digest, Sent
from publish.transport.connection import Connection
from publish.transport.digests import tallied
from runtime.command import LOG
from runtime.exits import Refused, Temporary

Outcome = Literal["delivered", "failed", "unknown"]


def settle(connection: Connection, delivery: Delivery) -> Outcome:
    """Find out by looking how an attempt ended whose rename had begun, and finish it.

    | part         | name             | means                     | outcome   |
    |--------------|------------------|---------------------------|-----------|
    | as ours      | any              | the rename is missing     | rename    |
    | there, other | any              | the upload is incomplete  | failed    |
    | gone         | as ours          | done                      | delivered |
    | gone         | missing or other | picked up, or never there | unknown   |

    As ours is: of our size, and of our hash by whatever algorithm the server offers.
    The outcome is that of the last item, the feed; but it is not named after what goes
    before it has failed. After `failed` no part of ours is left there.
    """
    outcome: Outcome = "unknown"
    for item in delivery.items:
        outcome = _settle_one(connection, item)
        if outcome == "failed":
            clear(connection, delivery)
            break
    return outcome


def settle_upload(
    connection: Connection, delivery: Delivery, placing: Callable[[], object]
) -> Outcome:
    """Do the same for an attempt whose rename had not begun.

    Here nothing of ours stands under its name. If every part is whole, and only the
    reply to the upload was lost, the rename is made up for: an upload that outlives
    its control connection would otherwise never succeed. Else the parts are removed.

    Args:
        connection: a fresh one.
        delivery: what was being sent.
        placing: called before the first rename.
    """
    if all(_is_ours(connection, item, item.part) for item in delivery.items):
        placing()
        return settle(connection, delivery)
    clear(connection, delivery)
    return "failed"


def _settle_one(connection: Connection, item: Item) -> Outcome:
    if connection.size(item.part) is not None:
        # Before the rename, for after it the partner has what was not ours.
        whole = _is_ours(connection, item, item.part)
        try:
            if whole:
                place(connection, item)
        except (Refused, Temporary) as refusal:
            # One server calls missing rights temporary. If the connection is what
            # broke, the next question raises it again.
            LOG.warning(f"rename refused part={item.part}: {refusal}")
        if connection.size(item.part) is not None:
            connection.remove(item.part)
            return "failed"
    return "delivered" if _is_ours(connection, item, item.name) else "unknown"


def _is_ours(connection: Connection, item: Item, name: str) -> bool:
    """Say whether a file there has our size, and our hash where one is offered."""
    if connection.size(name) != item.bytes:
        return False
    digest = connection.hash(name)
    return digest is None or _agrees(item, digest)


def _agrees(item: Item, digest: Digest) -> bool:
    """Say whether a server hashed our bytes; what cannot be compared is not ours."""
    agrees = Sent(item.bytes, item.sha256).agrees(digest)
    if agrees is not None:
        return agrees
    # By another algorithm than the ledger's: ask the package, if it is what was sent.
    if item.path.is_file():
        sent = tallied(item.path, digest.algorithm)
        if sent.sha256 == item.sha256:
            return sent.agrees(digest) is True
    LOG.warning(
        f"{item.name}: the server hashes by {digest.algorithm}, and {item.path}, gone "
        "or changed, cannot be hashed in the same way; what lies there is not taken "
        "for it"
    )
    return False
