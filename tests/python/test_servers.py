"""The servers that delivery is tested against are what they are said to be.

Checked by clients that are not ours: curl, sftp and the standard library's ftplib.
"""

import ctypes
import ftplib
import hashlib
import re
import shlex
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from servers import CELLS, KINDS, Cell, Server, client, fixtures, machine, start

CONTENT = b"a,b\n1,2\n" * 40_000
TLS_CELLS = [cell for cell in CELLS if cell.tls]
DEMANDING = [cell for cell in TLS_CELLS if cell.kind in ("vsftpd", "proftpd")]
# Broken off by the server: what ftplib raises depends on who noticed first.
BROKEN = (ftplib.Error, OSError)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


def start_cell(server: fixtures.Start, cell: Cell, **options: object) -> Server:
    return server(cell.kind, mode=cell.mode, tls=cell.tls, **options)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_every_cell_takes_a_file_and_replaces_the_old_one(
    server: fixtures.Start, cell: Cell, source: Path
) -> None:
    to = start_cell(server, cell)
    to.lay("feed.csv", b"old")
    if cell.mode == "sftp":
        done = client.sftp(
            to,
            f"put {shlex.quote(str(source))} feed.csv.part",
            "rename feed.csv.part feed.csv",
            "ls -l feed.csv",
        )
        assert done.returncode == 0, done.stderr
    else:
        client.upload(to, "feed.csv", CONTENT)
    assert to.names() == ["feed.csv"]
    assert (to.folder / "feed.csv").read_bytes() == CONTENT
    assert to.logins() == [True]


# curl 7.88 loses the end of uploads to vsftpd under TLS 1.3.
@pytest.mark.parametrize(
    "cell",
    [cell for cell in CELLS if cell.mode != "sftp" and cell.tls != "1.3"],
    ids=str,
)
def test_curl_delivers_too(server: fixtures.Start, cell: Cell, source: Path) -> None:
    to = start_cell(server, cell)
    done = client.curl(to, source, "feed.csv")
    assert done.returncode == 0, done.stderr
    assert (to.folder / "feed.csv").read_bytes() == CONTENT


@pytest.mark.parametrize("cell", TLS_CELLS, ids=str)
def test_a_server_speaks_the_tls_that_it_was_asked_for(
    server: fixtures.Start, cell: Cell
) -> None:
    to = start_cell(server, cell)
    with client.login(to) as session:
        assert isinstance(session.sock, ssl.SSLSocket)
        assert session.sock.version() == f"TLSv{cell.tls}"


@pytest.mark.parametrize("cell", DEMANDING, ids=str)
def test_vsftpd_and_proftpd_refuse_data_without_session_reuse(
    server: fixtures.Start, cell: Cell
) -> None:
    to = start_cell(server, cell)
    with client.login(to, resume=False) as session:
        reply = client.refusal(session, "feed.csv", CONTENT)
        session.close()
    assert reply.startswith({"vsftpd": "522 ", "proftpd": "425 "}[cell.kind])
    assert to.names() in ([], ["feed.csv"])
    assert all(path.stat().st_size == 0 for path in to.folder.iterdir())

    forgiving = start_cell(server, cell, session_reuse=False)
    client.upload(forgiving, "feed.csv", CONTENT, resume=False)
    assert forgiving.names() == ["feed.csv"]


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ("wrong-host", "Hostname mismatch"),
        ("self-signed", "self-signed certificate"),
        ("untrusted", "unable to get local issuer certificate"),
    ],
)
@pytest.mark.parametrize("cell", [c for c in TLS_CELLS if c.tls == "1.3"], ids=str)
def test_a_verifying_client_refuses_a_certificate_that_proves_nothing(
    server: fixtures.Start, cell: Cell, certificate: str, words: str
) -> None:
    to = start_cell(server, cell, certificate=certificate)
    with (
        pytest.raises(ssl.SSLCertVerificationError, match=words),
        client.login(to),
    ):
        pass
    assert to.logins() == []


def test_a_client_refuses_an_unknown_host_key(server: fixtures.Start) -> None:
    to = server("openssh", certificate="untrusted")
    done = client.sftp(to, "ls")
    assert done.returncode != 0
    assert "Host key verification failed" in done.stderr
    assert to.logins() == []


@pytest.mark.parametrize(
    ("kind", "mode", "reply"),
    [
        ("vsftpd", "explicit", "451 Failure writing to local file"),
        (
            "proftpd",
            "explicit",
            "45[12] .*(No space left|File too large|Input/output error)",
        ),
        ("pure-ftpd", "explicit", "451"),
        ("pyftpdlib", "plain", "426"),  # under TLS it says nothing
    ],
)
def test_a_full_disk_is_an_error(
    server: fixtures.Start, kind: str, mode: str, reply: str
) -> None:
    to = server(kind, mode=mode, disk=200_000)
    with client.login(to) as session:
        assert re.match(reply, client.refusal(session, "feed.csv", CONTENT))
        session.close()
    assert (to.folder / "feed.csv").stat().st_size <= 200_704


def test_a_full_disk_is_an_error_of_sftp(server: fixtures.Start, source: Path) -> None:
    to = server("openssh", disk=200_000)
    done = client.sftp(to, f"put {shlex.quote(str(source))} feed.csv")
    assert done.returncode != 0
    assert (to.folder / "feed.csv").stat().st_size <= 200_704


@pytest.mark.parametrize("kind", ["proftpd", "pure-ftpd"])
def test_a_quota_refuses_what_is_too_much(server: fixtures.Start, kind: str) -> None:
    to = server(kind, mode="plain", quota=2_000_000)
    client.upload(to, "first.csv", CONTENT)
    with client.login(to) as session:
        assert "uota" in client.refusal(session, "second.csv", CONTENT * 10)
        session.close()
    assert to.names()[-1] == "first.csv"


@pytest.mark.parametrize(
    ("kind", "options", "reply"),
    [
        ("proftpd", {"replace": False}, "550 .*Rename permission denied"),
        ("pure-ftpd", {"replace": False}, "550 Rename/move failure"),
        ("pyftpdlib", {"replace": False}, "550 Rename failed"),
        ("vsftpd", {"rename": False}, "550 Permission denied"),
    ],
)
def test_a_server_may_refuse_to_replace(
    server: fixtures.Start, kind: str, options: dict[str, bool], reply: str
) -> None:
    to = server(kind, **options)
    to.lay("feed.csv", b"old")
    with pytest.raises(ftplib.error_perm, match=reply):
        client.upload(to, "feed.csv", CONTENT)
    assert (to.folder / "feed.csv").read_bytes() == b"old"
    assert to.names() == ["feed.csv", "feed.csv.part"]


def test_sftp_may_refuse_to_replace(server: fixtures.Start, source: Path) -> None:
    to = server("openssh", replace=False)
    to.lay("feed.csv", b"old")
    done = client.sftp(to, f"put {shlex.quote(str(source))} p", "rename p feed.csv")
    assert done.returncode != 0
    assert (to.folder / "feed.csv").read_bytes() == b"old"


def test_an_upload_may_silently_get_another_name(server: fixtures.Start) -> None:
    to = server("pure-ftpd", autorename=True)
    to.lay("feed.csv.part", b"stale" * (len(CONTENT) // 5))
    client.upload(to, "feed.csv", CONTENT)
    assert (to.folder / "feed.csv").read_bytes() != CONTENT
    assert to.names() == ["feed.csv", "feed.csv.part.1"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "openssh"])
def test_a_folder_may_be_read_only(server: fixtures.Start, kind: str) -> None:
    to = server(kind, read_only=True)
    with pytest.raises(ftplib.error_perm, match=r"55[03]"):
        client.upload(to, "feed.csv", CONTENT)
    assert to.names() == []


def test_a_folder_may_be_read_only_for_sftp(
    server: fixtures.Start, source: Path
) -> None:
    to = server("openssh", read_only=True)
    done = client.sftp(to, f"put {shlex.quote(str(source))} feed.csv")
    assert "ermission denied" in done.stderr
    assert to.names() == []


def test_hashes_are_offered_where_asked_for(server: fixtures.Start) -> None:
    with client.login(server("proftpd")) as session:
        assert "XSHA256" not in session.sendcmd("FEAT")
    to = server("proftpd", hashes=True)
    to.lay("x", CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    with client.login(to) as session:
        session.sendcmd("OPTS HASH SHA-256")
        assert digest in session.sendcmd("HASH x")
        assert digest in session.sendcmd("XSHA256 x").lower()


@pytest.mark.parametrize("kind", ["vsftpd", "proftpd", "pyftpdlib"])
def test_a_failed_login_is_counted(server: fixtures.Start, kind: str) -> None:
    to = server(kind)
    with (
        pytest.raises(ftplib.error_perm, match="530"),
        client.login(to, password="wrong"),
    ):
        pass
    with client.login(to):
        pass
    assert to.logins() == [False, True]


def test_sftp_takes_a_password_and_counts_a_wrong_one(server: fixtures.Start) -> None:
    to = server("openssh")
    assert client.sftp(to, "ls", password="wrong").returncode != 0
    assert client.sftp(to, "ls", password=to.password).returncode == 0
    assert to.logins() == [False, True]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "openssh"])
def test_a_killed_server_takes_its_sessions_with_it_and_can_come_back(
    server: fixtures.Start, kind: str
) -> None:
    to = server(kind)
    port = to.port
    with pytest.raises((*BROKEN, EOFError)), client.login(to) as session:
        to.kill()
        session.voidcmd("NOOP")
    with pytest.raises(ConnectionRefusedError), client.login(to):
        pass
    to.start()
    assert to.port == port
    client.upload(to, "feed.csv", CONTENT)
    assert to.names() == ["feed.csv"]


def test_passwords_hashed_at_the_same_time_do_not_mix() -> None:
    words = [f"word {number % 2}" for number in range(200)]
    with ThreadPoolExecutor(4) as pool:
        hashes = list(pool.map(machine.hashed, words))
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    for word, one in zip(words, hashes, strict=True):
        assert crypt(word.encode(), one.encode()).decode() == one


def test_a_server_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="quota"):
        start("vsftpd", quota=1)
    with pytest.raises(ValueError, match="implicit"):
        start("pure-ftpd", mode="implicit")
