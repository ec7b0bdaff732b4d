"""How an attempt ended, found out by looking at what lies at the partner."""

from typing import Literal

from publish.deliver import Connection, Sent
from publish.deliver.sequence import Delivery, Item, place
from runtime.command import LOG
from runtime.exits import Refused

Outcome = Literal["delivered", "failed", "unknown"]


def settle(connection: Connection, delivery: Delivery) -> Outcome:
    """Find out by looking how an attempt ended whose rename had begun, and finish it.

    | part              | name               | means                     | outcome   |
    |-------------------|--------------------|---------------------------|-----------|
    | there, size right | any                | the rename is missing     | rename    |
    | there, size wrong | any                | the upload is incomplete  | failed    |
    | gone              | size, hash as ours | done                      | delivered |
    | gone              | missing or other   | picked up, or never there | unknown   |

    The outcome is that of the last item, the feed.
    """
    outcome: Outcome = "unknown"
    for item in delivery.items:
        outcome = _settle_one(connection, item, delivery.rename)
    return outcome


def _settle_one(connection: Connection, item: Item, rename: str) -> Outcome:
    size = connection.size(item.part)
    if size is not None:
        try:
            if size == item.bytes:
                place(connection, item, rename)
        except Refused as refusal:
            LOG.warning(f"rename refused part={item.part}: {refusal}")
        if connection.size(item.part) is not None:
            connection.remove(item.part)
            return "failed"
    if connection.size(item.name) == item.bytes:
        digest = connection.hash(item.name)
        # A hash by another algorithm tells nothing here: only SHA-256 was recorded.
        if digest is None or Sent(item.bytes, item.sha256).agrees(digest) is not False:
            return "delivered"
    return "unknown"
