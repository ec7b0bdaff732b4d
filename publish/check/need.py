"""What the feeds of one folder ask of its server."""

from collections.abc import Sequence
from dataclasses import dataclass

from store.feeds import Feed
from store.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Need:
    """Of one folder; the defaults are the most demanding, for a partner without feeds.

    Attributes:
        feeds: their names.
        replaces: feeds that replace by rename a file that may stand there.
        rename: "replace" if any feed does, else "delete-then-rename".
        odd: blanks, and letters beyond ASCII, in names and folder.
        largest: bytes of the largest file that was delivered there.
    """

    feeds: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    rename: str = "replace"
    odd: str = ""
    largest: int | None = None

    @classmethod
    def of(cls, feeds: Sequence[Feed], folder: str, ledger: Ledger) -> "Need":
        """Gather it from the feeds of a folder, and from what they delivered."""
        if not feeds:
            return cls()
        names = {feed.name for feed in feeds}
        sizes = [r["bytes"] for r in ledger.all("delivered") if r["feed"] in names]
        policies = {feed.rename for feed in feeds}
        text = folder + "".join(feed.file for feed in feeds)
        return cls(
            tuple(sorted(names)),
            tuple(f.name for f in feeds if f.rename == "replace" and repeats(f.file)),
            "replace" if "replace" in policies else "delete-then-rename",
            "".join(
                sorted(
                    {letter for letter in text if letter == " " or not letter.isascii()}
                )
            ),
            max(sizes, default=None),
        )


def repeats(pattern: str) -> bool:
    """Say whether a pattern of names gives one name again and again.

    A name with the time of the run, or its day, finds nothing to replace.
    """
    return "{timestamp}" not in pattern and "{date}" not in pattern
