"""SFTP at OpenSSH: refusals and failures."""

import asyncio
import gc
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncssh
import pytest
from checking import CheckProject
from commands import ROOT, clean_environment
from delivering import CONTENT, ignore, opened
from servers import machine
from servers.fixtures import Start
from servers.sftp import SftpStub
from servers.trust import ssh_key

from publish.deliver.retry import RetryPolicy
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
    assert retry_of(caught.value) == "no_retry"


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


def test_without_posix_rename_nothing_is_replaced(server: Start, source: Path) -> None:
    to = server("openssh", replace=False)
    old = to.lay(NAME, b"old")
    with opened(to) as connection:
        connection.put(source, PART, ignore)
        with pytest.raises(Refused, match=r"renaming .* posix-rename@o") as caught:
            connection.rename(PART, NAME)
        assert connection.size(PART) == len(CONTENT)
        assert old.read_bytes() == b"old"
        connection.rename(PART, f"new {NAME}")
    assert retry_of(caught.value) == "no_retry"
    assert to.names() == [NAME, f"new {NAME}"]


@pytest.mark.parametrize("replaces", [False, True])
def test_the_own_rename_of_sftp_is_enough_for_a_new_name(
    source: Path, replaces: bool
) -> None:
    """As at MySecureShell (replaces) and at servers that know no extension."""
    with SftpStub(posix_rename=False, replaces=replaces) as to, opened(to) as own:
        own.put(source, PART, ignore)
        own.rename(PART, NAME)
        own.put(source, PART, ignore)
        if replaces:
            own.rename(PART, NAME)
            assert to.names() == [NAME]
            return
        words = r"status 4.*to allow renames and to offer posix-rename@openssh.com"
        with pytest.raises(Refused, match=words):
            own.rename(PART, NAME)
        assert to.names() == [NAME, PART]


def test_a_host_key_by_sha1_is_refused_and_named(server: Start) -> None:
    to = server("openssh", host_key="ssh-rsa")
    with pytest.raises(Refused, match=r"ssh-ed25519.*ssh-rsa"), opened(to):
        pass


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
    """Writes are pipelined: the answer to the last one may come after the upload."""
    to = server("openssh", disk=2**20)
    big = tmp_path / "big"
    big.write_bytes(os.urandom(2**20 + over))
    with opened(to) as connection:
        with pytest.raises(Temporary, match="full disk") as caught:
            connection.put(big, PART, ignore)
        assert retry_of(caught.value) == "retry_once"
        connection.remove(PART)


def test_answers_may_come_in_any_order(server: Start, tmp_path: Path) -> None:
    """Green End's server, Debian's gesftpserver, works on many requests at once."""
    to = server("openssh", out_of_order=True)
    big = tmp_path / "big"
    big.write_bytes(os.urandom(20 * 2**20))
    with opened(to) as connection:
        connection.put(big, PART, ignore)
        assert connection.size(PART) == 20 * 2**20
        connection.rename(PART, NAME)
    assert (to.folder / NAME).read_bytes() == big.read_bytes()


@pytest.mark.parametrize("kex", ["curve25519-sha256", "ecdh-sha2-nistp256"])
def test_a_key_exchange_by_its_standard_name(server: Start, kex: str) -> None:
    with opened(server("openssh", kex=kex)) as connection:
        assert connection.facts()["cipher"] == "aes128-gcm@openssh.com"


def test_a_key_exchange_by_sha1_is_refused_and_named(server: Start) -> None:
    """Often, because the server ends the connection as we find the error."""
    kex = "diffie-hellman-group14-sha1"
    to = server("openssh", kex=kex)
    for _ in range(50):
        words = rf"sent \S*curve25519-sha256,.* received {kex}.*one that we take\.$"
        with pytest.raises(Refused, match=words), opened(to):
            pass


@pytest.mark.parametrize("greeting", [b"", b"hello, this is none\r\n"])
def test_a_server_without_ssh_is_temporary(tmp_path: Path, greeting: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_greet, args=(listener, greeting)).start()
        with pytest.raises(Temporary, match="connecting to sftp://127"):
            connect(_address(listener, tmp_path), "")


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("greeting", [b"", b"Not allowed at this time\r\n"])
def test_a_lost_greeting_may_be_a_penalty_and_is_tried_later(
    tmp_path: Path, greeting: bytes, reset: bool
) -> None:
    """OpenSSH 9.8 and later drops the connections of an address so."""

    def connecting() -> None:
        connect(to, "")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        to = _address(listener, tmp_path)
        thread = threading.Thread(target=_drop, args=(listener, greeting, reset))
        thread.start()
        # The pause of 20 s would end after the time allowed, so there is no second try.
        with pytest.raises(Temporary, match=r"its greeting\. .*PerSourcePenalties"):
            RetryPolicy(retries=3, seconds=15, pause=0).run(connecting)
        thread.join()
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_no_connection_of_a_check_is_without_a_login(
    server: Start, tmp_path: Path
) -> None:
    """OpenSSH 9.8 and later shuts out an address that connects without a login."""
    to, project = server("openssh"), CheckProject(tmp_path)
    project.variables = to.variables()
    assert project.check()["exit_code"] == 0
    # One for the tiny delivery, one for the files that the ledger does not know.
    assert to.logins() == [True, True]
    # And the one by which the test waited until the server answers.
    assert to.log.read_text().count("Connection from") == 1 + 2


def _address(listener: socket.socket, tmp_path: Path) -> Destination:
    given = {
        "URL": f"sftp://u@127.0.0.1:{listener.getsockname()[1]}",
        "PASSWORD": "pass-of-tests",
        "HOST_KEY": ssh_key(tmp_path / "key"),
        "TIMEOUT": "1",
    }
    variables = {f"DEST_ONPART_{name}": text for name, text in given.items()}
    return Destination.read(Environment(variables), "onpart")


def _drop(listener: socket.socket, greeting: bytes, reset: bool) -> None:
    client, _ = listener.accept()
    client.sendall(greeting)
    if reset:
        linger = struct.pack("ii", 1, 0)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    client.close()


def _greet(listener: socket.socket, greeting: bytes) -> None:
    client, _ = listener.accept()
    with client:
        client.sendall(greeting)
        # Until the client ends the connection.
        with suppress(OSError):
            while client.recv(1024):
                pass


_UPLOAD = """
import os
from pathlib import Path
import click
from publish.transport import Destination, connect
from runtime.command import run
from runtime.environment import Environment

@click.command()
@click.argument("source", type=Path)
def upload(source):
    connection = connect(Destination.read(Environment(dict(os.environ)), "onpart"), "")
    try:
        print("connected", flush=True)
        input()
        connection.put(source, "x.part", lambda size: None)
        print(connection.list())
    finally:
        connection.close()

run(upload)
"""


@contextmanager
def uploading(source: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has connected, and sends `source` after a line on its stdin."""
    environment = clean_environment(PYTHONPATH=ROOT, **variables)
    with subprocess.Popen(
        [sys.executable, "-c", _UPLOAD, str(source)], env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first == "connected\n", process.communicate()
        yield process


@pytest.mark.parametrize("size", [2**16, 2**26], ids=["answer", "upload"])
def test_a_signal_ends_what_waits_for_a_server(
    server: Start, tmp_path: Path, size: int
) -> None:
    """The server has stopped: no answer comes, and a large file does not go out."""
    to = server("openssh")
    source = tmp_path / "source"
    source.write_bytes(bytes(size))
    with uploading(source, **to.variables(), DEST_ONPART_TIMEOUT="300") as process:
        assert to.process is not None
        for each in to.process.all():
            each.suspend()
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=10)
    assert (process.returncode, "ended by signal 15" in error) == (143, True), error


def test_a_user_number_without_a_name_connects(server: Start, source: Path) -> None:
    """As in a container that runs under a number of its own."""
    to = server("openssh")
    empty = to.place / "no users"
    empty.touch()
    library = next(machine.unpacked().glob("usr/lib/*/libnss_wrapper.so"))
    nameless = {
        **dict.fromkeys(("LOGNAME", "USER", "LNAME", "USERNAME"), ""),
        **dict.fromkeys(("NSS_WRAPPER_PASSWD", "NSS_WRAPPER_GROUP"), str(empty)),
        "LD_PRELOAD": str(library),
        "HOME": "/",
    }
    with uploading(source, **to.variables(), **nameless) as process:
        output, error = process.communicate("\n", timeout=20)
    assert (process.returncode, output) == (0, "['x.part']\n"), error


def test_a_server_that_goes_while_we_send(server: Start, tmp_path: Path) -> None:
    to, ticks = server("openssh"), list[int]()
    big = tmp_path / "big"
    big.write_bytes(bytes(32 * 2**20))

    def tick(size: int) -> None:
        if not ticks:
            ticks.append(size)
            to.kill()

    with opened(to) as connection, pytest.raises(Temporary, match=r"broke after [1-9]"):
        connection.put(big, PART, tick)
    with pytest.raises(Temporary, match="connecting") as caught, opened(to):
        pass
    assert retry_of(caught.value) == "retry_often"


@pytest.mark.parametrize(
    ("error", "logged"), [(asyncssh.SFTPNoConnection("x"), 0), (ValueError("x"), 1)]
)
def test_only_what_we_do_not_report_is_logged(
    server: Start, caplog: pytest.LogCaptureFixture, error: Exception, logged: int
) -> None:
    """A write that asyncssh had split and forgot must not end up on stderr."""

    async def forget() -> None:
        async def fail() -> None:
            raise error

        asyncio.get_running_loop().create_task(fail())
        await asyncio.sleep(0.1)

    with opened(server("openssh")) as connection:
        asyncio.run_coroutine_threadsafe(forget(), connection._loop).result(5)  # type: ignore[attr-defined]
    gc.collect()
    assert len([one for one in caplog.records if one.name == "asyncio"]) == logged
