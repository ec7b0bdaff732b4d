"""SFTP against OpenSSH: what it refuses, and how it fails."""

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from delivering import CONTENT, ignore, opened
from servers.fixtures import Start
from servers.trust import ssh_key

from publish.transport import Destination, connect
from publish.transport.errors import retry_of
from runtime.environment import Environment
from runtime.exits import Refused, Temporary

NAME = "feed.csv"
PART = f"{NAME}.run-1.part"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


def test_a_wrong_password_is_refused_and_not_shown(server: Start) -> None:
    to = server("openssh")
    given = "not-" + to.password
    with pytest.raises(Refused, match="KEY_FILE") as caught, opened(to, PASSWORD=given):
        pass
    assert to.password not in str(caught.value)
    assert retry_of(caught.value) == "never"


def test_a_folder_that_is_missing_or_relative(server: Start) -> None:
    to = server("openssh")
    with pytest.raises(Refused, match="entering the folder"), opened(to, "/none"):
        pass
    (to.folder / "in").mkdir()
    (to.folder / "in/x.csv").write_bytes(b"x")
    url = f"sftp://{to.user}@{to.host}:{to.port}"
    for ours, folder in (
        (f"{url}/~/in", ""),
        (f"{url}/~", "/in"),
        (url, "in"),
        (to.url, "in"),
    ):
        with opened(to, folder, URL=ours) as connection:
            assert connection.list() == ["x.csv"]


def test_no_right_to_write_or_remove(server: Start, source: Path) -> None:
    to = server("openssh")
    to.lay(NAME, b"old")
    to.folder.chmod(0o555)
    try:
        with opened(to) as connection:
            for call in (
                lambda: connection.put(source, PART, ignore),
                lambda: connection.rename(NAME, "b.csv"),
                lambda: connection.remove(NAME),
            ):
                with pytest.raises(Refused, match="denied"):
                    call()
    finally:
        to.folder.chmod(0o755)
    assert to.names() == [NAME]


def test_without_posix_rename_nothing_takes_its_place(
    server: Start, source: Path
) -> None:
    to = server("openssh", replace=False)
    old = to.lay(NAME, b"old")
    with opened(to) as connection:
        connection.put(source, PART, ignore)
        with pytest.raises(Refused, match="renaming") as caught:
            connection.rename(PART, NAME)
        assert connection.size(PART) == len(CONTENT)
    assert retry_of(caught.value) == "never"
    assert old.read_bytes() == b"old"


def test_a_folder_has_the_name(server: Start, source: Path) -> None:
    to = server("openssh")
    (to.folder / NAME).mkdir()
    with opened(to) as connection:
        connection.put(source, PART, ignore)
        with pytest.raises(Refused, match="Failure"):
            connection.rename(PART, NAME)


@pytest.mark.parametrize("over", [1, 40_000, 6 * 2**20])
def test_a_full_disk_is_seen_to_the_last_block(
    server: Start, tmp_path: Path, over: int
) -> None:
    """Paramiko's own close would not wait for the answers to the last writes."""
    to = server("openssh", disk=2**20)
    big = tmp_path / "big"
    big.write_bytes(os.urandom(2**20 + over))
    with opened(to) as connection:
        with pytest.raises(Temporary, match="full disk") as caught:
            connection.put(big, PART, ignore)
        assert retry_of(caught.value) == "seldom"
        connection.remove(PART)


@pytest.mark.parametrize("word", [b"", b"220 this is FTP\r\n"])
def test_what_is_not_an_ssh_server_is_given_up(tmp_path: Path, word: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_talk, args=(listener, word)).start()
        given = {
            "URL": f"sftp://u@127.0.0.1:{listener.getsockname()[1]}",
            "PASSWORD": "pass-of-tests",
            "HOST_KEY": ssh_key(tmp_path / "key"),
            "TIMEOUT": "1",
        }
        variables = {f"DEST_ONPART_{name}": text for name, text in given.items()}
        to = Destination.of(Environment(variables), "onpart")
        with pytest.raises(Temporary, match="connecting to sftp://127"):
            connect(to, "")


def _talk(listener: socket.socket, word: bytes) -> None:
    client, _ = listener.accept()
    with client:
        client.sendall(word)
        # Until the client has gone.
        with suppress(OSError):
            while client.recv(1024):
                pass


def test_a_server_that_goes_while_we_send(server: Start, tmp_path: Path) -> None:
    to, told = server("openssh"), []
    big = tmp_path / "big"
    big.write_bytes(bytes(32 * 2**20))

    def tick(size: int) -> None:
        if not told:
            told.append(size)
            to.kill()

    with opened(to) as connection, pytest.raises(Temporary, match=r"broke after [1-9]"):
        connection.put(big, PART, tick)
    with pytest.raises(Temporary, match="connecting") as caught, opened(to):
        pass
    assert retry_of(caught.value) == "soon"
