"""A folder or a mounted share as a partner."""

import hashlib
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from delivering import CONTENT, ODD_NAME, ignore

from publish.transport import Destination, connect
from publish.transport.connection import Connection
from publish.transport.errors import retry_of
from runtime.environment import Environment
from runtime.exits import Refused, Temporary


def open_(folder: Path) -> Connection:
    variables = Environment({"DEST_ONPART_URL": folder.as_uri()})
    return connect(Destination.read(variables, "onpart"), "")


def test_a_folder_stores_replaces_lists_and_removes(tmp_path: Path) -> None:
    source, share = tmp_path / "source", tmp_path / "a share"
    source.write_bytes(CONTENT)
    with pytest.raises(Refused, match="expected a folder"):
        open_(share)
    share.mkdir()
    (share / ODD_NAME).write_bytes(b"old")
    (share / "folder").mkdir()
    connection = open_(share)

    sent = connection.put(source, "x.part", ignore)
    digest = connection.hash("x.part")
    assert digest is not None
    assert sent.agrees(digest) is True
    assert sent.sha256 == hashlib.sha256(CONTENT).hexdigest()
    connection.rename("x.part", ODD_NAME)

    assert (share / ODD_NAME).read_bytes() == CONTENT
    assert [entry.name for entry in connection.entries()] == [ODD_NAME]
    assert connection.entries()[0].bytes == connection.size(ODD_NAME) == len(CONTENT)
    changed = connection.modified(ODD_NAME)
    assert changed is not None
    assert abs(datetime.now(UTC) - changed) < timedelta(minutes=5)
    assert connection.modified("none") is connection.size("none") is None
    connection.remove(ODD_NAME)
    connection.remove(ODD_NAME)  # gone already: no error
    assert connection.list() == ["folder"]
    connection.close()


def test_a_full_share_is_temporary(tmp_path: Path) -> None:
    source, share = tmp_path / "source", tmp_path / "share"
    source.write_bytes(CONTENT)
    share.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=65536", "tmpfs", str(share)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs the right to mount (CAP_SYS_ADMIN)")
    try:
        with pytest.raises(Temporary, match="No space left") as caught:
            open_(share).put(source, "x.part", ignore)
        assert retry_of(caught.value) == "retry_once"
    finally:
        subprocess.run(["umount", "--lazy", share], check=True)


def test_a_folder_in_the_way_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    (tmp_path / "share/x.csv").mkdir(parents=True)
    connection = open_(tmp_path / "share")
    connection.put(source, "x.part", ignore)
    with pytest.raises(Refused, match="directory"):
        connection.rename("x.part", "x.csv")
