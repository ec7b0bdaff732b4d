"""Names and texts of a partner that are not UTF-8: shown, never an error."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from delivering import ignore, opened
from sample_project import SampleProject
from servers.fixtures import Start
from servers.script import Script
from servers.sftp import SftpStub
from servers.stub import Stub

from runtime.exits import Stop

# A name in Latin-1, and one that looks like a part of another machine.
FOREIGN = (
    b"Gr\xf6\xdfe.csv",
    b"Gr\xf6\xdfe.csv.20260115T070000Z-99999999-99ff00.part",
)
SHOWN = [os.fsencode(os.fsdecode(n)).decode(errors="backslashreplace") for n in FOREIGN]


def lay(folder: Path) -> None:
    for name in FOREIGN:
        (folder / os.fsdecode(name)).write_bytes(b"theirs")


@pytest.mark.parametrize("kind", ["vsftpd", "proftpd", "pure-ftpd", "openssh"])
def test_a_folder_with_foreign_names_is_listed(server: Start, kind: str) -> None:
    to = server(kind)
    lay(to.folder)
    with opened(to) as connection:
        assert connection.list() == SHOWN
        assert [entry.name for entry in connection.entries()] == SHOWN


@pytest.fixture(params=["ftp", "sftp", "file"])
def partner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SampleProject]:
    """A project whose partner has foreign names in its folder."""
    project = SampleProject(tmp_path).quick()
    if request.param == "file":
        folder = tmp_path / "share"
        folder.mkdir()
        lay(folder)
        project.variables = {"DEST_ONPART_URL": folder.as_uri()}
        yield project
        return
    with SftpStub() if request.param == "sftp" else Stub(Script()) as to:
        lay(to.folder)
        project.variables = to.variables()
        yield project


def test_a_delivery_beside_foreign_names(partner: SampleProject) -> None:
    result = partner.publish(FEEDS_ACCEPT_FIRST=1)
    assert result["exit_code"] == 0, result
    done = partner.run("publish", "status")
    assert done.returncode == 0, done.stderr
    records = (partner.data / "ledger.jsonl").read_text(encoding="utf-8")
    assert r"Gr\\xf6\\xdfe.csv.20260115T070000Z-99999999-99ff00.part" in records


def test_a_refusal_that_is_not_utf8_is_shown(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    with (
        SftpStub(refusal=b"kein Platz f\xfcr Gr\xf6\xdfe") as to,
        opened(to) as connection,
        pytest.raises(Stop, match=r"kein Platz f\\xfcr Gr\\xf6\\xdfe"),
    ):
        connection.put(source, "x.part", ignore)
