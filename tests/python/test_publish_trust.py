"""A server's new key or certificate: shown, accepted by a person, never by itself."""

import hashlib
import json
import re
import ssl
from pathlib import Path
from typing import Any

import pytest
from delivering import destination
from sample_project import SampleProject
from servers import Server, trust
from servers.fixtures import Start

from publish.transport import connect
from publish.transport.errors import UntrustedCertificate

BECAUSE = ("--because", "their letter of today")


class Partner(SampleProject):
    """A project that delivers to a real server."""

    def to(self, server: Server) -> "Partner":
        self.variables = {
            "FEEDS_ACCEPT_FIRST": 1, "FEEDS_OPERATOR": "ann", **server.variables(),
            "DEST_ONPART_RETRIES": 0, "XDG_STATE_HOME": self.folder / "state",
        }  # fmt: skip
        self.quick()
        return self

    def trust(self, *words: str) -> Any:
        return self.run("publish", "trust", "onpart", *words)


@pytest.fixture
def project(tmp_path: Path) -> Partner:
    return Partner(tmp_path)


def new_host_key(server: Server) -> None:
    """Give a server another key, and start it again with it."""
    server.stop()
    key = server.place / "host_key"
    key.unlink()
    trust.ssh_key(key)
    server.start()


def test_a_new_host_key_is_accepted_by_its_fingerprint(
    server: Start, project: Partner
) -> None:
    to = server("openssh")
    project.to(to)
    assert project.publish()["files"][0]["status"] == "delivered"
    known = project.trust()
    assert (known.returncode, "trusted already" in known.stdout) == (0, True)
    new_host_key(to)
    project.later()
    project.rows[0]["qty_on_hand"] = 11
    refused = project.write().publish()["files"][0]
    assert refused["status"] == "refused"
    old, new = re.findall(r"SHA256:[\w+/]{43}", refused["message"])
    assert old != new
    assert "publish trust onpart --fingerprint" in refused["message"]

    shown = project.trust()
    assert shown.returncode == 1
    assert (old in shown.stdout, new in shown.stdout) == (True, True)
    wrong = project.trust("--fingerprint", old, *BECAUSE)
    assert (wrong.returncode, "the server shows SHA256:" in wrong.stderr) == (1, True)
    dry = project.trust("--fingerprint", new, *BECAUSE, "--dry-run")
    assert (dry.returncode, "would be accepted by ann" in dry.stdout) == (0, True)
    assert not project.records("trusted")
    assert not (project.data / "trust").exists()

    done = project.trust("--fingerprint", new, *BECAUSE)
    assert (done.returncode, done.stderr) == (0, "")
    (record,) = project.records("trusted")
    assert (record["fingerprint"], record["replaces"]) == (new, [old])
    assert (record["by"], record["because"]) == ("ann", BECAUSE[1])
    file = project.data / "trust/onpart.json"
    assert oct(file.stat().st_mode & 0o777) == "0o644"
    assert project.publish()["files"][0]["status"] == "delivered"
    assert project.trust().returncode == 0

    # Whoever changes the variable afterwards decides anew.
    project.variables["DEST_ONPART_KNOWN_HOSTS"] = ""
    other = trust.ssh_key(project.folder / "another key")
    project.variables["DEST_ONPART_HOST_KEY"] = other
    again = project.trust()
    assert (again.returncode, "It is not trusted" in again.stdout) == (1, True)


def test_a_first_key_is_not_accepted_by_itself(server: Start, project: Partner) -> None:
    project.to(server("openssh"))
    project.variables["DEST_ONPART_KNOWN_HOSTS"] = ""
    needs = project.publish()["files"][0]
    assert "sftp:// needs the server's key" in needs["message"]
    shown = project.trust()
    assert (shown.returncode, "trusted: none" in shown.stdout) == (1, True)
    (new,) = {*re.findall(r"SHA256:[\w+/]{43}", shown.stdout)}
    assert project.trust("--fingerprint", new, *BECAUSE).returncode == 0
    assert project.publish()["files"][0]["status"] == "delivered"


@pytest.mark.parametrize("kind", ["self-signed", "untrusted"])
def test_a_new_certificate_is_accepted_by_its_fingerprint(
    server: Start, project: Partner, kind: str
) -> None:
    project.to(to := server("vsftpd", certificate=kind))
    refused = project.publish()["files"][0]
    assert refused["status"] == "refused"
    shown, trusted = (_fingerprint(path) for path in (to.shown, to.ca_file))
    assert f"Trusted: {trusted}. Found: {shown}." in refused["message"]
    assert to.logins() == []
    listed = project.trust()
    assert listed.returncode == 1
    assert f"certificate {shown} (" in listed.stdout
    assert f"trusted: {trusted}" in listed.stdout
    # As another program writes it.
    bare = "sha256 Fingerprint=" + shown.lower()
    done = project.trust("--fingerprint", bare, *BECAUSE)
    assert (done.returncode, done.stderr) == (0, "")
    (file,) = project.publish()["files"]
    assert file["status"] == "delivered", file
    receipt = json.loads((Path(file["package"]) / "receipt.json").read_bytes())
    assert (receipt["certificate_checked"], receipt["certificate"]) == (True, shown)
    assert receipt["certificate_ends"]
    if kind == "untrusted":
        # The authority that the operator names later counts again.
        project.variables["DEST_ONPART_CA_FILE"] = to.place / "stranger/ca.pem"
        assert "trusted already" in project.trust().stdout
        project.variables["DEST_ONPART_CA_FILE"] = to.ca_file
        (project.data / "trust/onpart.json").unlink()
        with pytest.raises(UntrustedCertificate):
            connect(destination(to), "")


def test_the_certificate_of_another_host_cannot_be_accepted(
    server: Start, project: Partner
) -> None:
    project.to(to := server("vsftpd", certificate="wrong-host"))
    done = project.trust("--fingerprint", _fingerprint(to.shown), *BECAUSE)
    assert (done.returncode, "cannot be accepted" in done.stderr) == (1, True)
    assert not project.ledger_file.exists()


@pytest.mark.parametrize(
    ("given", "words", "message"),
    [
        ({}, (), "expected a destination with ftps:// or sftp://"),
        ({}, ("--fingerprint", "x"), "found only one of them"),
        ({}, ("--fingerprint", "x", "--because", " "), "expected a reason"),
        (
            {"URL": "ftps://feeds@localhost", "PASSWORD": "x", "TLS_VERIFY": 0},
            (), "DEST_ONPART_TLS_VERIFY is 0",
        ),
    ],
)  # fmt: skip
def test_what_is_used_wrongly_is_refused(
    project: Partner, given: dict[str, object], words: tuple[str, ...], message: str
) -> None:
    project.write()
    project.variables = {f"DEST_ONPART_{name}": each for name, each in given.items()}
    done = project.trust(*words)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_a_damaged_file_is_named(server: Start, project: Partner) -> None:
    project.to(server("openssh"))
    path = project.data / "trust/onpart.json"
    path.parent.mkdir()
    path.write_text('{"kind": 5}')
    (file,) = project.publish()["files"]
    assert (file["status"], str(path) in file["message"]) == ("failed", True)


def _fingerprint(path: Path) -> str:
    pem = re.search(
        r"-----BEGIN CERTIFICATE.*?END CERTIFICATE-----", path.read_text(), re.DOTALL
    )
    assert pem
    der = ssl.PEM_cert_to_DER_cert(pem[0])
    return hashlib.sha256(der).digest().hex(":").upper()
