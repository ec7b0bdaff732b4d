"""Real servers that refuse, fail or end: the class and the server's own line."""

import os
from pathlib import Path

import pytest
from delivering import CONTENT, ignore, opened
from servers.fixtures import Start

from publish.transport.errors import retry_of
from publish.transport.ftp_files import hash_offered
from runtime.exits import Refused, Temporary

NAME = "feed.csv"
PART = f"{NAME}.run-1.part"
FTPS = ["vsftpd", "proftpd", "pure-ftpd", "pyftpdlib"]
FOUR = pytest.mark.parametrize("kind", FTPS)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


@FOUR
@pytest.mark.sample(2)
def test_a_wrong_password_is_refused_and_not_shown(server: Start, kind: str) -> None:
    to = server(kind)
    with (
        pytest.raises(Refused, match=r"530 .*DEST_ONPART_PASSWORD") as caught,
        opened(to, PASSWORD="not-" + to.password),
    ):
        pass
    assert to.password not in str(caught.value)
    assert retry_of(caught.value) == "no_retry"


@FOUR
@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ("wrong-host", "Hostname mismatch"),
        ("self-signed", "self.signed certificate"),
        ("untrusted", "unable to get local issuer certificate|signature failure"),
    ],
)
def test_a_certificate_that_is_not_the_partners(
    server: Start, kind: str, certificate: str, words: str
) -> None:
    to = server(kind, certificate=certificate)
    with pytest.raises(Refused, match=words) as caught, opened(to):
        pass
    assert "DEST_ONPART_CA_FILE" in str(caught.value)
    assert to.logins() == []
    with opened(to, TLS_VERIFY="0") as connection:
        assert connection.facts()["certificate_checked"] is False


@pytest.mark.parametrize("kind", ["vsftpd", "proftpd", "pure-ftpd", "pyftpdlib"])
def test_a_server_without_tls_gets_no_password(server: Start, kind: str) -> None:
    to = server(kind, mode="plain")
    url = to.url.replace("ftp://", "ftps://")
    with (
        pytest.raises(Refused, match=r"AUTH.*Nothing is sent in clear text"),
        opened(to, URL=url),
    ):
        pass
    assert to.logins() == []


@FOUR
def test_a_folder_that_is_missing(server: Start, kind: str) -> None:
    to = server(kind)
    with (
        pytest.raises(Refused, match=r"entering the folder in/näh failed .*550"),
        opened(to, "/in/näh/"),
    ):
        pass
    (to.folder / "in/näh").mkdir(parents=True)
    with opened(to, "/näh", URL=to.url + "/in") as connection:
        assert connection.list() == []


@FOUR
def test_no_right_to_write(server: Start, kind: str, source: Path) -> None:
    to = server(kind, read_only=True)
    with opened(to) as connection, pytest.raises(Refused, match=r"5\d\d "):
        connection.put(source, PART, ignore)
    assert to.names() == []


@FOUR
def test_no_right_to_remove_or_rename(server: Start, kind: str) -> None:
    to = server(kind)
    to.lay(NAME, b"old")
    to.folder.chmod(0o555)
    try:
        with opened(to) as connection:
            with pytest.raises((Refused, Temporary), match=r"550|451") as caught:
                connection.rename(NAME, "other.csv")
            # Pure-FTPd answers 451, a temporary code.
            expected = (
                "retry_once" if isinstance(caught.value, Temporary) else "no_retry"
            )
            assert retry_of(caught.value) == expected
        with opened(to) as connection, pytest.raises((Refused, Temporary)):
            connection.remove(NAME)
    finally:
        to.folder.chmod(0o755)
    assert to.names() == [NAME]


@FOUR
def test_a_folder_has_the_name(server: Start, kind: str, source: Path) -> None:
    to = server(kind)
    (to.folder / NAME).mkdir()
    with opened(to) as connection:
        connection.put(source, PART, ignore)
        with pytest.raises((Refused, Temporary), match=r"550|451") as caught:
            connection.rename(PART, NAME)
    assert retry_of(caught.value) in ("no_retry", "retry_once")


@pytest.mark.parametrize("kind", ["proftpd", "pyftpdlib", "pure-ftpd"])
def test_a_server_that_does_not_replace(server: Start, kind: str, source: Path) -> None:
    to = server(kind, replace=False)
    old = to.lay(NAME, b"old")
    with opened(to) as connection:
        connection.put(source, PART, ignore)
        with pytest.raises(Refused, match="550 "):
            connection.rename(PART, NAME)
        assert connection.size(NAME) == 3
    assert old.read_bytes() == b"old"


@FOUR
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.sample(3)
def test_a_full_disk(server: Start, tmp_path: Path, kind: str, tls: str) -> None:
    """A 4xx or 5xx line or the size shows it; it is never a success."""
    to = server(kind, tls=tls, disk=2**20)
    big = _big(tmp_path, 8 * 2**20)
    with opened(to) as connection:
        try:
            sent = connection.put(big, PART, ignore)
        except (Refused, Temporary) as error:
            assert kind == "pyftpdlib" or "said" in str(error) or "45" in str(error)
        else:
            assert (connection.size(PART) or 0) < sent.bytes
    with opened(to) as connection:
        connection.remove(PART)
        small = tmp_path / "small"
        small.write_bytes(b"x")
        connection.put(small, PART, ignore)
        assert connection.size(PART) == 1


@pytest.mark.parametrize("kind", ["proftpd", "pure-ftpd"])
def test_a_quota(server: Start, tmp_path: Path, kind: str) -> None:
    to = server(kind, quota=2 * 2**20)
    big = _big(tmp_path, 5 * 2**20)
    words = "552.* still count files that were taken away.* need room together"
    with opened(to) as connection, pytest.raises(Refused, match=words) as caught:
        connection.put(big, PART, ignore)
    assert getattr(caught.value, "reply", None) == 552


@pytest.mark.parametrize("kind", ["proftpd", "pure-ftpd"])
@pytest.mark.parametrize("removed", [True, False], ids=["taken away", "replaced"])
def test_how_servers_count_a_quota(
    server: Start, tmp_path: Path, kind: str, removed: bool
) -> None:
    """What was taken away still counts, and old and new count together."""
    to = server(kind, quota=500_000)
    source = _big(tmp_path, 300_000)
    with opened(to) as connection:
        connection.put(source, PART, ignore)
        connection.rename(PART, NAME)
    if removed:
        (to.folder / NAME).unlink()
    with opened(to) as connection, pytest.raises(Refused, match="552"):
        connection.put(source, PART, ignore)
    # Pure-FTPd counts in a file of its own.
    assert set(to.names()) - {".ftpquota"} == (set() if removed else {NAME})


@FOUR
@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_server_that_goes_while_we_send(
    server: Start, tmp_path: Path, kind: str, end: str
) -> None:
    to = server(kind)
    big, ticks = _big(tmp_path, 64 * 2**20), list[int]()

    def tick(size: int) -> None:
        if not ticks:
            ticks.append(size)
            getattr(to, end)()

    with (
        opened(to) as connection,
        pytest.raises(Temporary, match=r"broke after [1-9]"),
    ):
        connection.put(big, PART, tick)
    with pytest.raises(Temporary, match="Connection refused") as caught, opened(to):
        pass
    assert retry_of(caught.value) == "retry_often"
    to.start()
    with opened(to) as connection:
        assert connection.size(NAME) is None


@pytest.mark.parametrize("kind", ["vsftpd", "proftpd"])
def test_a_server_that_goes_before_the_rename(
    server: Start, kind: str, source: Path
) -> None:
    to = server(kind)
    with opened(to) as connection:
        connection.put(source, PART, ignore)
        to.kill()
        with pytest.raises(Temporary):
            connection.rename(PART, NAME)
    assert to.names() == [PART]


@FOUR
def test_sizes_by_other_ways(server: Start, kind: str, source: Path) -> None:
    """Without SIZE the size comes from MLST or a listing."""
    to = server(kind)
    with opened(to) as connection:
        for name in (NAME, "b c.csv"):
            connection.put(source, name, ignore)
        features = connection._features  # type: ignore[attr-defined]
        for command in ("SIZE", "MLST"):
            features.pop(command, None)
            assert connection.size("b c.csv") == len(CONTENT)
            assert connection.size(NAME) == len(CONTENT)
            assert connection.size("c.csv") is None
        assert connection.list() == sorted([NAME, "b c.csv"])


@pytest.mark.parametrize(
    ("left", "algorithm"),
    [
        ("HASH XCRC XMD5 XSHA256", "SHA-256"),
        ("XCRC XMD5 XSHA1 XSHA256", "SHA-256"),
        ("XSHA512 XSHA1", "SHA-512"),
        ("XCRC XMD5 XSHA1", "SHA-1"),
        ("XCRC XMD5", "MD5"),
        ("XCRC", "CRC32"),
        ("", None),
    ],
)
def test_every_hash_of_a_server_is_compared(
    server: Start, source: Path, left: str, algorithm: str | None
) -> None:
    to = server("proftpd", hashes=True)
    with opened(to) as connection:
        features = connection._features  # type: ignore[attr-defined]
        remaining = {
            name: text for name, text in features.items() if name in left.split()
        }
        offered = hash_offered(remaining)
        connection._algorithm, connection._hash_command = offered  # type: ignore[attr-defined]
        for name, content in (("x", b"x"), ("many", CONTENT)):
            source.write_bytes(content)
            sent = connection.put(source, name, ignore)
            digest = connection.hash(name)
            if algorithm is None:
                assert digest is None
                continue
            assert digest is not None
            assert (digest.algorithm, sent.agrees(digest)) == (algorithm, True)
            # The server caches hashes by the time of the file.
            to.lay(name, b"y" + content[1:])
            os.utime(to.folder / name, (0, 0))
            changed = connection.hash(name)
            assert changed is not None
            assert sent.agrees(changed) is False


def _big(folder: Path, size: int) -> Path:
    path = folder / "big"
    with path.open("wb") as file:
        file.truncate(size)
    return path
