"""What travels is compressed; what was judged stays what is compared."""

import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest
from commands import ROOT
from sample_project import SampleProject

with warnings.catch_warnings():
    # Its import reaches for a module of the standard library that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401

from monitor.drift.profile import profile
from monitor.report import details
from monitor.why.csv_search import find
from publish import compression, replay
from runtime.environment import Limits
from runtime.exits import Refused
from store.feeds.declaration import Compression
from store.package import Package

GZIP = {"format": "gzip"}
ZIP = {"format": "zip", "replaces": ".csv"}
PERL = """
use IO::Uncompress::AnyUncompress qw($AnyUncompressError);
my $in = IO::Uncompress::AnyUncompress->new($ARGV[0]) or die $AnyUncompressError;
my $about = $in->getHeaderInfo();
print STDERR $about->{Name}, " ", $about->{Time} // 0;
binmode STDOUT; while ($in->read(my $block) > 0) { print $block }
die "more than one file" if $in->nextStream() == 1;
"""


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    project = SampleProject(tmp_path)
    project.variables = {"FEEDS_ACCEPT_FIRST": 1, "XDG_STATE_HOME": tmp_path / "state"}
    project.meta |= {"file": "feed.csv", "compress": GZIP}
    return project.quick()


def deliver(project: SampleProject) -> Package:
    (outcome,) = project.here(accept_first=True)
    assert outcome.summary["status"] == "delivered", outcome.text
    return Package(Path(outcome.summary["package"]))


def verify(project: SampleProject) -> str:
    words = ["--ledger", project.data / "ledger.jsonl", project.data / "outbox"]
    done = subprocess.run(
        [sys.executable, "-I", ROOT / "publish/package/verify.py", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("compress", "name", "inside"),
    [(GZIP, "feed.csv.gz", ""), (ZIP, "feed.zip", "feed.csv")],
)
def test_others_unpack_what_was_judged(
    project: SampleProject,
    tmp_path: Path,
    compress: dict[str, str],
    name: str,
    inside: str,
) -> None:
    project.meta["compress"] = compress
    package = deliver(project.write())
    content = (package.folder / "feed.csv").read_bytes()
    there = project.partner / name
    assert sorted(path.name for path in project.partner.iterdir()) == sorted(
        [name, "feed.manifest.json"]
    )
    # Perl's decompression and pandas share no code with ours, apart from zlib.
    done = subprocess.run(
        ["perl", "-e", PERL, there], capture_output=True, check=True,
        env=os.environ | {"TZ": "UTC"},
    )  # fmt: skip
    assert done.stdout == content
    about, _, time = done.stderr.decode().partition(" ")
    assert (about, int(time)) == (inside, 315532800 if inside else 0)  # 1980-01-01
    frame = pd.read_csv(there, dtype=str)
    assert list(frame["supplier_sku"]) == list(
        pd.read_csv(package.folder / "feed.csv", dtype=str)["supplier_sku"]
    )

    travels = there.read_bytes()
    sent = {
        "name": name, "bytes": len(travels), "compressed": compress["format"],
        "sha256": hashlib.sha256(travels).hexdigest(),
    }  # fmt: skip
    (delivered,) = project.records("delivered")
    assert delivered["sent"] == delivered["receipt"]["sent"] == sent
    assert delivered["sha256"] == hashlib.sha256(content).hexdigest()
    page = details.receipt(package)
    assert page
    assert ("Compressed as", compress["format"]) in page["facts"]
    assert "1 packages, none wrong" in verify(project)
    # Whoever reads packages reads what was judged.
    assert profile(package, Limits("1GB", 2), tmp_path)["rows"] == 40
    (row,) = find(
        package.folder / "feed.csv", package.dialect, "supplier_sku", "100-00003"
    )
    assert row.values["location_code"] == "EAST"
    again = shutil.copytree(package.folder, tmp_path / "again")
    (again / name).unlink()
    assert set(replay.compare(package, Package(again)).values()) == {True}
    # The partner has these bytes; an hour later too.
    project.later(60)
    (outcome,) = project.write().here()
    assert outcome.summary["status"] == "unchanged"


@pytest.mark.parametrize("format_", ["gzip", "zip"])
def test_the_same_content_has_the_same_bytes(tmp_path: Path, format_: str) -> None:
    source, declared = tmp_path / "größe.csv", Compression(format_)
    source.write_bytes(os.urandom(1000) + bytes(10_000_000))
    copies = []
    for time in (1, 2_000_000_000):
        os.utime(source, (time, time))
        source.chmod(0o600 if time == 1 else 0o644)
        compression.compress(declared, source, tmp_path / f"copy-{time}")
        copies.append((tmp_path / f"copy-{time}").read_bytes())
    assert copies[0] == copies[1]
    assert len(copies[0]) < 20_000
    with compression.content(declared, tmp_path / "copy-1") as inside:
        assert inside.read() == source.read_bytes()
    (tmp_path / "copy-1").write_bytes(copies[0][:-10])
    with (
        pytest.raises(Refused, match=f"expected a {format_} file"),
        compression.content(declared, tmp_path / "copy-1") as inside,
    ):
        inside.read()


def test_verify_unpacks_what_travelled(project: SampleProject) -> None:
    package = deliver(project)
    copy, receipt = package.folder / "feed.csv.gz", package.folder / "receipt.json"
    before = copy.read_bytes()
    copy.write_bytes(before[::-1])
    assert "SHA-256 of feed.csv.gz: expected" in verify(project)
    copy.unlink()
    assert "feed.csv.gz: expected a file, found none" in verify(project)
    # A copy of other content, with a receipt of that copy.
    copy.write_bytes(gzip.compress(b"other"))
    fields = json.loads(receipt.read_bytes())
    digest = hashlib.sha256(copy.read_bytes()).hexdigest()
    for file in (fields["sent"], *fields["files"]):
        if file["name"] == "feed.csv.gz":
            file["sha256"] = digest
    receipt.write_text(json.dumps(fields))
    assert "SHA-256 of what is in feed.csv.gz: expected" in verify(project)
    assert "receipt.json against the ledger" in verify(project)


def test_a_killed_delivery_is_settled_and_resent_with_the_same_bytes(
    project: SampleProject,
) -> None:
    killed = project.run(
        "publish", "--at", project.at, FEEDS_FAILPOINT="after-rnto=kill@2"
    )
    assert killed.returncode == -signal.SIGKILL
    (outcome,) = project.here()
    assert outcome.summary["status"] == "unchanged", outcome.text
    (package,) = project.packages()
    travelled = (project.partner / "feed.csv.gz").read_bytes()
    assert gzip.decompress(travelled) == (package / "feed.csv").read_bytes()
    (project.partner / "feed.csv.gz").unlink()
    done = project.run("publish", "resend", package.name, "--because", "they lost it")
    assert done.returncode == 0, done.stderr
    assert (project.partner / "feed.csv.gz").read_bytes() == travelled
    assert "none wrong" in verify(project)


def test_rows_of_a_compressed_file_that_the_ledger_does_not_know_are_read(
    project: SampleProject,
) -> None:
    project.meta |= {"file": "feed_{timestamp}.csv", "compress": ZIP}
    deliver(project.write())
    (sent,) = project.partner.glob("*.zip")
    newer = sent.with_name("feed_20270101T000000Z.zip")
    shutil.copyfile(sent, newer)
    done = project.run("publish", "restored", "--because", "a test")
    assert done.returncode == 0, done.stderr
    assert f"{newer.name}: its rows are known" in done.stdout, done.stderr
    (record,) = project.records("adopted")
    assert (record["rows"], record["name"]) == (40, "feed_20270101T000000Z.csv")
    # Now the ledger knows the file by the name that it has there.
    again = project.run("publish", "restored")
    assert "The ledger knows all files of all partners" in again.stdout
