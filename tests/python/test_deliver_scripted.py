"""A scripted server: replies, closes and false answers that real ones rarely give."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest
from delivering import CONTENT, ignore, opened
from servers.script import Script
from servers.stub import PASSWORD, Stub
from servers.trust import ssh_key

from publish.transport.errors import retry_of
from runtime.exits import Refused, Stop, Temporary

NAME = "feed.csv.run-1.part"
# Larger than what sockets hold, so that a server's early end is noticed while sending.
BIG = CONTENT * 60


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("script", "kind", "words", "reply", "retry"),
    [
        ({"final": "426 broken off"}, Temporary, "426 broken off", 426, "retry_often"),
        ({"final": "450 try later"}, Temporary, "450 try later", 450, "retry_often"),
        (
            {"final": "451 local error"},
            Temporary,
            "451 local error",
            451,
            "retry_often",
        ),
        ({"final": "451 Permission denied"}, Temporary, "denied", 451, "retry_once"),
        ({"final": "452 no space"}, Temporary, "452 no space", 452, "retry_once"),
        ({"final": "552 over quota"}, Refused, "552 over quota", 552, "no_retry"),
        ({"final": "", "cut": "STOR"}, Temporary, "EOFError", None, "retry_often"),
        ({"final": ""}, Temporary, "timed out", None, "retry_often"),
        ({"refuse": "553 no such right"}, Refused, "553 no such", 553, "no_retry"),
        (
            {"refuse": "425 Operation not permitted"},
            Temporary,
            "425",
            425,
            "retry_once",
        ),
        ({"refuse": "421 going down"}, Temporary, "421 going", 421, "retry_often"),
        ({"login": "530 no"}, Refused, "530 no.*DEST_ONPART_PASSWORD", 530, "no_retry"),
        ({"login": "421 too many"}, Temporary, "421 too many", 421, "retry_often"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
@pytest.mark.sample(12)
def test_a_reply_ends_in_the_right_class(
    source: Path, tls: str, script: dict[str, Any], kind: type[Stop], words: str,
    reply: int | None, retry: str,
) -> None:  # fmt: skip
    with Stub(Script(tls=tls, **script)) as to:
        with pytest.raises(kind, match=words) as caught:
            _put(to, source, REPLY_TIMEOUT="1")
        assert getattr(caught.value, "reply", 0) == reply
        assert retry_of(caught.value) == retry
        assert to.password not in str(caught.value)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("final", ["552 over quota", "452 disk full", "426 broken"])
def test_a_reply_sent_during_the_upload_is_read(
    source: Path, tls: str, final: str
) -> None:
    source.write_bytes(BIG)
    with Stub(Script(tls=tls, early=100_000, final=final)) as to:
        kind = Refused if final.startswith("5") else Temporary
        with pytest.raises(
            kind, match=rf"broke after .* bytes.*said: {final}"
        ) as caught:
            _put(to, source)
        assert getattr(caught.value, "reply", 0) == int(final[:3])


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("close", ["good", "fin", "rst", "silent"])
@pytest.mark.sample(3)
def test_an_unclean_end_of_the_data_is_no_failure(
    source: Path, tls: str, close: str
) -> None:
    with Stub(Script(tls=tls, close=close)) as to:
        _put(to, source)
        assert (to.folder / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("mode", ["explicit", "implicit", "plain"])
def test_a_transfer_may_be_confirmed_after_the_handshake(
    source: Path, mode: str
) -> None:
    """As ftp-srv for Node.js does."""
    began = time.monotonic()
    with Stub(Script(late_150=True, reuse=mode != "plain", mode=mode)) as to:
        _put(to, source)
        assert (to.folder / NAME).read_bytes() == CONTENT
    assert time.monotonic() - began < 8


def test_a_refused_upload_shows_at_once(source: Path) -> None:
    began = time.monotonic()
    refuse = "553 no such right"
    with Stub(Script(refuse=refuse)) as to, pytest.raises(Refused, match=refuse):
        _put(to, source, TIMEOUT="60")
    assert time.monotonic() - began < 20


def test_clear_text_after_auth_is_tried_again(source: Path) -> None:
    """As ftp-srv does, if the first byte of TLS comes too early."""
    words = "agreed to TLS and then answered in clear text"
    with Stub(Script(clear=True)) as to:
        with pytest.raises(Temporary, match=words) as caught:
            _put(to, source)
        assert retry_of(caught.value) == "retry_often"
        assert "USER" not in to.words()


@pytest.mark.parametrize(
    ("script", "scheme", "words"),
    [
        (Script(demands_tls=True), "ftp", r"530 .*demands TLS\. Write ftps://"),
        (Script(greeting="SSH-2.0-OpenSSH_9.2"), "ftp", "Write sftp://"),
        (Script(greeting="SSH-2.0-OpenSSH_9.2"), "ftps", "Write sftp://"),
        (Script(), "sftp", "is an FTP server. Write ftps://"),
    ],
)
def test_the_right_scheme_is_named(
    tmp_path: Path, script: Script, scheme: str, words: str
) -> None:
    with Stub(script) as to:
        url = to.url.replace("ftps://", f"{scheme}://")
        key = {"HOST_KEY": ssh_key(tmp_path / "key")}
        with pytest.raises(Refused, match=words) as caught, opened(to, URL=url, **key):
            pass
    assert "DEST_ONPART_PASSWORD" not in str(caught.value)


def test_a_late_reply_is_waited_for(source: Path) -> None:
    with Stub(Script(late=1.5)) as to:
        _put(to, source, TIMEOUT="1", REPLY_TIMEOUT="10")
        assert (to.folder / NAME).read_bytes() == CONTENT


def test_half_a_file_under_a_226_is_found_by_its_size(source: Path) -> None:
    with Stub(Script(keep=0.5)) as to, opened(to) as connection:
        sent = connection.put(source, NAME, ignore)
        assert connection.size(NAME) == sent.bytes // 2


@pytest.mark.parametrize(("hash_", "agrees"), [("right", True), ("wrong", False)])
def test_a_servers_hash_is_compared(source: Path, hash_: str, agrees: bool) -> None:
    with Stub(Script(hash=hash_)) as to, opened(to) as connection:
        sent = connection.put(source, NAME, ignore)
        digest = connection.hash(NAME)
        assert digest is not None
        assert sent.agrees(digest) is agrees
        assert "OPTS HASH SHA-256" in to.commands


def test_a_hash_that_is_listed_and_unknown_is_none(source: Path) -> None:
    with Stub(Script(features=("SIZE", "XMD5"))) as to, opened(to) as connection:
        connection.put(source, NAME, ignore)
        assert connection.hash(NAME) is None


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_the_data_connection_resumes_the_session(source: Path, tls: str) -> None:
    with Stub(Script(tls=tls, reuse=True)) as to, opened(to) as connection:
        for number in range(3):
            connection.put(source, f"{number}", ignore)
        assert connection.facts()["session_resumed"] is True
        assert to.reused == [True] * 3


@pytest.mark.parametrize(
    ("given", "word"), [({}, "PASV"), ({"EPSV": "1"}, "EPSV")], ids=["pasv", "epsv"]
)
def test_the_address_in_a_227_reply_is_not_used(
    source: Path, given: dict[str, str], word: str
) -> None:
    with Stub(Script(pasv="10.255.255.1")) as to:
        _put(to, source, **given)
        assert word in to.words()
        assert len({"PASV", "EPSV"} & set(to.words())) == 1


@pytest.mark.parametrize("mode", ["explicit", "implicit", "plain"])
def test_the_order_of_commands(source: Path, mode: str) -> None:
    secure = {"explicit": ["AUTH"], "implicit": [], "plain": []}[mode]
    protect = ["PBSZ", "PROT"] if mode != "plain" else []
    with Stub(Script(mode=mode)) as to:
        with opened(to) as connection:
            connection.put(source, NAME, ignore)
            connection.size(NAME)
            connection.rename(NAME, "feed.csv")
        assert to.words() == [
            *secure, "USER", "PASS", *protect, "TYPE", "FEAT",
            "PASV", "STOR", "SIZE", "RNFR", "RNTO", "QUIT",
        ]  # fmt: skip


def test_a_control_connection_is_kept_alive() -> None:
    with Stub() as to, opened(to) as connection:
        control = connection._ftp.sock  # type: ignore[attr-defined]
        options = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
        values = [
            control.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
            for name in options
        ]
        assert control.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert values == [60, 30, 4]


def test_clear_text_is_warned_of_and_in_the_receipt(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Stub(Script(mode="plain")) as to, opened(to) as connection:
        assert connection.facts()["encrypted"] is False
        assert connection.facts()["tls"] is None
    assert "NOT encrypted" in caplog.text


def test_implicit_tls_at_a_server_without_tls_is_refused() -> None:
    with Stub(Script(mode="plain")) as to:
        url = to.url.replace("ftp://", "ftps+implicit://")
        with pytest.raises(Refused, match="which one it is"), opened(to, URL=url):
            pass
        assert "USER" not in to.words()


def test_a_silent_server_is_temporary() -> None:
    """Explicit TLS at an implicit server: it waits for TLS, we wait for a greeting."""
    began = time.monotonic()
    with Stub(Script(mode="implicit")) as to:
        url = to.url.replace("ftps+implicit", "ftps")
        with (
            pytest.raises(Temporary, match="timed out"),
            opened(to, "", URL=url, TIMEOUT="1"),
        ):
            pass
    assert time.monotonic() - began < 8


def test_a_password_that_a_server_repeats_is_not_shown() -> None:
    script = Script(login=f"530 'PASS {PASSWORD}' did not help")
    with Stub(script) as to, pytest.raises(Refused, match="530") as caught, opened(to):
        pass
    assert "'PASS …' did not help" in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_tls_1_3_can_be_left_out() -> None:
    with Stub(Script(tls="1.3")) as to:
        with opened(to) as connection:
            assert connection.facts()["tls"] == "TLSv1.3"
        with (
            pytest.raises(Refused, match=r"Expected TLS 1\.2"),
            opened(to, TLS_MAX="1.2"),
        ):
            pass


@pytest.mark.parametrize("name", ["a\r\nDELE b", "a\nb", "a\0b", "a\x7f"])
def test_a_name_never_becomes_a_command(source: Path, name: str) -> None:
    with Stub() as to, opened(to) as connection:
        before = len(to.commands)
        for call in (
            lambda: connection.put(source, name, ignore),
            lambda: connection.size(name),
            lambda: connection.modified(name),
            lambda: connection.rename("a", name),
            lambda: connection.rename(name, "a"),
            lambda: connection.remove(name),
        ):
            with pytest.raises(Refused, match="control characters"):
                call()
        assert len(to.commands) == before


def _put(to: Stub, source: Path, **more: str) -> None:
    with opened(to, **more) as connection:
        connection.put(source, NAME, ignore)
