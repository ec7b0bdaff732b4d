"""A project in a repository of its own, and a run that the real commands made in it."""

import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from commands import ROOT
from compiled_project import NO_UNIT_TESTS, Compiled
from conftest import PROJECT
from project import Project

from runtime.files import sha256_of

CODE = (*PROJECT, "publish", "runtime", "store", "requirements.lock")
NIGHT = """
set -e
extract --quiet ordertime
dbt --quiet build --select +exposure:onpart_inventory "$@"
publish onpart_inventory --quiet --at "$AT"
"""


@dataclass
class CommittedProject(Project):
    """The project in a repository of its own; `commit` is the first one."""

    commit: str = ""

    @property
    def root(self) -> Path:
        """The folder of dbt_project.yml; commands run there."""
        return self.folder / "project"

    @property
    def package(self) -> Path:
        """The newest package."""
        return self.packages()[-1]

    def environment(self) -> dict[str, object]:
        """Return the environment of every command."""
        return {**super().environment(), "PYTHONPATH": self.root}

    def night(self, *words: str) -> None:
        """Extract from a stand-in, build with `words`, deliver to a server."""
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        sandbox = ("sandbox", "run", "--items", 60, "--", "sh", "-c", NIGHT, "sh")
        done = self.run(*sandbox, *words, FEEDS_ACCEPT_FIRST=1, AT=at)
        assert done.returncode == 0, done.stdout + done.stderr

    def replay(self, *words: str, **variables: object) -> tuple[int, Any, str]:
        """Replay the run; return the exit code, what it printed, and its log."""
        words = ("publish", "replay", self.package.name, *words)
        result = self.run_json("python", "-m", *words, **variables)
        return result["exit_code"], result, result["stderr"]


def commit_and_run(folder: Path, compiled: Compiled) -> CommittedProject:
    """Commit the code below `folder`, then run one night by it."""
    project = CommittedProject(folder, commit=commit(folder / "project"))
    compiled.copy_warehouse(project.data)
    project.night(*NO_UNIT_TESTS)
    return project


def commit(project: Path) -> str:
    """Copy the code into a repository of its own; return its first commit."""
    for name in CODE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        project.mkdir(exist_ok=True)
        copy(ROOT / name, project / name)
    (project / ".gitignore").write_text("__pycache__/\n")
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "first")
    return git(project, "rev-parse", "HEAD")


def git(project: Path, *words: str) -> str:
    tool = shutil.which("git")
    assert tool
    who = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    done = subprocess.run(
        [tool, *who, *words], cwd=project, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with its hash, every folder."""
    return {
        str(path.relative_to(folder)): sha256_of(path) if path.is_file() else "folder"
        for path in folder.rglob("*")
    }
