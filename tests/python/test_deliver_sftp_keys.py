"""SFTP at OpenSSH: the server's key and ours."""

import base64
import hashlib
import hmac
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from delivering import CONTENT, ignore, opened
from servers import Server, machine
from servers.fixtures import Start
from servers.trust import ssh_key

from runtime.exits import Misuse, Refused

PART = "feed.csv.run-1.part"
PASSPHRASE = "passphrase of the tests"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


def test_an_unknown_key_is_refused_and_shown(server: Start) -> None:
    to = server("openssh")
    to.known_hosts.write_text("# none yet\n")
    with pytest.raises(Refused, match="DEST_ONPART_KNOWN_HOSTS") as caught, opened(to):
        pass
    assert _fingerprint(to) in str(caught.value)
    assert to.logins() == []


def test_a_key_that_changed_is_refused_and_both_are_shown(server: Start) -> None:
    to = server("openssh", certificate="untrusted")
    with pytest.raises(Refused, match="has changed") as caught, opened(to):
        pass
    assert _fingerprint(to) in str(caught.value)
    assert str(caught.value).count("SHA256:") == 2
    assert to.logins() == []


def test_the_key_of_another_host_is_not_accepted(server: Start) -> None:
    to = server("openssh")
    key = to.known_hosts.read_text().partition(" ")[2]
    to.known_hosts.write_text(f"other.example {key}")
    with pytest.raises(Refused, match="is not known"), opened(to):
        pass


def test_a_key_may_be_given_as_text(server: Start, source: Path) -> None:
    to = server("openssh")
    key = to.known_hosts.read_text().partition(" ")[2].strip()
    with opened(to, KNOWN_HOSTS="", HOST_KEY=key) as connection:
        assert connection.list() == []
        assert connection.facts()["host_key"] == _fingerprint(to)


def test_hashed_host_names_are_understood(server: Start) -> None:
    to = server("openssh")
    name, _, key = to.known_hosts.read_text().partition(" ")
    to.known_hosts.write_text(f"{_hashed(name)} {key}")
    assert "localhost" not in to.known_hosts.read_text()
    with opened(to):
        pass


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@revoked {line}", "@revoked"),
        ("@cert-authority * ssh-ed25519 AAAA", "@cert-authority"),
    ],
)
def test_marked_lines_are_refused(server: Start, text: str, words: str) -> None:
    to = server("openssh")
    line = to.known_hosts.read_text()
    to.known_hosts.write_text(text.format(line=line) + "\n" + line)
    with pytest.raises(Misuse, match=words), opened(to):
        pass


@pytest.mark.parametrize(
    "key", ["nonsense", "ssh-ed25519", "ssh-ed25519 !!!", "ssh-x AAAA"]
)
def test_a_host_key_that_is_none_names_its_variable(server: Start, key: str) -> None:
    to = server("openssh")
    with pytest.raises(Misuse, match="DEST_ONPART_HOST_KEY"), opened(to, HOST_KEY=key):
        pass


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_key_logs_in_without_a_password(
    server: Start, source: Path, kind: str, locked: bool
) -> None:
    to = server("openssh")
    _authorise(to, kind, PASSPHRASE if locked else None)
    given = {"PASSWORD": "", "KEY_FILE": str(to.key_file)}
    if locked:
        with (
            pytest.raises(Misuse, match=r"is locked.*KEY_PASSPHRASE"),
            opened(to, **given),
        ):
            pass
        wrong = {**given, "KEY_PASSPHRASE": "wrong one"}
        with pytest.raises(Misuse, match="KEY_FILE") as caught, opened(to, **wrong):
            pass
        assert "wrong one" not in str(caught.value)
        given["KEY_PASSPHRASE"] = PASSPHRASE
    with opened(to, **given) as connection:
        connection.put(source, PART, ignore)
        assert connection.size(PART) == len(CONTENT)


def test_a_key_that_the_server_does_not_know(server: Start, tmp_path: Path) -> None:
    to = server("openssh")
    ssh_key(tmp_path / "stranger")
    given = {"PASSWORD": "", "KEY_FILE": str(tmp_path / "stranger")}
    with pytest.raises(Refused, match="DEST_ONPART_KEY_FILE"), opened(to, **given):
        pass


def test_nothing_of_the_users_own_is_used(
    server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither ~/.ssh nor an agent decides to whom we connect and as whom."""
    to = server("openssh")
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/known_hosts").write_text(to.known_hosts.read_text())
    (home / ".ssh/id_ed25519").write_bytes(to.key_file.read_bytes())
    (home / ".ssh/config").write_text("Host *\nProxyCommand false\nUser other\n")
    monkeypatch.setenv("HOME", str(home))
    with running_agent(home, to.key_file) as sock:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(sock))
        with opened(to) as connection:
            assert connection.list() == []
        ssh_key(tmp_path / "stranger")
        given = {"PASSWORD": "", "KEY_FILE": str(tmp_path / "stranger")}
        with pytest.raises(Refused), opened(to, **given):
            pass
    to.known_hosts.write_text("# none\n")
    with pytest.raises(Refused, match="is not known"), opened(to):
        pass
    to.known_hosts.write_text("")
    with pytest.raises(Refused, match="is not known"), opened(to):
        pass


@contextmanager
def running_agent(home: Path, key: Path) -> Iterator[Path]:
    """An ssh-agent that offers a key; gives its socket."""
    sock = home / "agent"
    agent, add = (
        shutil.which(name) or str(machine.program(f"usr/bin/{name}"))
        for name in ("ssh-agent", "ssh-add")
    )
    with subprocess.Popen([agent, "-D", "-a", str(sock)]) as process:
        try:
            while not sock.exists():
                time.sleep(0.01)
            environment = {**os.environ, "SSH_AUTH_SOCK": str(sock)}
            subprocess.run([add, "-q", str(key)], env=environment, check=True)
            yield sock
        finally:
            process.terminate()


def _hashed(host: str) -> str:
    """A host's name as `ssh-keygen -H` writes it."""
    salt = os.urandom(20)
    digest = hmac.new(salt, host.encode(), "sha1").digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def _fingerprint(to: Server) -> str:
    key = (to.place / "host_key.pub").read_text().split()[1]
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _authorise(to: Server, kind: str, phrase: str | None) -> None:
    key = {
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
    }[kind]()
    lock = serialization.NoEncryption()
    if phrase:
        lock = serialization.BestAvailableEncryption(phrase.encode())
    to.key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, lock
        )
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    to.key_file.with_suffix(".pub").write_bytes(public + b"\n")
