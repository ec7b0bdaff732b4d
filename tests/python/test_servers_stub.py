"""The scripted server does what its script says, seen by a client that is not ours."""

import ftplib
import hashlib
import io
import ssl
from contextlib import suppress
from typing import Any

import pytest
from servers import client
from servers.script import Script
from servers.stub import Stub

CONTENT = b"a,b\n1,2\n" * 40_000
HALF = CONTENT[: len(CONTENT) // 2]


@pytest.mark.parametrize("mode", ["explicit", "implicit", "plain"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_it_takes_a_file_and_replaces_the_old_one(mode: str, tls: str) -> None:
    with Stub(Script(mode=mode, tls=tls, reuse=True)) as to:
        (to.folder / "feed.csv").write_bytes(b"old")
        client.upload(to, "feed.csv", CONTENT)
        assert to.names() == ["feed.csv"]
        assert (to.folder / "feed.csv").read_bytes() == CONTENT
        assert to.commands[-1] == "QUIT"
        assert to.uploads == 1
        assert to.reused == ([] if mode == "plain" else [True])
        assert to.password not in str(to.commands)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_it_refuses_data_without_session_reuse(tls: str) -> None:
    with Stub(Script(reuse=True, tls=tls)) as to:
        with client.login(to, resume=False) as session:
            reply = client.refusal(session, "x", CONTENT * 20)
            session.close()
        assert reply == "522 SSL connection failed: session reuse required"
        assert (to.names(), to.reused) == ([], [False])


@pytest.mark.parametrize(
    ("final", "error"),
    [
        ("426 broken", ftplib.error_temp),
        ("450 busy", ftplib.error_temp),
        ("451 no", ftplib.error_temp),
        ("452 full", ftplib.error_temp),
        ("552 quota", ftplib.error_perm),
        ("", TimeoutError),
    ],
)
def test_it_ends_an_upload_with_the_reply_of_its_script(
    final: str, error: type[Exception]
) -> None:
    with (
        Stub(Script(final=final, keep=0.5)) as to,
        client.login(to, timeout=1 if final == "" else 15) as session,
    ):
        with pytest.raises(error, match=final or None):
            session.storbinary("STOR x", io.BytesIO(CONTENT))
        assert (to.folder / "x").read_bytes() == HALF
        session.close()


def test_it_says_226_with_half_of_it_stored() -> None:
    with Stub(Script(keep=0.5)) as to, client.login(to) as session:
        assert session.storbinary("STOR x", io.BytesIO(CONTENT)) == "226 stored"
        assert session.size("x") == len(HALF)


def test_it_replies_late() -> None:
    with Stub(Script(late=1.5)) as to:
        with client.login(to, timeout=0.7) as session:
            with pytest.raises(TimeoutError):
                session.storbinary("STOR x", io.BytesIO(CONTENT))
            session.close()
        with client.login(to) as session:
            assert session.storbinary("STOR x", io.BytesIO(CONTENT)) == "226 stored"


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("close", "error"),
    [
        ("good", None),
        ("fin", ssl.SSLEOFError),
        ("rst", ConnectionResetError),
        ("silent", TimeoutError),
    ],
)
def test_it_ends_the_data_connection_as_told(
    close: str, error: type[Exception] | None, tls: str
) -> None:
    with Stub(Script(close=close, tls=tls)) as to:
        with client.login(to, timeout=1) as session:
            data = session.transfercmd("STOR x")
            assert isinstance(data, ssl.SSLSocket)
            data.sendall(CONTENT)
            if error is None:
                data.unwrap().close()
            elif close == "fin":
                # Not every Python tells this from an end in order.
                with suppress(error):
                    data.unwrap()
                data.close()
            else:
                with pytest.raises(error):
                    data.unwrap()
                data.close()
            assert session.voidresp() == "226 stored"
        assert (to.folder / "x").read_bytes() == CONTENT


def test_it_may_break_off_early_with_a_reason() -> None:
    with Stub(Script(early=100_000, final="552 Quota exceeded")) as to:
        with client.login(to) as session:
            reply = client.refusal(session, "x", CONTENT * 20)
            session.close()
        assert reply == "552 Quota exceeded"
        assert 100_000 <= (to.folder / "x").stat().st_size < len(CONTENT) * 20


@pytest.mark.parametrize(("keep", "left"), [(1.0, CONTENT), (0.5, HALF), (None, None)])
def test_the_reply_to_an_upload_is_lost(keep: float | None, left: bytes | None) -> None:
    with Stub(Script(cut="STOR", keep=keep)) as to:
        with pytest.raises(EOFError), client.login(to) as session:
            session.storbinary("STOR x", io.BytesIO(CONTENT))
        with client.login(to) as session:
            if left is None:
                with pytest.raises(ftplib.error_perm, match="550"):
                    session.size("x")
            else:
                assert session.size("x") == len(left)
                assert (to.folder / "x").read_bytes() == left


@pytest.mark.parametrize(
    ("after", "left"), [("there", CONTENT), ("gone", None), ("other", HALF)]
)
def test_the_reply_to_a_rename_is_lost(after: str, left: bytes | None) -> None:
    with Stub(Script(cut="RNTO", after=after)) as to:
        with pytest.raises(EOFError):
            client.upload(to, "x", CONTENT)
        assert to.names() == ([] if left is None else ["x"])
        if left is not None:
            assert (to.folder / "x").read_bytes() == left


@pytest.mark.parametrize(
    ("script", "error", "names"),
    [
        ({"rnto": "550 no"}, "550 no", ["x.part"]),
        ({"rnto": "553 no"}, "553 no", ["x.part"]),
        ({"replaces": False}, "550 Rename failed", ["x", "x.part"]),
        ({"renames": False}, "", ["x.part"]),
        ({"after": "gone"}, "", []),
    ],
)
def test_a_rename_is_refused_or_only_said_to_be_done(
    script: dict[str, Any], error: str, names: list[str]
) -> None:
    with Stub(Script(**script)) as to:
        if "replaces" in script:
            (to.folder / "x").write_bytes(b"old")
        if error:
            with pytest.raises(ftplib.error_perm, match=error):
                client.upload(to, "x", CONTENT)
        else:
            client.upload(to, "x", CONTENT)
        assert to.names() == names


def test_sizes_and_hashes_are_as_scripted() -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    with Stub(Script(size_error=-1, hash="right")) as to:
        (to.folder / "x").write_bytes(CONTENT)
        with client.login(to) as session:
            assert session.size("x") == len(CONTENT) - 1
            assert digest in session.sendcmd("HASH x")
            assert digest.upper() in session.sendcmd("XSHA256 x")
            to.script = Script(hash="wrong")
            assert session.size("x") == len(CONTENT)
            assert digest not in session.sendcmd("HASH x")
            to.script = Script()
            with pytest.raises(ftplib.error_perm, match="500"):
                session.sendcmd("HASH x")
            session.voidcmd("TYPE A")
            with pytest.raises(ftplib.error_perm, match="550 SIZE not allowed"):
                session.sendcmd("SIZE x")


def test_an_address_in_227_may_be_private() -> None:
    with Stub(Script(pasv="10.1.2.3")) as to, client.login(to) as session:
        assert "(10,1,2,3," in session.sendcmd("PASV")


def test_it_may_refuse_before_the_data_or_at_the_login() -> None:
    with Stub(Script(refuse="450 Busy", login="530 Locked")) as to:
        with pytest.raises(ftplib.error_perm, match="530 Locked"), client.login(to):
            pass
        to.script = Script(refuse="450 Busy")
        with client.login(to) as session:
            assert client.refusal(session, "x", CONTENT) == "450 Busy"


def test_it_may_mend_after_some_uploads() -> None:
    with Stub(Script(final="451 again", times=1)) as to, client.login(to) as session:
        assert client.refusal(session, "x", CONTENT) == "451 again"
        assert session.storbinary("STOR x", io.BytesIO(CONTENT)) == "226 stored"


@pytest.mark.parametrize("certificate", ["wrong-host", "self-signed", "untrusted"])
def test_its_certificate_may_prove_nothing(certificate: str) -> None:
    with (
        Stub(Script(certificate=certificate)) as to,
        pytest.raises(ssl.SSLCertVerificationError),
        client.login(to),
    ):
        pass


def test_it_can_be_killed_in_the_middle() -> None:
    with Stub() as to, pytest.raises((OSError, EOFError)), client.login(to) as session:
        data = session.transfercmd("STOR x")
        data.sendall(CONTENT)
        to.kill()
        with suppress(OSError):
            data.close()
        session.voidresp()
