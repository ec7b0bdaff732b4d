"""Delivery against real FTPS servers: whole or absent, and a truthful end."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers.script import Script
from servers.stub import Stub

from publish.deliver import reconcile
from publish.deliver.attempt import Attempt
from publish.deliver.retry import RetryPolicy, deliver_with_retries
from publish.transport import Destination, connect
from publish.transport.connection import Connection
from runtime.environment import Environment
from runtime.exits import Refused, Stop, Temporary
from sandbox import partner
from store.ledger import Ledger

CONTENT = b"a,b\n1,2\n" * 40_000  # five blocks
NAME = "feed.csv"


MOODS = {
    "good": Script(),
    "half": Script(keep=0.5),
    "refuse": Script(refuse="553 Permission denied."),
    "busy": Script(refuse="450 Busy, come again."),
    "no-replace": Script(replaces=False),
    "lying": Script(renames=False),
    "deaf": Script(cut="RNTO"),
    "picked-up": Script(after="gone"),
    "picked-up-deaf": Script(cut="RNTO", after="gone"),
    "hash": Script(hash="right"),
    "wrong-hash": Script(hash="wrong"),
}


class Partner(Stub):
    """The scripted server, with a connection to it."""

    def open(self, folder: str = "/", **more: str) -> Connection:
        timeouts = dict.fromkeys(("TIMEOUT", "REPLY_TIMEOUT"), "5")
        short = {f"DEST_ONPART_{name}": text for name, text in timeouts.items()}
        variables = Environment({**self.variables(), **short, **more})
        return connect(Destination.read(variables, "onpart"), folder)


@pytest.fixture
def partner_in() -> Callable[[str], Partner]:
    return lambda mood: Partner(MOODS[mood])


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    return path


def intent(path: Path, attempt: str = "run-1") -> dict[str, Any]:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    item = {
        "name": NAME,
        "part": f"{NAME}.{attempt}.part",
        "bytes": len(content),
        "sha256": digest,
    }
    return {
        **dict.fromkeys(("file", "feed", "run_id", "package", "period"), "feed"),
        "attempt": attempt,
        "split": None,
        "destination": "onpart",
        "folder": "/",
        "name": NAME,
        "sha256": digest,
        "bytes": len(content),
        "rows": 1,
        "logical": "2026-01-15T06:00:00Z",
        "state": {"model": "m", "sha256": "x"},
        "items": [item],
    }


def deliver(ledger: Ledger, to: Partner, path: Path, **how: Any) -> Any:
    return send(ledger, lambda name, folder: to.open(folder), intent(path, **how), path)


def send(
    ledger: Ledger,
    connect: Any,
    intent: dict[str, Any],
    *paths: Path,
    policy: RetryPolicy | None = None,
) -> Any:
    attempt = Attempt(ledger, connect, intent, paths)
    return deliver_with_retries(attempt, policy or RetryPolicy())


def events(ledger: Ledger) -> list[str]:
    return [record["event"] for record in ledger.all()]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.jsonl")


def test_the_order_of_commands_is_the_safe_one(
    tmp_path: Path, ledger: Ledger, feed: Path
) -> None:
    with partner.serve(tmp_path / "p") as server:
        variables = Environment(server.variables())

        def open_(name: str, folder: str) -> Connection:
            return connect(Destination.read(variables, name), folder)

        record = send(ledger, open_, intent(feed), feed)

        sent = [command.split()[0] for command in server.commands]
        transfer = [word for word in sent if word in _COMMANDS]
        assert transfer == [
            "AUTH", "USER", "PASS", "PBSZ", "PROT", "TYPE",
            "STOR", "SIZE", "RNFR", "RNTO", "SIZE",
        ]  # fmt: skip
        assert f"STOR {NAME}.run-1.part" in " ".join(server.commands)
        assert [path.name for path in server.folder.iterdir()] == [NAME]
        assert (server.folder / NAME).read_bytes() == CONTENT
    assert events(ledger) == ["intent", "placing", "delivered"]
    assert record["receipt"]["tls"] in ("TLSv1.2", "TLSv1.3")
    assert record["receipt"]["certificate_checked"] is True
    assert record["receipt"]["files"][0]["rechecked"] is True


_COMMANDS = ("AUTH", "USER", "PASS", "PBSZ", "PROT", "TYPE", "STOR", "SIZE", "RNFR",
             "RNTO", "DELE")  # fmt: skip


@pytest.mark.parametrize("script", [Script(takes=0), Script(keep=None)], ids=str)
def test_a_part_that_is_taken_is_not_sent_again(
    ledger: Ledger, feed: Path, script: Script
) -> None:
    """The server moves every file out of the folder at its last byte, or keeps none."""
    words = r"run-1.part and no longer has it.*`.part` names.*publish settle run-1"
    with Partner(script) as to:
        for _ in range(2):
            with pytest.raises(Refused, match=words):
                reconcile.reconcile_open(ledger, lambda name, _: to.open(), "feed")
                send(
                    ledger,
                    lambda name, _: to.open(),
                    intent(feed),
                    feed,
                    policy=RetryPolicy(retries=3, pause=0),
                )
        assert to.uploads == 1
    assert events(ledger) == ["intent", "unknown"]


def test_a_manifest_that_is_taken_is_not_sent_again(
    ledger: Ledger, feed: Path, tmp_path: Path
) -> None:
    both = intent(feed)
    first = tmp_path / "feed.csv.json"
    first.write_bytes(b"{}")
    digest = hashlib.sha256(b"{}").hexdigest()
    part = f"{first.name}.run-1.part"
    item = {"name": first.name, "part": part, "bytes": 2, "sha256": digest}
    both["items"].insert(0, item)
    with Partner(Script(takes=0)) as to:
        with pytest.raises(Refused, match=part):
            send(ledger, lambda name, _: to.open(), both, first, feed)
        assert to.moved == [part]
        assert to.names() == []


@pytest.mark.parametrize("content", [b"", b"x", CONTENT], ids=["empty", "one", "many"])
def test_a_file_arrives_whole_and_replaces_the_old_one(
    partner_in: Any, ledger: Ledger, feed: Path, content: bytes
) -> None:
    feed.write_bytes(content)
    with partner_in("good") as to:
        (to.folder / NAME).write_bytes(b"old")
        deliver(ledger, to, feed)
        assert (to.names(), (to.folder / NAME).read_bytes()) == ([NAME], content)


@pytest.mark.parametrize(
    ("mood", "kind", "words"),
    [
        ("half", Temporary, f"expected {len(CONTENT)} bytes"),
        ("refuse", Refused, "553 Permission denied"),
        ("busy", Temporary, "450 Busy"),
        ("wrong-hash", Temporary, "0" * 64),
    ],
)
def test_what_did_not_arrive_whole_is_never_renamed(
    partner_in: Any, ledger: Ledger, feed: Path, mood: str, kind: type[Stop], words: str
) -> None:
    with partner_in(mood) as to:
        (to.folder / NAME).write_bytes(b"old")
        with pytest.raises(kind, match=words):
            deliver(ledger, to, feed)
        assert (to.names(), (to.folder / NAME).read_bytes()) == ([NAME], b"old")
    assert events(ledger) == ["intent", "failed"]


def test_a_hash_is_asked_where_the_server_offers_one(
    partner_in: Any, ledger: Ledger, feed: Path
) -> None:
    with partner_in("hash") as to:
        record = deliver(ledger, to, feed)
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert record["receipt"]["files"][0]["remote_hash"] == f"SHA-256 {digest}"


def test_a_server_that_refuses_to_replace_keeps_the_old_file(
    partner_in: Any, ledger: Ledger, feed: Path
) -> None:
    with partner_in("no-replace") as to:
        (to.folder / NAME).write_bytes(b"old")
        with pytest.raises(Refused, match="550 Rename failed"):
            deliver(ledger, to, feed)
        assert (to.names(), (to.folder / NAME).read_bytes()) == ([NAME], b"old")
        assert events(ledger) == ["intent", "placing", "failed"]


def test_a_server_that_only_says_it_renamed_is_found_out(
    partner_in: Any, ledger: Ledger, feed: Path
) -> None:
    with partner_in("lying") as to:
        with pytest.raises(Refused, match="but it is not"):
            deliver(ledger, to, feed)
        assert to.names() == []
    assert events(ledger)[-1] == "failed"


def test_a_lost_reply_to_the_rename_is_settled_by_looking(
    partner_in: Any, ledger: Ledger, feed: Path
) -> None:
    with partner_in("deaf") as to:
        record = deliver(ledger, to, feed)
        assert to.names() == [NAME]
    assert record["event"] == "delivered"
    assert record["receipt"]["settled"] is True


def test_a_file_picked_up_at_once_is_delivered(
    partner_in: Any, ledger: Ledger, feed: Path
) -> None:
    with partner_in("picked-up") as to:
        record = deliver(ledger, to, feed)
    assert record["event"] == "delivered"
    assert record["receipt"]["files"][0]["rechecked"] is False


def test_what_nobody_can_know_is_unknown_until_a_person_says(
    partner_in: Any, ledger: Ledger, feed: Path
) -> None:
    with partner_in("picked-up-deaf") as to:
        with pytest.raises(Refused, match="is unknown"):
            deliver(ledger, to, feed)
        with pytest.raises(Refused, match="publish settle run-1"):
            reconcile.reconcile_open(
                ledger, lambda name, folder: to.open(folder), "feed"
            )
    assert events(ledger)[-1] == "unknown"

    reconcile.settle_unknown(ledger, "run-1", True, "ann", "the partner has it")

    assert ledger.unknown("feed") == []
    assert ledger.last_delivered("feed", "onpart") is not None
    with pytest.raises(Refused, match="expected an attempt whose end is unknown"):
        reconcile.settle_unknown(ledger, "run-1", False, "ann", "no")


@pytest.mark.parametrize(
    ("placed", "part", "named", "outcome", "left"),
    [
        (False, CONTENT, None, "delivered", [NAME]),
        (False, CONTENT, b"old", "delivered", [NAME]),
        (False, CONTENT[:9], b"old", "failed", [NAME]),
        (False, None, None, "failed", []),
        (True, CONTENT, b"old", "delivered", [NAME]),
        (True, CONTENT[:9], b"old", "failed", [NAME]),
        (True, None, CONTENT, "delivered", [NAME]),
        (True, None, None, "unknown", []),
        (True, None, b"old", "unknown", [NAME]),
    ],
)
def test_an_open_intent_is_settled_by_what_lies_there(
    partner_in: Any,
    ledger: Ledger,
    feed: Path,
    placed: bool,
    part: bytes | None,
    named: bytes | None,
    outcome: str,
    left: list[str],
) -> None:
    opened = intent(feed)
    ledger.append("intent", **opened)
    if placed:
        ledger.append("placing", attempt="run-1", feed="feed")
    with partner_in("good") as to:
        if part is not None:
            (to.folder / opened["items"][0]["part"]).write_bytes(part)
        if named is not None:
            (to.folder / NAME).write_bytes(named)
        (to.folder / f"{NAME}.other-run.part").write_bytes(b"not ours")
        try:
            reconcile.reconcile_open(
                ledger, lambda name, folder: to.open(folder), "feed"
            )
        except Refused:
            assert outcome == "unknown"
        assert events(ledger)[-1] == outcome
        assert to.names() == sorted([*left, f"{NAME}.other-run.part"])
        if outcome == "delivered":
            assert (to.folder / NAME).read_bytes() == CONTENT


def test_a_server_killed_in_the_middle_leaves_no_name(
    partner_in: Any, tmp_path: Path, ledger: Ledger
) -> None:
    big = tmp_path / "big.csv"
    big.write_bytes(CONTENT * 100)
    with partner_in("good") as to:
        connection = to.open()
        with pytest.raises(Temporary, match=r"broke after [1-9]"):
            connection.put(big, f"{NAME}.x.part", lambda size: to.kill())
        connection.close()
        assert NAME not in to.names()


def test_two_files_take_their_names_only_when_both_are_there(
    partner_in: Any, tmp_path: Path, ledger: Ledger, feed: Path
) -> None:
    two = intent(feed)
    two["items"].append({**two["items"][0], "name": "gone.json", "part": "gone.part"})
    with partner_in("good") as to:
        with pytest.raises(Refused, match="cannot read"):
            missing = tmp_path / "gone.json"
            send(ledger, lambda name, folder: to.open(folder), two, feed, missing)
        assert to.names() == []
    assert events(ledger) == ["intent", "failed"]


def test_a_folder_is_a_partner_too(tmp_path: Path, ledger: Ledger, feed: Path) -> None:
    folder = tmp_path / "share"
    variables = Environment({"DEST_ONPART_URL": folder.as_uri()})

    def open_(name: str, folder: str) -> Connection:
        return connect(Destination.read(variables, name), folder)

    with pytest.raises(Refused, match="expected a folder"):
        send(ledger, open_, intent(feed), feed)
    folder.mkdir()
    send(ledger, open_, intent(feed, attempt="run-2"), feed)
    assert [path.name for path in folder.iterdir()] == [NAME]
    assert (folder / NAME).read_bytes() == CONTENT
