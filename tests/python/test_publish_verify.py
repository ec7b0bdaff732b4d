"""verify.py finds every single mutation, and nothing where there is none.

A sample runs with the suite; `make mutations` runs all and prints the table.
"""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import commands
import pytest
from package_mutations import every, reseal
from package_reader import packages_of_before
from sample_project import SampleProject

from publish.package import verify

SHARE = 1 if os.environ.get("FEEDS_MUTATIONS") == "all" else 0.06
# Few, and each found by a check of its own: never left to chance.
ALWAYS = {"dropped file", "dropped package", "renamed folder", "replaced package"}
FULL = "with key and ledger"


@dataclass
class Store:
    """Three deliveries and a held file, signed."""

    folder: Path
    ledger: Path
    key: Path
    public: Path

    @property
    def packages(self) -> list[Path]:
        return sorted(self.folder.iterdir())

    def full(self, folder: Path | None = None) -> list[str]:
        return [str(folder or self.folder), "--key", str(self.public),
                "--ledger", str(self.ledger)]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    project = SampleProject(tmp_path_factory.mktemp("project"))
    key, public = project.root / "feeds.pem", project.root / "public.pem"
    tool = shutil.which("openssl")
    assert tool
    subprocess.run([tool, "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    project.variables["FEEDS_SIGNING_KEY_FILE"] = key
    project.meta["changes"] = {"measures": ["qty_on_hand"], "group": "part_type"}
    summary = project.write().publish(FEEDS_ACCEPT_FIRST=1)
    for number in (1, 2):
        project.later()
        project.rows[number]["qty_on_hand"] = 10 + number
        summary = project.write().publish()
        assert summary["files"][0]["status"] == "delivered", summary
    project.later()
    project.rows[3]["qty_on_hand"] = -1
    summary = project.write().publish()
    assert summary["files"][0]["status"] == "held", summary
    public.write_text(project.run("publish", "key").stdout)
    return Store(Path(summary["files"][0]["package"]).parent, project.ledger_file, key,
                 public)  # fmt: skip


def check(capsys: pytest.CaptureFixture[str], words: list[str]) -> tuple[int, str]:
    code = verify.main(words)
    return code, capsys.readouterr().out


def test_what_is_whole_is_found_so(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    code, result = check(capsys, store.full())
    assert (code, result.splitlines()[-1]) == (0, "4 packages, none wrong")
    code, result = check(capsys, [str(store.folder)])
    assert code == 0
    assert "signatures were not checked" in result


def test_one_file_and_the_standard_library_are_enough(
    store: Store, tmp_path: Path
) -> None:
    """In an interpreter without any installed package, from the package's own copy."""
    alone = tmp_path / store.packages[1].name
    shutil.copytree(store.packages[1], alone)

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-S", "-W", "error", "verify.py"],
            cwd=alone, capture_output=True, text=True, check=False,
        )  # fmt: skip

    good = run()
    assert (good.returncode, good.stderr) == (0, "")
    assert "before it was not given" in good.stdout
    feed = next(alone.glob("DEMO01*.csv"))
    feed.write_bytes(feed.read_bytes().replace(b"231.00", b"232.00", 1))
    bad = run()
    assert bad.returncode == 1
    assert f"SHA-256 of {feed.name}: expected " in bad.stdout


def test_the_receipt_counts_characters_and_an_earlier_verifier_agrees(
    store: Store, tmp_path: Path
) -> None:
    """The order feed sends no manifest, so its receipt has the control figure."""
    package = next(p for p in store.packages if (p / "receipt.json").exists())
    (manifest,) = package.glob("*.manifest.json")
    (resource,) = json.loads(manifest.read_text())["resources"]
    receipt = json.loads((package / "receipt.json").read_text())
    assert receipt["characters"] == resource["characters"] > 0
    earlier = tmp_path / "verify.py"
    with tarfile.open(commands.ROOT / "tests/fixtures/data_of_2796f21.tar.xz") as tar:
        member = next(each for each in tar if each.name.endswith("/verify.py"))
        content = tar.extractfile(member)
        assert content
        earlier.write_bytes(content.read())
    assert b"characters" not in earlier.read_bytes()
    ran = subprocess.run(
        [sys.executable, "-I", earlier, *store.full()], check=False, capture_output=True
    )
    assert ran.returncode == 0, ran.stdout
    forged = shutil.copytree(package, tmp_path / package.name)
    receipt["characters"] += 1
    (forged / "receipt.json").write_text(json.dumps(receipt))
    checked = verify.Package(forged)
    checked.check()
    assert [fault.partition(":")[0] for fault in checked.faults] == [
        "receipt.json, characters"
    ]


@pytest.mark.parametrize(
    "file",
    ["stock_{timestamp}.txt", "{timestamp}", "#'$x &_{date}.csv.gz", "a=b [1].CSV"],
)
@pytest.mark.sample(2)
def test_a_feed_of_any_name_is_right_before_and_after_pruning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    project = SampleProject(tmp_path)
    project.meta["file"] = file
    project.quick()
    assert project.publish(FEEDS_ACCEPT_FIRST=1)["files"][0]["status"] == "delivered"
    project.later()
    project.rows[0]["qty_on_hand"] = 11
    project.quick()
    assert project.publish()["files"][0]["status"] == "delivered"
    words = [str(project.data / "outbox"), "--ledger", str(project.ledger_file)]
    assert check(capsys, words)[1].endswith("2 packages, none wrong\n")
    keep = {"FEEDS_KEEP_DAYS": 0, "FEEDS_KEEP_RUNS": 1}
    done = project.run("publish", "prune", **keep)
    assert done.returncode == 0, done.stderr
    code, result = check(capsys, words)
    assert (code, "pruned" in result) == (0, True), result


@pytest.mark.parametrize("shell", ["exec %s >&-", "%s | true", "%s >/dev/full"])
@pytest.mark.parametrize(("damaged", "code"), [(False, 0), (True, 1)])
def test_a_stdout_that_takes_nothing_changes_no_exit_code(
    store: Store, tmp_path: Path, shell: str, damaged: bool, code: int
) -> None:
    first = store.packages[0]
    folder = shutil.copytree(first, tmp_path / first.name)
    if damaged:
        next(folder.glob("DEMO01*.csv")).unlink()
    command = shell % f"{sys.executable} -I {verify.__file__} '{folder}'"
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (code, "")


@pytest.mark.parametrize("how", ["delivered", "not-delivered"])
def test_a_delivery_that_a_person_settled_is_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    project = SampleProject(tmp_path, {"FEEDS_ACCEPT_FIRST": 1}).quick()
    killed = {"FEEDS_FAILPOINT": "before-append:delivered=kill"}
    project.run("publish", "--at", project.at, **killed)
    for path in project.partner.iterdir():
        path.unlink()
    assert "publish settle" in project.publish()["files"][0]["message"]
    attempt = project.records("unknown")[0]["attempt"]
    words = ("settle", attempt, "--as", how, "--because", "the partner says so")
    assert project.run("publish", *words).returncode == 0
    outbox = [str(project.data / "outbox"), "--ledger", str(project.ledger_file)]
    code, result = check(capsys, outbox)
    assert (code, result.count("\n")) == (0, 2), result


@pytest.mark.parametrize("file", ["changes.csv", "a.manifest.json"])
def test_a_feed_cannot_have_the_name_of_its_evidence(tmp_path: Path, file: str) -> None:
    project = SampleProject(tmp_path)
    project.meta["file"] = file
    (refused,) = project.quick().publish(FEEDS_ACCEPT_FIRST=1)["files"]
    assert refused["status"] == "refused"
    assert "cannot be the name of the file" in refused["message"]


def test_what_a_killed_command_left_is_named_and_not_wrong(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "outbox" / store.folder.name
    shutil.copytree(store.folder, copy)
    first = sorted(copy.iterdir())[0]
    (first / ".pruned.json.4711.part").write_text('{"files": {')
    (first / ".receipt.json.4711.part").touch()
    work = copy.with_name(".onpart_inventory.4711.work") / "x" / "package"
    shutil.copytree(first, work)
    words = [str(copy.parent), *store.full()[1:]]
    code, result = check(capsys, words)
    assert (code, result.count("is litter of a killed command")) == (0, 2), result
    (first / ".other.part").touch()
    assert check(capsys, words)[0] == 1


def test_a_relative_path_is_a_package(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(store.packages[0])
    assert check(capsys, ["."])[0] == 0


@pytest.mark.timeout(3600)
def test_every_single_mutation_is_found(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mutations = list(every(store.folder))
    assert len(mutations) >= 500
    chosen = [
        m
        for m in mutations
        if m.kind in ALWAYS or random.Random(m.name + m.kind).random() < SHARE
    ]
    created: Counter[str] = Counter()
    bare: Counter[str] = Counter()
    full: Counter[str] = Counter()
    missed = []
    for mutation in chosen:
        copy = tmp_path / "copy" / store.folder.name
        shutil.copytree(store.folder, copy)
        mutation.do(copy)
        created[mutation.kind] += 1
        by_folders, result = check(capsys, [str(copy)])
        by_all, result = check(capsys, store.full(copy))
        bare[mutation.kind] += by_folders
        full[mutation.kind] += by_all
        if by_all != 1:
            missed.append(f"{mutation.kind}: {mutation.name}, {FULL}: {result}")
        if mutation.bare and by_folders != 1:
            missed.append(f"{mutation.kind}: {mutation.name}, folders alone")
        shutil.rmtree(copy)
    if SHARE == 1:
        with capsys.disabled():
            sys.stdout.write(_table(created, bare, full))
    assert missed == []


def _table(created: Counter[str], bare: Counter[str], full: Counter[str]) -> str:
    rows = [(kind, created[kind], bare[kind], full[kind]) for kind in sorted(created)]
    rows.append(("all", created.total(), bare.total(), full.total()))
    return (
        f"\n| mutation | made | found by the folders alone | {FULL} |\n"
        "|---|---:|---:|---:|\n"
        + "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows)
    )


def test_the_newest_is_known_by_its_digest(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a ledger: a partner remembers the digest of the last package."""
    copy = tmp_path / store.folder.name
    shutil.copytree(store.folder, copy)
    packages = sorted(copy.iterdir())
    newest = hashlib.sha256((packages[2] / "SHA256SUMS").read_bytes()).hexdigest()
    words = [str(copy), "--newest", newest]
    assert check(capsys, words)[0] == 0
    shutil.rmtree(packages[2])
    shutil.rmtree(packages[3])
    assert check(capsys, [str(copy)])[0] == 0
    assert check(capsys, words)[0] == 1


def test_a_pruned_chain_begins_at_a_digest_that_one_knows(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / store.folder.name
    shutil.copytree(store.folder, copy)
    first, *_ = sorted(copy.iterdir())
    digest = hashlib.sha256((first / "SHA256SUMS").read_bytes()).hexdigest()
    shutil.rmtree(first)
    code, result = check(capsys, [str(copy)])
    assert code == 1
    assert "give --since" in result
    assert check(capsys, [str(copy), "--since", digest])[0] == 0
    assert check(capsys, [str(copy), "--since", "0" * 64])[0] == 1


@pytest.mark.parametrize(
    ("hard", "approved", "message"),
    [
        (False, [], "delivered although gates were closed: brand-length"),
        (True, ["brand-length"], "a hard check was released: ['brand-length']"),
        (False, ["brand-length"], None),
    ],
)
def test_a_closed_gate_is_held_against_the_receipt(
    store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    hard: bool,
    approved: list[str],
    message: str | None,
) -> None:
    package = tmp_path / store.packages[0].name
    shutil.copytree(store.packages[0], package)
    gates = json.loads((package / "gates.json").read_bytes())
    checks = {check["id"]: check for check in gates["predicate"]["checks"]}
    checks["brand-length"] |= {"verdict": "fail", "hard": hard}
    gates["predicate"]["approved"] = {"checks": approved}
    (package / "gates.json").write_text(json.dumps(gates))
    reseal(package)
    code, output = check(capsys, [str(package)])
    assert code == (1 if message else 0)
    assert message is None or message in output


@pytest.mark.parametrize("feed", ["inventory", "orders"])
def test_packages_of_before_are_verified(
    feed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They have openlineage.jsonl, and every rule of the suite in the contract."""
    packages_of_before(tmp_path)
    folder = tmp_path / feed
    words = [str(folder / "outbox"), "--ledger", str(folder / "ledger.jsonl")]
    code, output = check(capsys, words)
    assert (code, output.splitlines()[-1]) == (0, "2 packages, none wrong")
    (changed, *_) = sorted(folder.glob("outbox/*/*/openlineage.jsonl"))
    changed.write_bytes(changed.read_bytes() + b"\n")
    assert check(capsys, words)[0] == 1
    files = {"openlineage.jsonl": _sum_of(changed)}
    changed.unlink()
    (changed.parent / "pruned.json").write_text(json.dumps({"files": files}))
    code, output = check(capsys, words[:1])
    assert code == 0
    assert "pruned" in output


def _sum_of(path: Path) -> str:
    """Return the SHA-256 of a file by the sums beside it."""
    lines = (path.parent / "SHA256SUMS").read_text().splitlines()
    return next(digest for digest, name in map(str.split, lines) if name == path.name)


def test_openssl_reads_the_signature(store: Store) -> None:
    tool = shutil.which("openssl")
    assert tool
    words = [tool, "pkeyutl", "-verify", "-pubin", "-inkey", store.public, "-rawin",
             "-in", "SHA256SUMS", "-sigfile", "SHA256SUMS.sig"]  # fmt: skip
    done = subprocess.run(words, cwd=store.packages[0], capture_output=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"FEEDS_SIGNING_KEY_FILE": "/nowhere/feeds.pem"}, "cannot be read"),
        ({"FEEDS_SIGNING_KEY": "c2VjcmV0LXNlY3JldA=="}, "expected a PEM private key"),
        ({"FEEDS_SIGNING_KEY": "RSA"}, "expected an Ed25519 key"),
        ({"FEEDS_SIGNING_KEY": "x", "FEEDS_SIGNING_KEY_FILE": "y"}, "found both"),
        ({}, "found neither set"),
    ],
)
def test_a_wrong_key_is_named_and_not_shown(
    tmp_path: Path, variables: dict[str, str], message: str
) -> None:
    if variables.get("FEEDS_SIGNING_KEY") == "RSA":
        tool = shutil.which("openssl")
        assert tool
        words = [tool, "genpkey", "-algorithm", "RSA", "-out", tmp_path / "rsa.pem"]
        subprocess.run(words, check=True, capture_output=True)
        variables = {"FEEDS_SIGNING_KEY": (tmp_path / "rsa.pem").read_text()}
    done = commands.run("publish", "key", env=variables, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    secret = variables.get("FEEDS_SIGNING_KEY", "none at all")
    assert len(secret) < 2 or secret not in done.stderr + done.stdout


def test_the_key_may_stand_in_the_environment(store: Store, tmp_path: Path) -> None:
    variables = {"FEEDS_SIGNING_KEY": store.key.read_text().replace("\n", "\\n")}
    done = commands.run("publish", "key", env=variables, cwd=tmp_path)
    assert done.stdout == store.public.read_text()


def test_each_package_names_the_one_before(store: Store) -> None:
    digests: list[Any] = [None]
    for package in store.packages:
        (manifest,) = package.glob("*.manifest.json")
        run = json.loads(manifest.read_bytes())["run"]
        assert run["previous_package"] == digests[-1]
        digests.append(
            hashlib.sha256((package / "SHA256SUMS").read_bytes()).hexdigest()
        )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nowhere"], 1),
        (["--kee", "x"], 2),
        (["--key", "nowhere.pem"], 2),
        (["--ledger", "nowhere.jsonl"], 2),
    ],
)
def test_what_was_not_checked_is_not_called_good(
    words: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        actual = verify.main(words)
    except SystemExit as ended:
        actual = int(str(ended.code))
    assert actual == code
