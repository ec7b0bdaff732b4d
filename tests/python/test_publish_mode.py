"""A feed sets the mode of its files at the partner, before they have their names."""

from pathlib import Path

import pytest
from sample_project import SampleProject
from servers.fixtures import Start

from sandbox import partner


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    project = SampleProject(tmp_path)
    project.meta["mode"] = "0604"
    project.variables = {"FEEDS_ACCEPT_FIRST": 1, "XDG_STATE_HOME": tmp_path / "state"}
    return project.quick()


def modes(folder: Path) -> list[str]:
    """Return the modes of all files there."""
    return [f"{path.stat().st_mode & 0o7777:04o}" for path in folder.iterdir()]


@pytest.mark.parametrize("kind", ["proftpd", "openssh"])
def test_a_part_gets_its_mode_before_its_name(
    server: Start, project: SampleProject, kind: str
) -> None:
    to = server(kind)
    project.variables |= to.variables()
    result = project.publish()["files"][0]
    assert result["status"] == "delivered"
    assert modes(to.folder) == ["0604", "0604"]
    if kind == "proftpd":
        commands = (to.place / "commands").read_text().splitlines()
        words = [line.split(" ")[0] for line in commands]
        assert [word for word in words if word in ("SITE", "RNFR", "RNTO")] == [
            "SITE", "RNFR", "RNTO", "SITE", "RNFR", "RNTO",
        ]  # fmt: skip


def test_a_rename_that_a_later_run_makes_up_for_keeps_the_mode(
    project: SampleProject,
) -> None:
    killed = project.run(
        "publish", "--at", project.at, FEEDS_FAILPOINT="before-rnto=kill"
    )
    assert killed.returncode < 0, killed.stderr
    assert modes(project.partner) != ["0604", "0604"]
    project.later()
    assert project.publish()["files"][0]["status"] == "unchanged"
    assert modes(project.partner) == ["0604", "0604"]


def test_a_server_that_does_not_set_modes_gets_no_file(
    project: SampleProject, tmp_path: Path
) -> None:
    with partner.serve(tmp_path / "ftps") as server:
        project.variables |= server.variables()
        result = project.publish()
        assert result["exit_code"] == 1
        message = result["files"][0]["message"]
        assert "the mode 0604 failed (550" in message
        assert "leave `mode` out of the exposure" in message
        assert list(server.folder.iterdir()) == []


@pytest.mark.parametrize("mode", ["664", "0668", 436])
def test_a_mode_has_four_octal_digits_in_quotes(
    project: SampleProject, mode: object
) -> None:
    project.meta["mode"] = mode
    done = project.write().run("publish", "--at", project.at)
    assert (done.returncode, "field mode" in done.stderr) == (2, True), done.stderr
