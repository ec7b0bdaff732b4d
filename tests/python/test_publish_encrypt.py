"""What travels is encrypted for the partner; what was judged stays what is compared."""

import gzip
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import ROOT, clean_environment
from committed_project import CommittedProject, commit, git
from conftest import spoil
from openpgp import GnuPG
from sample_project import SampleProject
from servers.fixtures import Start

from monitor.report import details
from publish import replay
from store.package import Package

NAMES = ["feed.csv.pgp", "feed.manifest.json.pgp"]


@pytest.fixture(scope="module")
def gnupg() -> Iterator[GnuPG]:
    home = Path(tempfile.mkdtemp(prefix="pgp-"))
    gnupg = GnuPG(home)
    yield gnupg
    gnupg.close()
    shutil.rmtree(home, ignore_errors=True)  # the agent removes its sockets


@pytest.fixture(scope="module")
def partner(gnupg: GnuPG) -> str:
    """The fingerprint of a good key."""
    key = gnupg.make("partner")
    gnupg.add(key, "sign")
    gnupg.add(key)
    return key


@pytest.fixture
def project(tmp_path: Path, gnupg: GnuPG, partner: str) -> SampleProject:
    project = SampleProject(tmp_path)
    project.variables = {"FEEDS_ACCEPT_FIRST": 1, "XDG_STATE_HOME": tmp_path / "state"}
    project.meta |= {
        "file": "feed.csv",
        "encrypt": {"key": "keys/partner.asc", "fingerprint": partner},
    }
    project.quick()
    (project.root / "keys").mkdir()
    gnupg.export(partner, project.root / "keys/partner.asc")
    return project


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def at_partner(project: SampleProject) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in project.partner.iterdir()}


def verify(project: SampleProject, *words: object) -> str:
    verifier = ROOT / "publish/package/verify.py"
    done = subprocess.run(
        [sys.executable, verifier, *map(str, words), project.data / "outbox"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_the_partner_decrypts_what_was_judged(
    project: SampleProject, gnupg: GnuPG, partner: str
) -> None:
    result = project.publish()
    assert result["exit_code"] == 0, result
    (package,) = project.packages()
    there = at_partner(project)
    assert sorted(there) == NAMES
    for name, content in there.items():
        plain = (package / name.removesuffix(".pgp")).read_bytes()
        assert gnupg.decrypt(content) == plain
        assert content == (package / name).read_bytes()

    content, travels = (package / "feed.csv").read_bytes(), there["feed.csv.pgp"]
    (delivered,) = project.records("delivered")
    receipt = json.loads((package / "receipt.json").read_bytes())
    for record in (delivered, receipt):
        assert (record["name"], record["sha256"]) == ("feed.csv", sha256(content))
        assert record["bytes"] == len(content)
    sent = {
        "name": "feed.csv.pgp", "bytes": len(travels), "sha256": sha256(travels),
        "encrypted_for": partner,
    }  # fmt: skip
    assert delivered["sent"] == delivered["receipt"]["sent"] == receipt["sent"] == sent
    page = details.receipt(Package(package))
    assert page
    assert ("SHA-256 of what travelled", sha256(travels)) in page["facts"]
    hashes = {file["name"]: file["remote_hash"] for file in receipt["files"]}
    assert hashes["feed.csv.pgp"] == f"SHA-256 {sha256(travels)}"
    assert project.publish()["files"][0]["status"] == "unchanged"
    assert "1 packages, none wrong" in verify(
        project, "--ledger", project.data / "ledger.jsonl"
    )


def test_what_is_compressed_is_encrypted_too(
    project: SampleProject, gnupg: GnuPG
) -> None:
    project.meta["compress"] = {"format": "gzip"}
    result = project.write().publish()
    assert result["exit_code"] == 0, result
    (package,) = project.packages()
    there = at_partner(project)
    assert sorted(there) == ["feed.csv.gz.pgp", "feed.manifest.json.pgp"]
    content = gzip.decompress(gnupg.decrypt(there["feed.csv.gz.pgp"]))
    assert content == (package / "feed.csv").read_bytes()
    manifest = gnupg.decrypt(there["feed.manifest.json.pgp"])
    assert manifest == (package / "feed.manifest.json").read_bytes()
    # Nothing is left of the steps between.
    assert {path.name for path in package.iterdir() if ".gz" in path.name} == {
        "feed.csv.gz.pgp"
    }
    assert "1 packages, none wrong" in verify(
        project, "--ledger", project.data / "ledger.jsonl"
    )


def test_each_try_sends_the_same_bytes(project: SampleProject, server: Start) -> None:
    to = server("vsftpd")
    project.variables |= to.variables() | {"DEST_ONPART_RETRY_PAUSE": 0}
    failpoint = {"FEEDS_FAILPOINT": "before-rnto=stop"}
    child = project.start("--at", project.at, **failpoint)
    assert child.stopped()
    to.kill()
    to.start()
    child.signal(signal.SIGCONT)
    assert child.wait(60).returncode == 0
    digests = {
        item["sha256"]
        for intent in project.records("intent")
        for item in intent["items"]
        if item["name"] == "feed.csv.pgp"
    }
    assert digests == {sha256((to.folder / "feed.csv.pgp").read_bytes())}


@pytest.mark.parametrize("place", ["before-append:intent", "in-stor", "after-rnto"])
@pytest.mark.sample(1)
def test_a_killed_delivery_is_settled_by_what_travelled(
    project: SampleProject, gnupg: GnuPG, place: str
) -> None:
    killed = project.run("publish", "--at", project.at, FEEDS_FAILPOINT=f"{place}=kill")
    assert killed.returncode == -signal.SIGKILL
    assert project.publish()["exit_code"] == 0
    assert sorted(at_partner(project)) == NAMES
    (package,) = project.packages()
    there = at_partner(project)["feed.csv.pgp"]
    assert gnupg.decrypt(there) == (package / "feed.csv").read_bytes()
    assert len(project.records("delivered")) == 1
    assert "none wrong" in verify(project, "--ledger", project.data / "ledger.jsonl")


def test_a_file_that_somebody_replaced_is_noticed(project: SampleProject) -> None:
    assert project.publish()["exit_code"] == 0
    name = project.partner / "feed.csv.pgp"
    name.write_bytes(name.read_bytes()[::-1])
    project.rows[0]["qty_on_hand"] = 11
    project.later()
    refused = project.write().publish()
    assert refused["exit_code"] == 1
    assert "feed.csv.pgp" in str(refused)


def test_resend_sends_the_same_bytes_and_replay_compares_the_others(
    project: SampleProject,
) -> None:
    assert project.publish()["exit_code"] == 0
    before = at_partner(project)
    for path in project.partner.iterdir():
        path.unlink()
    (package,) = project.packages()
    words = ("resend", package.name, "--because", "they lost it")
    done = project.run("publish", *words)
    assert (done.returncode, at_partner(project)) == (0, before), done.stderr
    records = project.records("delivered")
    assert records[0]["sent"] == records[1]["sent"]
    # The sums, which `replay` compares, do not have what differs each time.
    again = shutil.copytree(package, project.folder / "again")
    for name in NAMES:
        (again / name).unlink()
    assert ".pgp" not in (package / "SHA256SUMS").read_text()
    compared = replay.compare(Package(package), Package(again))
    assert (set(compared.values()), len(compared) > 9) == ({True}, True)
    assert "none wrong" in verify(project, "--ledger", project.data / "ledger.jsonl")
    (package / "feed.csv.pgp").unlink()
    done = project.run("publish", *words)
    assert (done.returncode, "feed.csv.pgp" in done.stderr) == (1, True), done.stderr


def test_a_dry_run_encrypts_nothing_and_makes_the_same_sums(
    project: SampleProject,
) -> None:
    assert project.publish("--dry-run")["exit_code"] == 0
    (package,) = project.packages()
    sums = (package / "SHA256SUMS").read_bytes()
    assert not [*package.glob("*.pgp")]
    assert project.publish()["exit_code"] == 0
    assert (package / "SHA256SUMS").read_bytes() == sums


def test_prune_removes_the_encrypted_copies_too(project: SampleProject) -> None:
    for number in (1, 2):
        project.rows[number]["qty_on_hand"] = 10 + number
        project.later()
        assert project.write().publish()["exit_code"] == 0
    old, newest = project.packages()
    least = {"FEEDS_KEEP_DAYS": 0, "FEEDS_KEEP_RUNS": 1}
    assert project.run("publish", "prune", **least).returncode == 0
    assert (old / "pruned.json").exists()
    assert not [*old.glob("*.pgp")]
    assert len([*newest.glob("*.pgp")]) == 2
    result = verify(project, "--ledger", project.data / "ledger.jsonl")
    assert "2 packages, none wrong" in result


def test_a_pickup_is_seen_by_the_name_that_travelled(project: SampleProject) -> None:
    project.meta["pickup"] = {"removes": True, "within_hours": 4}
    assert project.write().publish()["exit_code"] == 0
    states = []
    for _ in range(2):
        done = project.run("publish", "status", "--json", "--look")
        states += json.loads(done.stdout)["files"][0]["pickup"]
        (project.partner / "feed.csv.pgp").unlink(missing_ok=True)
    assert [(one["name"], one["state"]) for one in states] == [
        ("feed.csv.pgp", "lies there"), ("feed.csv.pgp", "taken"),
    ]  # fmt: skip


def test_a_file_that_the_ledger_does_not_know_is_seen(project: SampleProject) -> None:
    project.meta["file"] = "feed_{timestamp}.csv"
    assert project.write().publish()["exit_code"] == 0
    (project.partner / "feed_20270101T000000Z.csv.pgp").write_bytes(b"another")
    project.rows[0]["qty_on_hand"] = 11
    project.later()
    refused = project.write().publish()
    assert refused["exit_code"] == 1
    assert "feed_20270101T000000Z.csv.pgp" in str(refused)
    done = project.run("publish", "restored", "--because", "a test")
    assert done.returncode == 0, done.stderr
    assert "only the partner can read it" in done.stderr
    assert "its rows are not known" in done.stdout


def _no_subkey(gnupg: GnuPG) -> str:
    key = gnupg.make("signs")
    gnupg.add(key, "sign")
    return key


def _ended(gnupg: GnuPG) -> str:
    key = gnupg.make("ended", "1y", "20200101")
    gnupg.add(key, day="20200101")
    return key


def _subkey_ended(gnupg: GnuPG) -> str:
    key = gnupg.make("subkey-ended", day="20200101")
    gnupg.add(key, ends="1y", day="20200101")
    return key


def _revoked(gnupg: GnuPG) -> str:
    key = gnupg.make("revoked")
    gnupg.add(key)
    gnupg.revoke(key)
    return key


def _subkey_revoked(gnupg: GnuPG) -> str:
    key = gnupg.make("subkey-revoked")
    gnupg.add(key)
    gnupg.revoke_subkey(key)
    return key


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_no_subkey, "found none (No suitable encryption subkey"),
        (_ended, "found that it ended 2020-12-31"),
        (_subkey_ended, "found none (No suitable encryption subkey"),
        (_revoked, "found that it is revoked"),
        (_subkey_revoked, "found none (No suitable encryption subkey"),
    ],
)
@pytest.mark.sample(2)
def test_a_key_that_cannot_encrypt_today_is_refused(
    project: SampleProject, gnupg: GnuPG, make: Callable[[GnuPG], str], words: str
) -> None:
    key = make(gnupg)
    gnupg.export(key, project.root / "keys/partner.asc")
    project.meta["encrypt"]["fingerprint"] = key
    refused = project.write().publish()
    message = refused["files"][0]["message"]
    assert (refused["exit_code"], words in message) == (1, True), message
    assert "\n" not in message
    assert at_partner(project) == {}
    assert not project.ledger_file.exists() or project.records("intent") == []
    assert project.publish("--dry-run")["exit_code"] == 1


def test_another_key_than_the_declared_one_is_refused(
    project: SampleProject, gnupg: GnuPG
) -> None:
    other = gnupg.make("other")
    gnupg.add(other)
    gnupg.export(other, project.root / "keys/partner.asc")
    refused = project.publish()
    assert refused["exit_code"] == 1
    assert f"found the fingerprint {other}" in refused["files"][0]["message"]
    assert at_partner(project) == {}


def test_the_newest_subkey_is_used_where_an_older_one_has_ended(
    project: SampleProject, gnupg: GnuPG
) -> None:
    key = gnupg.make("renewed", day="20200101")
    gnupg.add(key, ends="1y", day="20200101")
    gnupg.add(key)
    gnupg.export(key, project.root / "keys/partner.asc")
    # As gpg shows it.
    parts = [key[i : i + 4] for i in range(0, 40, 4)]
    project.meta["encrypt"]["fingerprint"] = " ".join(parts)
    assert project.write().publish()["exit_code"] == 0
    (package,) = project.packages()
    content = (package / "feed.csv").read_bytes()
    assert gnupg.decrypt(at_partner(project)["feed.csv.pgp"]) == content


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (None, "No such file"),
        (b"no key", "expected the public key of the partner"),
        (b"x" * (2**20 + 1), "more than 1 MiB"),
        ("two keys", "expected the public key of the partner"),
        ("--export-secret-keys", "found a secret one"),
    ],
)
def test_a_file_without_a_public_key_is_named(
    project: SampleProject,
    gnupg: GnuPG,
    partner: str,
    what: bytes | str | None,
    words: str,
) -> None:
    file = project.root / "keys/partner.asc"
    file.unlink()
    if isinstance(what, bytes):
        file.write_bytes(what)
    elif what == "two keys":
        other = gnupg.make("beside")
        file.write_bytes(gnupg.run("--export", partner, other))
    elif what:
        gnupg.export(partner, file, what)
    wrong = project.publish()
    message = wrong["files"][0]["message"]
    assert (wrong["exit_code"], words in message) == (2, True), message
    assert "keys/partner.asc" in message
    assert at_partner(project) == {}


def test_verify_names_what_does_not_agree(project: SampleProject) -> None:
    assert project.publish()["exit_code"] == 0
    (package,) = project.packages()
    copy = package / "feed.csv.pgp"
    content = copy.read_bytes()
    copy.write_bytes(content[::-1])
    assert "SHA-256 of feed.csv.pgp: expected" in verify(project)
    copy.unlink()
    assert "feed.csv.pgp: expected a file, found none" in verify(project)
    copy.write_bytes(content)
    (package / "feed.csv.gpg").touch()
    assert "feed.csv.gpg: is not in SHA256SUMS" in verify(project)
    (package / "feed.csv.gpg").unlink()
    receipt = json.loads((package / "receipt.json").read_bytes())
    del receipt["sent"]
    (package / "receipt.json").write_text(json.dumps(receipt))
    assert "name of what travelled: expected feed.csv.pgp" in verify(project)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_replay_makes_the_content_again_without_the_key(
    tmp_path: Path, gnupg: GnuPG, partner: str
) -> None:
    commit(tmp_path / "project")
    project = CommittedProject(tmp_path)
    exposures = project.root / "models/marts/_marts__exposures.yml"
    declared = "destination: onpart\n"
    key = f"{{key: partner.asc, fingerprint: {partner}}}"
    assert exposures.read_text().count(declared) == 1
    indent = exposures.read_text().partition(declared)[0].rpartition("\n")[2]
    spoil(exposures, declared, f"{declared}{indent}encrypt: {key}\n")
    gnupg.export(partner, project.root / "partner.asc")
    git(project.root, "add", "--all")
    git(project.root, "commit", "--quiet", "--message", "encrypt")
    project.night()
    assert len([*project.package.glob("*.pgp")]) == 2

    git(project.root, "rm", "--quiet", "partner.asc")
    git(project.root, "commit", "--quiet", "--message", "no key")
    for words in ((), ("--here",)):
        exit_code, result, _ = project.replay(*words)
        assert (exit_code, result["identical"]) == (0, True), result["files"]
    assert not [each for each in result["files"] if each["name"].endswith(".pgp")]


def test_without_the_extra_the_package_is_named(project: SampleProject) -> None:
    code = (
        "import sys; sys.modules['pysequoia'] = None\n"
        f"sys.argv = ['publish', '--at', {project.at!r}]\n"
        "from publish.__main__ import main; main()"
    )
    given = {name: str(text) for name, text in project.environment().items()}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True,
        env={**clean_environment(), **given, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert "Install partner-feeds[pgp]" in ran.stdout + ran.stderr
    assert ran.returncode == 2


def test_no_other_feed_loads_the_library() -> None:
    code = "import sys, publish.run; assert 'pysequoia' not in sys.modules"
    words = [sys.executable, "-c", code]
    subprocess.run(words, check=True, cwd=ROOT, env=clean_environment())
