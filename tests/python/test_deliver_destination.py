"""The variables of a destination: errors name one, and show no secret."""

import ssl
from pathlib import Path

import pytest

from publish.transport import Destination
from publish.transport.ftp_session import tls_context
from runtime.environment import Environment
from runtime.exits import Misuse, Refused

PASSWORD = "s3cret-of-the-partner"
KEY = "ssh-ed25519 AAAA"


def read_destination(**given: str) -> Destination:
    named = {f"DEST_ONPART_{name}": text for name, text in given.items()}
    return Destination.read(Environment(named), "onpart")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "DEST_ONPART_URL is not set"),
        ({"URL": "ftps://u:hidden@h"}, "Put it in DEST_ONPART_PASSWORD"),
        ({"URL": "http://h"}, "expected ftps://.*found http"),
        ({"URL": "/folder"}, "expected ftps://.*no scheme"),
        ({"URL": "ftp://u@h"}, "DEST_ONPART_ALLOW_PLAINTEXT=1"),
        ({"URL": "ftp://u@h", "ALLOW_PLAINTEXT": "0"}, "ALLOW_PLAINTEXT=1"),
        ({"URL": "ftps://"}, "found no host"),
        ({"URL": "ftps://u@" + "x" * 64}, "not a name"),
        ({"URL": "ftps://u@h:x"}, "not a number"),
        ({"URL": "ftps://u@h:70000"}, "not a number"),
        ({"URL": "ftps://u@h/a?b"}, "%3F"),
        ({"URL": "ftps://u@h/a#b"}, "%23"),
        (
            {"URL": "ftps://u@h/a%0D%0ADELE b", "PASSWORD": "x"},
            "DEST_ONPART_URL has a control",
        ),
        ({"URL": "ftps://u@h/a\tb"}, "DEST_ONPART_URL has a control"),
        ({"URL": "ftps://u%0a@h", "PASSWORD": "x"}, "DEST_ONPART_USER has a control"),
        ({"URL": "ftps://u@h"}, "DEST_ONPART_PASSWORD is not set"),
        ({"URL": "ftps://u@h", "PASSWORD": "hidden\r\nDELE"}, "DEST_ONPART_PASSWORD"),
        ({"URL": "ftps://h", "PASSWORD": "x"}, "DEST_ONPART_USER is not set"),
        ({"URL": "ftps://u@h", "CA_FILE": "/no"}, "DEST_ONPART_CA_FILE"),
        ({"URL": "ftps://u@h", "PASSWORD": "x", "TLS_MAX": "1.1"}, "1.2 or 1.3"),
        ({"URL": "ftps://u@h", "PASSWORD": "x", "TLS_VERIFY": "maybe"}, "TLS_VERIFY"),
        ({"URL": "ftps://u@h", "PASSWORD": "x", "TIMEOUT": "0"}, "DEST_ONPART_TIMEOUT"),
        ({"URL": "ftps://u@h", "PASSWORD": "x", "EPSV": "?"}, "DEST_ONPART_EPSV"),
        ({"URL": "sftp://u@h", "PASSWORD": "x"}, "KNOWN_HOSTS.*DEST_ONPART_HOST_KEY"),
        ({"URL": "sftp://u@h", "KNOWN_HOSTS": "/no"}, "DEST_ONPART_KNOWN_HOSTS"),
        ({"URL": "sftp://u@h", "HOST_KEY": KEY}, "DEST_ONPART_PASSWORD is not set"),
        ({"URL": "sftp://u@h", "HOST_KEY": KEY, "KEY_FILE": "/no"}, "KEY_FILE"),
        ({"URL": "file://server/share"}, "found a host"),
    ],
)
def test_a_mistake_names_its_variable(given: dict[str, str], words: str) -> None:
    with pytest.raises(Misuse, match=words) as caught:
        read_destination(**given)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "port", "server"),
    [
        ("ftps://u@h", 21, "ftps://h:21"),
        ("ftps+implicit://u@h", 990, "ftps+implicit://h:990"),
        ("ftps+implicit://u@h:2990", 2990, "ftps+implicit://h:2990"),
        ("ftp://u@h", 21, "ftp://h:21"),
        ("sftp://u@h", 22, "sftp://h:22"),
        ("ftps://u@[::1]:99", 99, "ftps://[::1]:99"),
    ],
)
def test_a_scheme_has_its_port(url: str, port: int, server: str) -> None:
    destination = read_destination(
        URL=url, PASSWORD="x", ALLOW_PLAINTEXT="1", HOST_KEY=KEY
    )
    assert (destination.port, destination.server, destination.user) == (
        port,
        server,
        "u",
    )


@pytest.mark.parametrize(
    ("url", "folder", "whole"),
    [
        ("ftps://u@h", "/", ""),
        ("ftps://u@h/", "", ""),
        ("ftps://u@h/in", "/parts/", "in/parts"),
        ("ftps://u@h/in%20box/", "m%", "in box/m%"),
        ("ftps://u@h//srv/in", "parts", "/srv/in/parts"),
        ("sftp://u@h", "parts", "parts"),
        ("sftp://u@h/", "", ""),
        ("sftp://u@h/in", "parts", "/in/parts"),
        ("sftp://u@h/~/in", "parts", "in/parts"),
        ("sftp://u@h/~", "", ""),
    ],
)
def test_the_folders_of_url_and_exposure_add_up(
    url: str, folder: str, whole: str
) -> None:
    assert read_destination(URL=url, PASSWORD="x", HOST_KEY=KEY).folder(folder) == whole


def test_a_folder_of_an_exposure_is_no_command() -> None:
    destination = read_destination(URL="ftps://u@h", PASSWORD="x")
    with pytest.raises(Refused, match="control characters"):
        destination.folder("in\r\nDELE x")


def test_a_password_is_asked_only_where_it_is_needed(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch()
    assert read_destination(URL="file:///srv").password is None
    destination = read_destination(URL="sftp://u@h", HOST_KEY=KEY, KEY_FILE=str(key))
    assert (destination.password, destination.ssh.key_file) == (None, key)


def test_tls_is_never_older_than_1_2_and_always_checked() -> None:
    context = tls_context(read_destination(URL="ftps://u@h", PASSWORD="x"))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    limited = tls_context(
        read_destination(URL="ftps://u@h", PASSWORD="x", TLS_MAX="1.2")
    )
    assert limited.maximum_version is ssl.TLSVersion.TLSv1_2


def test_the_user_may_be_a_variable() -> None:
    assert read_destination(URL="ftps://h", USER="ann@x", PASSWORD="x").user == "ann@x"
    assert (
        read_destination(URL="ftps://bob%40x@h", USER="ann", PASSWORD="x").user
        == "bob@x"
    )


def test_no_secret_is_ever_shown() -> None:
    given = {"URL": "sftp://u@h", "HOST_KEY": KEY, "PASSWORD": PASSWORD}
    destination = read_destination(**given, KEY_PASSPHRASE="opens-the-key")
    shown = f"{destination!r} {destination} {destination.ssh!r}"
    assert PASSWORD not in shown
    assert "opens-the-key" not in shown
    text = f"500 'PASS {PASSWORD}' not understood, opens-the-key"
    assert destination.redact(text) == "500 'PASS …' not understood, …"
