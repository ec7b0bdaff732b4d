"""The cells: which fault, at which moment, at which partner."""

import random
from dataclasses import dataclass

# Every failpoint of publish, in the order in which a delivery reaches them. A delivery
# has two items, the manifest and the feed, so it reaches some twice.
POINTS = (
    "before-append:intent",
    "after-append:intent",
    "before-connect",
    "after-login",
    "in-stor",
    "in-stor@5",
    "after-stor",
    "after-stor@2",
    "before-append:placing",
    "after-append:placing",
    "before-rnto",
    "after-rnto",
    "before-rnto@2",
    "after-rnto@2",
    "before-append:delivered",
    "after-append:delivered",
    "after-receipt",
)
_SERVERS = ("vsftpd", "folder")


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault.

    Attributes:
        place: where the delivery goes; see `faults.places`.
        how: kill, term, full or raise at a failpoint; cut: the server is killed while
            `publish` is stopped there; reply: a reply is lost; disk: the partner's
            disk is full; random: a signal at some moment.
        point: the failpoint, with @visit if it is not the first; the partner's fault.
        seed: of a random cell.
    """

    place: str
    how: str
    point: str = ""
    seed: int = 0

    def __str__(self) -> str:
        if self.how == "random":
            return f"{self.place}: random {self.seed}"
        return f"{self.place}: {self.how} {self.point}".rstrip()


def declared() -> list[Cell]:
    """Return every point with every fault, at a strict server and at a folder."""
    cells = [
        Cell(place, how, point)
        for place in _SERVERS
        for point in POINTS
        for how in ("kill", "term")
    ]
    # Later than the login: before it, a server that is gone is just not reached.
    cells += [Cell("vsftpd", "cut", point) for point in POINTS[3:]]
    cells += [
        Cell(place, how, point)
        for place in _SERVERS
        for point in ("before-append:intent", "before-append:placing",
                      "before-append:delivered")
        for how in ("full", "raise")
    ]  # fmt: skip
    cells += [
        Cell("forgetful", "reply", reply)
        for reply in ("226 1", "226 2", "250 1", "250 2", "451 1", "451 9", "450 2")
    ]
    # A lost reply, and then the process dies while it looks.
    cells += [
        Cell("forgetful", how, f"{point}; reply {reply}")
        for reply, point in (
            ("226 1", "before-connect@2"),
            ("226 1", "after-login@2"),
            ("226 1", "after-append:placing"),
            ("250 1", "before-connect@2"),
            ("250 1", "after-login@2"),
            ("250 2", "before-rnto@2"),
            ("250 1", "after-rnto"),
            ("250 2", "before-append:delivered"),
        )
        for how in ("kill", "term")
    ]
    cells.append(Cell("small-disk", "disk"))
    cells += [Cell("small-disk", how, "in-stor@5; disk") for how in ("kill", "term")]
    cells += [
        Cell("openssh", how, point)
        for point in ("in-stor@5", "after-stor@2", "before-rnto@2", "after-rnto@2")
        for how in ("kill", "term", "cut")
    ]
    return cells


def at_random(number: int, seed: int) -> list[Cell]:
    """Return signals at random moments, over four kinds of partner."""
    dice = random.Random(seed)
    places = ("vsftpd", "proftpd", "forgetful", "folder")
    return [
        Cell(places[index % len(places)], "random", "kill" if index % 3 else "term",
             dice.randrange(2**32))
        for index in range(number)
    ]  # fmt: skip


def sample() -> list[Cell]:
    """Return some cells that between them need every way of settling."""
    few = ("in-stor@5", "after-stor@2", "after-append:placing", "after-rnto@2",
           "before-append:delivered")  # fmt: skip
    cells = [Cell("vsftpd", "kill", point) for point in few]
    cells += [Cell("folder", "term", point) for point in few[:2]]
    cells += [Cell("vsftpd", "cut", point) for point in ("in-stor@5", "before-rnto@2")]
    cells += [
        Cell("forgetful", "reply", reply) for reply in ("226 2", "250 2", "451 1")
    ]
    cells += [Cell("forgetful", "kill", "after-login@2; reply 250 2")]
    cells += [Cell("folder", "full", "before-append:delivered")]
    cells += [Cell("small-disk", "disk")]
    cells += [Cell("openssh", how, "in-stor@5") for how in ("term", "cut")]
    return cells + at_random(2, 1)
