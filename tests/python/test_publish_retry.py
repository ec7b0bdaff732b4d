"""Tries, back-off and orphaned parts, at real servers."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from faults import places
from servers.fixtures import Start
from stopping import stopped

from publish.deliver import reconcile
from publish.deliver.attempt import Attempt
from publish.deliver.retry import RetryPolicy, deliver_with_retries
from publish.transport import Destination, connect
from publish.transport.connection import Connection
from runtime.environment import Environment
from runtime.exits import Refused, Temporary
from store.ledger import Ledger

NAME = "feed.csv"
CONTENT = b"a,b\n1,2\n" * 40_000  # five blocks
ATTEMPT = "20260115T070000Z-0123abcd-00ff00"
QUICK = RetryPolicy(retries=3, pause=0.01)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ledger.jsonl"


@pytest.fixture
def ledger(path: Path) -> Ledger:
    return Ledger(path)


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    return path


@contextmanager
def forgetful(mood: str) -> Iterator[places.Place]:
    place = places.make("forgetful")
    place.set_fault(mood)
    try:
        yield place
    finally:
        place.close()


def opener(variables: dict[str, str]) -> Any:
    given = Environment({"DEST_ONPART_TIMEOUT": "11", **variables})

    def open_(name: str, folder: str) -> Connection:
        return connect(Destination.read(given, name), folder)

    return open_


def intent(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    part = f"{NAME}.{ATTEMPT}.part"
    item = {"name": NAME, "part": part, "bytes": len(content), "sha256": digest}
    return {
        **dict.fromkeys(("file", "feed", "run_id", "package", "period"), "feed"),
        "attempt": ATTEMPT, "split": None, "destination": "onpart", "folder": "/",
        "name": NAME, "sha256": digest, "bytes": len(content),
        "rows": 1, "logical": "2026-01-15T06:00:00Z", "items": [item],
        "state": {"model": "m", "sha256": "x"},
    }  # fmt: skip


def deliver(ledger: Ledger, variables: dict[str, str], path: Path, **how: Any) -> Any:
    record = how.get("intent", intent(path))
    attempt = Attempt(ledger, opener(variables), record, [path])
    return deliver_with_retries(attempt, how.get("policy", QUICK))


def events(ledger: Ledger) -> list[str]:
    return [record["event"] for record in ledger.all()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_each_try_has_its_own_part_and_its_own_record(
    ledger: Ledger, feed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with forgetful("450 2") as to, caplog.at_level("WARNING", "feeds"):
        record = deliver(ledger, to.variables, feed)
        assert names(to.folder) == [NAME]
    once = ["intent", "failed"]
    assert events(ledger) == [*once, *once, "intent", "placing", "delivered"]
    parts = [record["items"][0]["part"] for record in ledger.all("intent")]
    assert parts == [f"{NAME}.{ATTEMPT}{n}.part" for n in ("", "-2", "-3")]
    tries = record["receipt"]["tries"]
    assert [one["attempt"] for one in tries] == [ATTEMPT, f"{ATTEMPT}-2"]
    assert all("450 Busy" in one["why"] for one in tries)
    tries = [record.fields["tries"] for record in caplog.records]
    assert tries == [1, 2]


def test_the_last_error_says_how_often_it_was_tried(ledger: Ledger, feed: Path) -> None:
    with forgetful("450 99") as to:
        with pytest.raises(Temporary, match=r"450 Busy.*Tried 4 times in \d+ s"):
            deliver(ledger, to.variables, feed)
        assert names(to.folder) == []
    assert events(ledger) == ["intent", "failed"] * 4


def test_no_try_begins_after_the_time_allowed(ledger: Ledger, feed: Path) -> None:
    with forgetful("450 99") as to, pytest.raises(Temporary, match="450 Busy"):
        deliver(ledger, to.variables, feed, policy=RetryPolicy(9, seconds=1, pause=5))
    assert events(ledger) == ["intent", "failed"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [("vsftpd", "^onpart: sending .*553"), ("openssh", "^onpart: sending .*denied")],
)
def test_what_is_refused_is_not_tried_again(
    ledger: Ledger, feed: Path, server: Start, kind: str, words: str
) -> None:
    to = server(kind, read_only=True)
    with pytest.raises(Refused, match=words):
        deliver(ledger, to.variables(), feed)
    assert events(ledger) == ["intent", "failed"]


def test_a_wrong_password_is_tried_once_and_clears_nothing(
    ledger: Ledger, feed: Path, server: Start
) -> None:
    to = server("vsftpd")
    variables = {**to.variables(), "DEST_ONPART_PASSWORD": "wrong"}
    with pytest.raises(Refused, match="530"):
        deliver(ledger, variables, feed)
    assert to.logins() == [False]


def test_a_temporary_code_with_lasting_text_is_tried_once_more(
    ledger: Ledger, feed: Path, server: Start
) -> None:
    """Pure-FTPd calls a folder under the file's name temporary: 451."""
    to = server("pure-ftpd")
    (to.folder / NAME).mkdir()
    with pytest.raises(Temporary, match=r"451 .*Is a directory"):
        deliver(ledger, to.variables(), feed)
    assert events(ledger) == ["intent", "placing", "failed"] * 2
    assert to.names() == [NAME]


@pytest.mark.parametrize("mood", ["226 1", "250 1"])
def test_a_lost_reply_costs_no_second_upload(
    ledger: Ledger, feed: Path, mood: str
) -> None:
    with forgetful(mood) as to:
        record = deliver(ledger, to.variables, feed)
        assert names(to.folder) == [NAME]
    assert events(ledger) == ["intent", "placing", "delivered"]
    assert record["receipt"]["settled"] is True


def test_a_disk_that_fills_up_leaves_the_old_file_and_no_part(
    ledger: Ledger, feed: Path, server: Start
) -> None:
    feed.write_bytes(CONTENT * 9)
    to = server("vsftpd", disk=1 << 21)
    to.lay(NAME, b"old")
    with pytest.raises(Temporary, match=r"45[12].*Tried 4 times"):
        deliver(ledger, to.variables(), feed)
    assert (to.names(), (to.folder / NAME).read_bytes()) == ([NAME], b"old")


def test_a_part_that_could_not_be_removed_is_removed_by_the_next_run(
    path: Path, feed: Path, server: Start
) -> None:
    """The server is killed in the upload, and is away when we clean up."""
    to = server("vsftpd")
    open_ = opener(to.variables())
    other = to.lay(f"{NAME}.20260115T070000Z-99999999-99ff00.part", b"not ours")
    variables = {**to.variables(), "DEST_ONPART_RETRIES": 0}
    with stopped("in-stor", path, intent(feed), feed, variables) as run:
        to.kill()
        run.go_on()
        code, log = run.ended()
    assert (code, "checks this first" in log) == (75, True), log
    ledger = Ledger(path)
    assert [r["attempt"] for r in ledger.open_intents("feed")] == [ATTEMPT]
    assert f"{NAME}.{ATTEMPT}.part" in to.names()
    with pytest.raises(Temporary):
        reconcile.reconcile_open(ledger, open_, "feed")
    assert len(ledger.open_intents("feed")) == 1

    to.start()
    reconcile.reconcile_open(ledger, open_, "feed")

    assert to.names() == [other.name]
    assert events(ledger) == ["intent", "failed"]


def test_an_open_try_is_settled_before_another_is_sent(
    path: Path, feed: Path, server: Start
) -> None:
    """The server is killed as the rename is asked for, and comes back later."""
    to = server("vsftpd")
    patient = {"DEST_ONPART_RETRIES": 50, "DEST_ONPART_RETRY_PAUSE": 0.01}
    variables = {**to.variables(), **patient}
    with stopped("before-rnto", path, intent(feed), feed, variables) as run:
        to.kill()
        run.go_on()
        run.wait_for("tries=2 ")
        to.start()
        code, log = run.ended()
    assert code == 0, log
    (record,) = Ledger(path).all("delivered")
    assert record["attempt"] == ATTEMPT
    assert record["receipt"]["settled"] is True
    assert events(Ledger(path)) == ["intent", "placing", "delivered"]
    assert (to.names(), (to.folder / NAME).read_bytes()) == ([NAME], CONTENT)


def test_a_server_that_refuses_to_replace_keeps_the_old_file(
    ledger: Ledger, feed: Path, server: Start
) -> None:
    to = server("proftpd", replace=False)
    to.lay(NAME, b"old")
    with pytest.raises(Refused, match="550"):
        deliver(ledger, to.variables(), feed)
    assert (to.names(), (to.folder / NAME).read_bytes()) == ([NAME], b"old")
    assert events(ledger) == ["intent", "placing", "failed"]


def test_a_name_with_the_time_replaces_nothing(
    ledger: Ledger, feed: Path, server: Start
) -> None:
    to = server("proftpd", replace=False)
    for day in ("15", "16"):
        feed.write_bytes(CONTENT + day.encode())
        record = {**intent(feed), "attempt": f"{ATTEMPT}-{day}"}
        record["items"][0]["name"] = record["name"] = f"feed-202601{day}.csv"
        deliver(ledger, to.variables(), feed, intent=record)
    assert to.names() == ["feed-20260115.csv", "feed-20260116.csv"]


def test_only_parts_in_our_ledger_are_removed(
    ledger: Ledger, feed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "partner"
    folder.mkdir()
    variables = {"DEST_ONPART_URL": folder.as_uri()}
    record = deliver(ledger, variables, feed)
    assert "parts" not in record["receipt"]
    ours = f"old.csv.{ATTEMPT}.part"
    theirs = f"old.csv.{ATTEMPT.replace('0f', '1f')}.part"
    for name in (ours, theirs, "other.part", f"{ATTEMPT}.part.csv"):
        (folder / name).write_bytes(b"x")
    again = {**intent(feed), "attempt": f"{ATTEMPT}-7"}
    record = deliver(ledger, variables, feed, intent=again)
    assert record["receipt"]["parts"] == {"removed": [ours], "left": [theirs]}
    assert ours not in names(folder)
    assert {theirs, "other.part", f"{ATTEMPT}.part.csv"} < set(names(folder))


def test_a_share_that_fills_up_is_named(
    ledger: Ledger, feed: Path, server: Start
) -> None:
    to = server("vsftpd", disk=1 << 18)
    variables = {"DEST_ONPART_URL": to.folder.as_uri()}
    with pytest.raises((Refused, Temporary), match="No space left"):
        deliver(ledger, variables, feed)
    assert to.names() == []
    assert events(ledger)[-1] == "failed"
