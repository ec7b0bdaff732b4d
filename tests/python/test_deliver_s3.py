"""S3 at a server that checks signatures and rights, over a line that may break."""

import hashlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from checking import PREFIX, CheckProject
from commands import ROOT, clean_environment
from delivering import CONTENT, ODD_NAME, destination, ignore, opened
from sample_project import SampleProject
from servers.s3 import PAGE, BadLine, Storage, request

from publish.transport import Digest
from publish.transport.errors import retry_of
from runtime.exits import Misuse, Refused, Temporary
from sandbox import certificates

NAME = "feed.csv"
PART = f"{NAME}.run-1.part"


@pytest.fixture(scope="module")
def shared() -> Iterator[Storage]:
    with Storage() as to:
        yield to


@pytest.fixture
def storage(shared: Storage) -> Storage:
    """A server over HTTPS with an empty folder."""
    for name in shared.names():
        shared.remove(name)
    return shared


@pytest.fixture(scope="module")
def clear() -> Iterator[Storage]:
    """A server over HTTP, for a line that looks into requests."""
    with Storage(tls=False) as to:
        yield to


@pytest.fixture
def line(clear: Storage) -> Iterator[BadLine]:
    for name in clear.names():
        clear.remove(name)
    with BadLine(clear) as line:
        yield line


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    project = SampleProject(tmp_path)
    project.variables = {
        "FEEDS_ACCEPT_FIRST": 1, "XDG_STATE_HOME": tmp_path / "state",
        "DEST_ONPART_RETRY_PAUSE": 0, "DEST_ONPART_TIMEOUT": 10,
    }  # fmt: skip
    project.meta["file"] = "feed.csv"
    return project.quick()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_storage_stores_replaces_lists_and_removes(
    storage: Storage, source: Path
) -> None:
    storage.lay(NAME, b"old")
    storage.lay("archive/2025.csv", b"in a folder of its own")
    storage.lay("", b"")  # a folder, as consoles make it
    ticks = list[int]()
    with opened(storage) as connection:
        sent = connection.put(source, PART, ticks.append)
        assert (sent.bytes, sent.sha256) == (len(CONTENT), sha256(CONTENT))
        assert sum(ticks) == len(CONTENT)
        assert connection.size(PART) == len(CONTENT)
        assert connection.hash(PART) == Digest("SHA-256", sent.sha256)
        assert storage.content(NAME) == b"old"

        connection.rename(PART, NAME)
        assert storage.content(NAME) == CONTENT
        assert connection.size(PART) is None
        assert connection.size(NAME) == len(CONTENT)
        assert connection.hash(NAME) == Digest("SHA-256", sent.sha256)
        assert b"".join(connection.read(NAME)) == CONTENT
        changed = connection.modified(NAME)
        assert changed is not None
        assert abs(datetime.now(UTC) - changed) < timedelta(minutes=5)
        assert connection.modified("none.csv") is None
        assert connection.mode(NAME) is None

        source.write_bytes(b"")
        connection.put(source, f"{ODD_NAME}.part", ignore)
        connection.rename(f"{ODD_NAME}.part", ODD_NAME)
        assert connection.list() == sorted([NAME, ODD_NAME])
        sizes = {entry.name: entry.bytes for entry in connection.entries()}
        assert sizes == {NAME: len(CONTENT), ODD_NAME: 0}
        for name in (NAME, ODD_NAME, "never was.csv"):
            connection.remove(name)
        assert connection.list() == []
        facts = connection.facts()
    assert storage.names() == ["", "archive/2025.csv"]
    assert facts["encrypted"] is facts["certificate_checked"] is True
    assert facts["server"] == f"s3://partner-data ({storage.endpoint})"
    assert facts["greeting"].startswith("Werkzeug")


def test_a_folder_of_many_names_is_read_page_by_page(storage: Storage) -> None:
    names = [f"{number:02}.csv" for number in range(2 * PAGE + 1)]
    for name in names:
        storage.lay(f"many/{name}", b"x")
    with opened(storage, "many") as connection:
        assert connection.list() == names


def test_an_object_in_pieces_is_none_of_ours(storage: Storage) -> None:
    client, where = storage.client(), {"Bucket": "partner-data", "Key": "in box/x.csv"}
    upload = client.create_multipart_upload(**where, ChecksumAlgorithm="SHA256")
    where["UploadId"] = upload["UploadId"]
    piece = client.upload_part(
        **where, PartNumber=1, Body=b"x", ChecksumAlgorithm="SHA256"
    )
    pieces = {"Parts": [{"PartNumber": 1, "ETag": piece["ETag"]}]}
    client.complete_multipart_upload(**where, MultipartUpload=pieces)
    with opened(storage) as connection:
        digest = connection.hash("x.csv")
        assert connection.size("x.csv") == 1
    assert digest not in (None, Digest("SHA-256", sha256(b"x")))


def test_a_delivery_and_the_next_one(storage: Storage, project: SampleProject) -> None:
    project.variables |= storage.variables()
    result = project.publish()
    assert result["exit_code"] == 0, result
    project.rows[0]["qty_on_hand"] = 11
    project.later()
    assert project.write().publish()["files"][0]["status"] == "delivered"

    newest = project.packages()[-1]
    expected = {path.name: path.read_bytes() for path in newest.glob("feed.[cm]*")}
    assert storage.contents() == expected
    receipt = project.records("delivered")[-1]["receipt"]
    hashes = {file["name"]: file["remote_hash"] for file in receipt["files"]}
    assert hashes == {n: f"SHA-256 {sha256(c)}" for n, c in expected.items()}
    text = str(project.records()) + "".join(
        path.read_text() for path in project.data.rglob("receipt.json")
    )
    assert storage.password not in text


def test_a_mode_is_refused_before_the_file_has_its_name(
    storage: Storage, project: SampleProject
) -> None:
    project.meta["mode"] = "0644"
    project.variables |= storage.variables()
    result = project.write().publish()
    assert result["exit_code"] == 1
    assert "expected no `mode` for S3" in result["files"][0]["message"]
    assert storage.contents() == {}


def test_a_check_is_a_tiny_delivery(storage: Storage, tmp_path: Path) -> None:
    project = CheckProject(tmp_path)
    project.variables = storage.variables()
    storage.lay("inventory.csv", b"old")
    report = project.check()
    assert report["verdict"] == "ready", report
    assert report["steps"]["hash"] == "SHA-256"
    assert {*report["steps"].values()} == {"yes", "SHA-256"}
    assert (storage.names(), report["left"]) == (["inventory.csv"], [])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"PASSWORD": "not-the-secret-of-the-key"}, "SignatureDoesNotMatch.*_PASSWORD"),
        ({"USER": "AKIA0000000000000000"}, "InvalidAccessKeyId.*_USER"),
        ({"SESSION_TOKEN": "no-token-of-this-key"}, "Fix|Renew"),
        ({"URL": "s3://no-such-bucket"}, "NoSuchBucket.*DEST_ONPART_URL"),
    ],
)
def test_what_is_not_accepted_is_named_and_no_secret_shown(
    storage: Storage, changed: dict[str, str], words: str
) -> None:
    with pytest.raises(Refused, match=words) as caught, opened(storage, **changed):
        pass
    assert changed.get("PASSWORD", storage.password) not in str(caught.value)
    assert retry_of(caught.value) == "no_retry"


def test_a_right_that_lacks_is_named(
    storage: Storage, tmp_path: Path, source: Path
) -> None:
    key, secret = storage.key("reader", ("s3:ListBucket", "s3:GetObject"))
    mine = {"USER": key, "PASSWORD": secret}
    with (
        opened(storage, **mine) as connection,
        pytest.raises(Refused, match=r"AccessDenied.*needs the rights .*s3:PutObject"),
    ):
        connection.put(source, PART, ignore)

    key, secret = storage.key(
        "keeper", ("s3:ListBucket", "s3:GetObject*", "s3:PutObject*", "s3:CopyObject")
    )
    project = CheckProject(tmp_path)
    project.variables = storage.variables()
    report = project.check(DEST_ONPART_USER=key, DEST_ONPART_PASSWORD=secret)
    assert report["exit_code"] == 1
    assert report["message"].startswith("rename: the server said yes, but still has")
    assert {name[: len(PREFIX)] for name in report["left"]} == {PREFIX}
    assert project.check()["verdict"] == "ready"  # and removes what was left
    assert storage.names() == []


def test_a_certificate_that_is_not_believed(storage: Storage, tmp_path: Path) -> None:
    stranger = certificates.make(tmp_path)
    words = "CERTIFICATE_VERIFY_FAILED.*DEST_ONPART_CA_FILE"
    for ca_file in ("", str(stranger.ca_file)):
        with pytest.raises(Refused, match=words), opened(storage, CA_FILE=ca_file):
            pass


def test_a_server_that_is_away(tmp_path: Path) -> None:
    project = CheckProject(tmp_path)
    with Storage() as to:
        project.variables = to.variables()
        assert project.check()["exit_code"] == 0
        to.kill()
        away = project.check()
        assert (away["exit_code"], away["verdict"]) == (75, "unavailable")
        assert to.endpoint in away["message"]


def test_a_server_that_goes_in_the_middle(project: SampleProject) -> None:
    with Storage() as to:
        project.variables |= to.variables() | {"DEST_ONPART_RETRIES": 0}
        child = project.start("--at", project.at, FEEDS_FAILPOINT="in-stor=stop")
        assert child.stopped()
        to.kill()
        child.signal(signal.SIGCONT)
        done = child.wait(60)
        assert done.returncode == 75, done.stderr
        assert "cannot be checked now" in done.stdout
        to.start()  # empty, and with another key
        project.variables |= to.variables()
        assert project.publish()["files"][0]["status"] == "delivered"
        assert to.names() == ["feed.csv", "feed.manifest.json"]
    assert [r["event"] for r in project.records("failed", "delivered")] == [
        "failed", "delivered",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "intents"),
    [
        # Cut in the middle: no object, so it is sent again.
        ([(request("PUT", "feed.csv"), "cut")], 2),
        # The part is there: it is copied, not sent again.
        ([(request("PUT", "feed.csv"), "lose")], 1),
        # The copy was made: it is made again, and the part removed.
        ([(request("PUT", "feed.csv", copy=True), "lose")], 1),
        # It was not made.
        ([(request("PUT", "feed.csv", copy=True), "cut")], 1),
        # The part stays for the next delivery.
        ([(request("DELETE", "feed.csv"), "cut")], 1),
        (
            [
                (request("PUT", "feed.csv", copy=True), "lose"),
                (request("DELETE", "feed.csv"), "cut"),
            ],
            1,
        ),
    ],
)
@pytest.mark.sample(2)
def test_a_line_that_breaks(
    clear: Storage,
    line: BadLine,
    project: SampleProject,
    spoil: list[tuple[Callable[[str], bool], str]],
    intents: int,
) -> None:
    line.spoil = spoil
    project.variables |= line.variables()
    result = project.publish()
    assert (result["exit_code"], line.spoil) == (0, []), result
    records = project.records("intent", "delivered", "failed")
    assert [r["event"] for r in records].count("intent") == intents
    assert [r["event"] for r in records][-1] == "delivered"
    (package,) = project.packages()
    stored = clear.contents()
    assert stored["feed.csv"] == (package / "feed.csv").read_bytes()

    project.rows[0]["qty_on_hand"] = 11
    project.later()
    assert project.write().publish()["exit_code"] == 0
    assert clear.names() == ["feed.csv", "feed.manifest.json"]


@pytest.mark.parametrize("place", ["after-stor", "before-rnto", "after-rnto"])
def test_a_killed_delivery_is_settled_by_looking(
    storage: Storage, project: SampleProject, place: str
) -> None:
    project.variables |= storage.variables()
    killed = project.run("publish", "--at", project.at, FEEDS_FAILPOINT=f"{place}=kill")
    assert killed.returncode == -signal.SIGKILL
    result = project.publish()
    assert result["files"][0]["status"] in ("delivered", "unchanged"), result
    assert storage.names() == ["feed.csv", "feed.manifest.json"]
    assert len(project.records("delivered")) == 1


def test_a_part_of_other_bytes_gets_no_name(
    storage: Storage, project: SampleProject
) -> None:
    """The size is the same, so that only the checksum tells."""
    project.variables |= storage.variables()
    killed = project.run(
        "publish", "--at", project.at, FEEDS_FAILPOINT="before-rnto=kill"
    )
    assert killed.returncode == -signal.SIGKILL
    stored = storage.contents()
    (part,) = (name for name in stored if name.startswith("feed.csv"))
    storage.lay(part, b"x" * len(stored[part]))
    assert project.publish()["files"][0]["status"] == "delivered"
    (package,) = project.packages()
    assert storage.content("feed.csv") == (package / "feed.csv").read_bytes()
    assert [r["event"] for r in project.records("failed", "delivered")] == [
        "failed", "delivered",
    ]  # fmt: skip


def test_an_end_that_nobody_can_know_waits_for_a_person(
    storage: Storage, project: SampleProject
) -> None:
    project.variables |= storage.variables()
    killed = project.run(
        "publish", "--at", project.at, FEEDS_FAILPOINT="after-rnto=kill@2"
    )
    assert killed.returncode == -signal.SIGKILL
    storage.remove("feed.csv")
    refused = project.publish()
    assert (refused["exit_code"], "is unknown" in str(refused)) == (1, True)
    (unknown,) = project.records("unknown")
    words = ("settle", unknown["attempt"], "--as", "delivered", "--because", "they say")
    assert project.run("publish", *words).returncode == 0
    assert project.publish()["files"][0]["status"] == "unchanged"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"URL": "s3://Bucket/x"}, "DEST_ONPART_URL: expected s3://bucket/folder"),
        ({"URL": "s3://bucket:9000/x"}, "a server goes into DEST_ONPART_ENDPOINT"),
        ({"URL": "s3:///x"}, "DEST_ONPART_URL.*found no bucket"),
        ({"USER": ""}, "DEST_ONPART_USER.*id of the access key"),
        ({"PASSWORD": ""}, "DEST_ONPART_PASSWORD is not set"),
        ({"ENDPOINT": ""}, "DEST_ONPART_REGION is not set"),
        ({"ENDPOINT": "localhost:9000"}, "DEST_ONPART_ENDPOINT: expected https://host"),
        ({"ENDPOINT": "https://u@host"}, "DEST_ONPART_ENDPOINT: expected https://host"),
        ({"ENDPOINT": "https://host:x"}, "DEST_ONPART_ENDPOINT: expected https://host"),
        ({"ENDPOINT": "https://host/b"}, "DEST_ONPART_ENDPOINT: expected https://host"),
        (
            {"ENDPOINT": "http://host", "ALLOW_PLAINTEXT": "0"},
            "DEST_ONPART_ENDPOINT: http:// sends the file in clear",
        ),
        ({"REGION": "eu central"}, "DEST_ONPART_REGION: expected such as"),
    ],
)
def test_a_mistake_names_its_variable(
    shared: Storage, changed: dict[str, str], words: str
) -> None:
    with pytest.raises(Misuse, match=words):
        destination(shared, **changed)


def test_only_the_variables_of_the_destination_count(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "config"
    wrong.write_text("[default]\nregion=nowhere\nendpoint_url=http://localhost:1\n")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(wrong))
    for name, text in (
        ("AWS_PROFILE", "no-such-profile"),
        ("AWS_ENDPOINT_URL_S3", "http://localhost:1"),
        ("AWS_CA_BUNDLE", str(wrong)),
        ("AWS_SESSION_TOKEN", "another"),
        ("HTTPS_PROXY", "http://localhost:1"),
    ):
        monkeypatch.setenv(name, text)
    with opened(storage) as connection:
        assert connection.list() == []


def test_more_than_one_request_takes_is_refused(storage: Storage, source: Path) -> None:
    with source.open("wb") as file:
        file.truncate(5 * 2**30 + 1)
    with (
        opened(storage) as connection,
        pytest.raises(Refused, match=r"at most 5 GiB.*split_by"),
    ):
        connection.put(source, PART, ignore)
    assert storage.names() == []


@pytest.mark.parametrize("program", ["publish.transport.ftp", "publish.__main__"])
def test_no_other_destination_loads_botocore(program: str) -> None:
    code = (
        f"import sys, {program}, publish.transport.destination\n"
        "assert not {'botocore', 'urllib3'} & {*sys.modules}"
        if program == "publish.transport.ftp"
        else f"import sys, {program}\nassert 'botocore' not in sys.modules"
    )
    words = [sys.executable, "-c", code]
    subprocess.run(words, check=True, cwd=ROOT, env=clean_environment())


def test_without_the_extra_the_package_is_named(storage: Storage) -> None:
    code = (
        "import sys; sys.modules['botocore'] = None\n"
        "from publish.transport import Destination, connect\n"
        "from runtime.environment import Environment\n"
        f"given = Environment({storage.variables()!r})\n"
        "connect(Destination.read(given, 'onpart'), '')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        check=False, cwd=ROOT, env=clean_environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert "Install partner-feeds[s3]" in ran.stderr


def test_a_deadline_ends_an_upload(storage: Storage, source: Path) -> None:
    with (
        pytest.raises(Temporary, match="not done within"),
        opened(storage, DEADLINE="1") as connection,
    ):
        for number in range(1000):
            connection.put(source, f"{number}.part", ignore)
