"""The command line of `publish replay RUN`."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from publish.package import provenance
from publish.replay import Replayed, replay, workspace
from runtime.command import log_options, report
from runtime.environment import DataDirectory, Environment
from runtime.exits import Misuse, Temporary
from runtime.lock import directory_lock
from runtime.log import LOG, is_json, start_logging
from store import outbox
from store.package import Package

_PREFIX = "partner-feeds-{}-"
_NEW = 60  # seconds; a younger folder without a lock is about to have one


@click.command("replay")
@click.argument("run", metavar="RUN")
@click.option("--here", is_flag=True, help="Use the code in this folder.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="An empty folder to work in, which keeps the new package.  [default: none]",
)
@log_options
def command(
    run: str,
    here: bool,
    folder: Path | None,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Make a run again from what it was made of, and compare every byte.

    RUN is a run id of the outbox, or FILE/RUN. Landed files, delivered states, dbt's
    variables, the logical time and the code are those of the run. Nothing is delivered,
    and the data directory is only read.

    DuckDB builds again, or Spark if FEEDS_ENGINE is spark: the bytes are the same,
    whichever engine made the run.

    The code is that of the run's commit if git has it here, else the code in this
    folder. Exit codes: 0 every file is the same, 1 a file differs, or something that
    the run was made of is gone or changed, 2 wrong settings.
    """
    start_logging(log_format, quiet)
    variables, root = Environment.read(), Path.cwd()
    place = DataDirectory.read(variables)
    recorded = outbox.find(place.outbox, run)
    recorded.check()
    workspace.require(recorded)
    with work_folder(folder, "replay") as work:
        wanted = recorded.run["code_commit"]
        present = variables.optional("FEEDS_COMMIT") or provenance.commit(root)
        if wanted != present:
            why = "--here" if here else unpack_code(root, wanted, work / "code")
            if why is None:
                words = [run, "--log-format", "json" if is_json() else "text"]
                words += ["--json"] * as_json + ["--quiet"] * quiet
                sys.exit(_in_folder(work / "code", wanted, place, words, folder))
            LOG.warning("other code", commit=present, run_commit=wanted, because=why)
        result = replay(place, recorded, root, variables, work)
        summary = _to_json(recorded, result, present, folder is not None)
        report(summary, _to_text(summary), as_json)
    sys.exit(summary["exit_code"])


@contextmanager
def work_folder(folder: Path | None, command: str) -> Iterator[Path]:
    """Give an empty folder to work in.

    Args:
        folder: it stays; None for a temporary one.
        command: replay or preview, for the name of a temporary one.

    Raises:
        Misuse: `folder` has files.
    """
    if folder is None:
        _remove_leftovers(command)
        with (
            tempfile.TemporaryDirectory(prefix=_PREFIX.format(command)) as name,
            directory_lock(Path(name), f"publish {command}"),
        ):
            work = Path(name).resolve() / "work"
            work.mkdir()
            yield work
        return
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Misuse(f"--folder: expected an empty folder, found {folder} with files")
    yield folder.resolve()


def _remove_leftovers(command: str) -> None:
    """Remove what killed commands of this user left: a running one has a lock."""
    for left in Path(tempfile.gettempdir()).glob(_PREFIX.format(command) + "*"):
        status = left.lstat()
        is_new = time.time() - status.st_mtime < _NEW and not (left / "lock").exists()
        if not left.is_symlink() and status.st_uid == os.getuid() and not is_new:
            with suppress(Temporary), directory_lock(left, f"publish {command}"):
                shutil.rmtree(left)


def _in_folder(
    root: Path, commit: str, place: DataDirectory, words: list[str], folder: Path | None
) -> int:
    """Run the same command with the code in `root`; return its exit code."""
    LOG.info("replay with the code of the run", commit=commit)
    if folder:
        words = [*words, "--folder", str(folder.resolve() / "replay")]
    env = {
        **os.environ,
        "PYTHONPATH": str(root),
        "FEEDS_COMMIT": commit,
        "FEEDS_ENVIRONMENT": place.environment,
        "FEEDS_DATA": str(place.data.resolve()),
        "FEEDS_ENGINE": place.engine or "duckdb",
    }
    return subprocess.run(  # noqa: S603 (our own words, no shell)
        [sys.executable, "-m", "publish", "replay", "--here", *words],
        cwd=root, env=env, check=False,
    ).returncode  # fmt: skip


def _to_json(
    recorded: Package, result: Replayed, commit: str | None, keep: bool
) -> dict[str, Any]:
    return {
        "status": "done" if result.identical else "refused",
        "exit_code": 0 if result.identical else 1,
        "file": recorded.file,
        "run_id": recorded.run_id,
        "identical": result.identical,
        "package": {"expected": recorded.digest, "found": result.digest},
        "code": {"expected": recorded.run["code_commit"], "found": commit},
        "files": [
            {"name": name, "identical": same} for name, same in result.files.items()
        ],
        "folder": str(result.folder) if keep else None,
    }


def _to_text(summary: dict[str, Any]) -> str:
    name = f"{summary['file']}/{summary['run_id']}"
    if summary["identical"]:
        digest = summary["package"]["found"]
        return f"{name} identical: all {len(summary['files'])} files, package {digest}"
    names = [each["name"] for each in summary["files"] if not each["identical"]]
    lines = [f"{name} differs: {len(names)} of {len(summary['files'])} files"]
    lines += [f"  {name}" for name in names]
    if summary["folder"]:
        lines.append(f"  compare the packages with `diff`: {summary['folder']}")
    else:
        lines.append("  --folder keeps the new package, to compare both with `diff`")
    return "\n".join(lines)


_COMMIT = re.compile(r"[0-9a-f]{40}")
_COMMAND = Path("publish/replay/command.py")


def unpack_code(root: Path, commit: str | None, folder: Path) -> str | None:
    """Put the code of a commit into `folder`; return why that is not possible.

    git writes an archive of it: the checkout does not change.

    Args:
        root: the project, perhaps a git checkout.
        commit: as a manifest has it.
        folder: to make.

    Returns:
        None if the code is there and has this command, else the reason.
    """
    if commit is None:
        return "the run does not name its code"
    if not _COMMIT.fullmatch(commit):
        return f"its code was {commit}, which is no clean commit"
    git = shutil.which("git")
    if git is None:
        return "git is not installed here"
    folder.mkdir(parents=True)
    archive = folder.with_suffix(".tar")
    archived = subprocess.run(  # noqa: S603 (our own words, no shell)
        [git, "archive", "--format=tar", f"--output={archive}", commit],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if archived.returncode:
        return f"git does not have it in {root}"
    with tarfile.open(archive) as tar:
        # Python 3.11.4 brought filters; that of Debian 12 is older.
        if hasattr(tarfile, "data_filter"):
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(folder)  # noqa: S202 (an archive of our own repository)
    archive.unlink()
    if not (folder / _COMMAND).is_file():
        return "that code has no `publish replay`"
    return None
