"""Every server of the tests, by every protocol and TLS version that it has."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from delivering import CONTENT, ODD_NAME, ignore, opened
from servers import CELLS, Cell
from servers.fixtures import Start

NAME = "feed.csv"
PART = f"{NAME}.run-1.part"


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_server_stores_replaces_lists_and_removes(
    server: Start, tmp_path: Path, cell: Cell
) -> None:
    """One connection: all that a delivery does, and every other method."""
    to = server(cell.kind, mode=cell.mode, tls=cell.tls)
    old = to.lay(NAME, b"old")
    old.chmod(0o660)
    source, ticks = tmp_path / "source", list[int]()
    source.write_bytes(CONTENT)
    with opened(to) as connection:
        sent = connection.put(source, PART, ticks.append)

        assert (sent.bytes, sent.sha256) == (len(CONTENT), _sha256(CONTENT))
        assert sum(ticks) == len(CONTENT)
        assert connection.size(PART) == len(CONTENT)
        assert old.read_bytes() == b"old"
        digest = connection.hash(PART)
        assert digest is None or sent.agrees(digest) is True

        connection.rename(PART, NAME)
        assert (to.names(), old.read_bytes()) == ([NAME], CONTENT)
        assert connection.size(PART) is None
        assert connection.size(NAME) == len(CONTENT)
        assert b"".join(connection.read(NAME)) == CONTENT
        changed = connection.modified(NAME)
        assert changed is not None
        assert abs(datetime.now(UTC) - changed) < timedelta(minutes=5)
        assert connection.modified("none.csv") is None
        # That of the new file, not of the one that it replaced.
        assert (to.folder / NAME).stat().st_mode & 0o7777 == 0o644
        assert connection.mode(NAME) == "0644"
        connection.set_mode(NAME, "0604")
        assert (to.folder / NAME).stat().st_mode & 0o7777 == 0o604
        assert connection.mode(NAME) == "0604"
        assert connection.mode("none.csv") is None

        for content, name in ((b"", "empty.csv"), (b"x", ODD_NAME)):
            source.write_bytes(content)
            connection.put(source, f"{name}.part", ignore)
            assert connection.size(f"{name}.part") == len(content)
            connection.rename(f"{name}.part", name)
            assert (to.folder / name).read_bytes() == content
        assert sorted(connection.list()) == sorted([NAME, "empty.csv", ODD_NAME])
        sizes = {entry.name: entry.bytes for entry in connection.entries()}
        assert set(sizes) == {NAME, "empty.csv", ODD_NAME}
        assert sizes[NAME] in (len(CONTENT), None)

        for name in (NAME, "empty.csv", ODD_NAME, "never was.csv"):
            connection.remove(name)
        assert (to.names(), list(connection.list())) == ([], [])
        facts = connection.facts()
    assert facts["encrypted"] is (cell.mode != "plain")
    if cell.tls:
        assert facts["tls"] == f"TLSv{cell.tls}"
        assert facts["certificate_checked"] is True
        ends = datetime.fromisoformat(facts["certificate_ends"])
        assert timedelta(days=29) < ends - datetime.now(UTC) < timedelta(days=31)
        # Pure-FTPd does not resume under TLS 1.3, and does not ask for it.
        assert facts["session_resumed"] or (cell.kind, cell.tls) == ("pure-ftpd", "1.3")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
