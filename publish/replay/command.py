"""`publish replay RUN`: the command line."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from publish.package import provenance
from publish.replay import Replayed, replay, workspace
from publish.replay.compare import Difference
from runtime.command import LOG, log_options, report, start_logging
from runtime.environment import Environment, Place
from runtime.exits import Misuse
from store import outbox
from store.feeds.artifacts import Artifacts
from store.package import Package


@click.command("replay")
@click.argument("run", metavar="RUN")
@click.option(
    "--here", is_flag=True, help="Use the code that stands here, whatever the run's."
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to work, and to leave what was made.  [default: nowhere]",
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
    variables, the logical time and the code are those of the run; nothing is delivered
    and nothing of the data directory is written to.

    The code is that of the run's commit where git has it, else the one that stands
    here, which is said. Exit codes: 0 every file is the same, 1 one is not, or what it
    was made of is gone or changed, 2 wrong settings.
    """
    start_logging(log_format, quiet)
    variables, root = Environment.read(), Path.cwd()
    place = Place.of(variables)
    recorded = outbox.find(place.outbox, run)
    recorded.check()
    workspace.require(recorded)
    with _work(folder) as work:
        wanted = recorded.run["code_commit"]
        present = variables.optional("FEEDS_COMMIT") or provenance.commit(root)
        why = None
        if wanted != present and not here:
            why = unpack_code(root, wanted, work / "code")
            if why is None:
                words = [run, "--log-format", log_format]
                words += ["--json"] * as_json + ["--quiet"] * quiet
                sys.exit(_there(work / "code", wanted, place, words, folder))
        other = _other_code(wanted, present, why)
        notes = [*other, *_defaults(root, recorded)]
        for note in notes:
            LOG.warning(note)
        made = replay(place, recorded, root, variables, work, not other)
        told = _told(recorded, made, notes)
        if folder is None:
            told["folder"] = None
        report(told, _words(recorded, made, notes), as_json)
    sys.exit(told["exit_code"])


@contextmanager
def _work(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="replay-") as name:
            yield Path(name).resolve()
        return
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Misuse(f"--folder: expected an empty folder, found {folder} with files")
    yield folder.resolve()


def _there(
    root: Path, commit: str, place: Place, words: list[str], folder: Path | None
) -> int:
    """Run the same command with the code in `root`; return its exit code."""
    LOG.info(f"replay with the code of commit={commit}")
    if folder:
        words = [*words, "--folder", str(folder.resolve() / "replay")]
    env = {
        **os.environ,
        "PYTHONPATH": str(root),
        "FEEDS_COMMIT": commit,
        "FEEDS_ENVIRONMENT": place.environment,
        "FEEDS_DATA": str(place.data.resolve()),
    }
    return subprocess.run(  # noqa: S603 (our own words, no shell)
        [sys.executable, "-m", "publish", "replay", "--here", *words],
        cwd=root, env=env, check=False,
    ).returncode  # fmt: skip


def _other_code(wanted: str | None, present: str | None, why: str | None) -> list[str]:
    if wanted != present:
        because = f" ({why})" if why else ""
        return [
            f"this is not the code of the run: {wanted or 'unknown'} made it, "
            f"{present or 'unknown'} makes it again{because}"
        ]
    if wanted is None or wanted.endswith("-dirty"):
        return [
            f"the run was made by edited code ({wanted or 'unknown'}): whether this is "
            "the same, only what it makes can tell"
        ]
    return []


def _defaults(root: Path, recorded: Package) -> list[str]:
    """Say which of dbt's variables have another default by now; the run's are used."""
    then = recorded.run["thresholds"]
    now = provenance.thresholds(root, Artifacts({}, {}))
    told = []
    for name in sorted(then | now):
        if name not in then:
            told.append(f"the variable {name} came after the run; it is {now[name]!r}")
        elif then[name] != now.get(name):
            here = f"is {now[name]!r}" if name in now else "is not declared"
            told.append(
                f"the variable {name} {here} here; the run had {then[name]!r}, which "
                "is used"
            )
    return told


def _told(recorded: Package, made: Replayed, notes: list[str]) -> dict[str, Any]:
    return {
        "status": "done" if made.identical else "refused",
        "exit_code": 0 if made.identical else 1,
        "file": recorded.file,
        "run_id": recorded.run_id,
        "identical": made.identical,
        "package": {"expected": recorded.digest, "found": made.digest},
        "files": [_flat(file) for file in made.files],
        "made_of": list(made.reasons),
        "notes": notes,
        "folder": str(made.folder),
    }


def _flat(file: Difference) -> dict[str, Any]:
    told = asdict(file)
    return {"is" if name == "is_" else name: value for name, value in told.items()}


def _words(recorded: Package, made: Replayed, notes: list[str]) -> str:
    name = f"{recorded.name}"
    same = sum(file.identical for file in made.files)
    lines = [
        f"{name} identical: all {same} files, package {made.digest}"
        if made.identical
        else f"{name} differs: {same} of {len(made.files)} files are the same"
    ]
    for file in made.files:
        if not file.identical:
            lines.append(f"  {file.name}: {_where(file)}")
    lines += [f"  made of something else: {reason}" for reason in made.reasons]
    if made.reasons:
        lines.append("  so the same bytes cannot be expected of it")
    elif not made.identical:
        lines.append(
            "  of what the manifest names, nothing has changed: look at the code "
            "beside models, seeds and macros, and at the installed packages"
        )
    lines += [f"  note: {note}" for note in notes]
    return "\n".join(lines)


def _where(file: Difference) -> str:
    if file.expected is None or file.found is None:
        return "only made now" if file.found else "not made any more"
    return f"line {file.line}\n    then: {file.was}\n    now:  {file.is_}"


_COMMIT = re.compile(r"[0-9a-f]{40}")
_COMMAND = Path("publish/replay/command.py")


def unpack_code(root: Path, commit: str | None, folder: Path) -> str | None:
    """Put the code of a commit into `folder`; say why that cannot be done.

    It is read from the repository as an archive: no worktree is added, nothing of the
    checkout changes.

    Args:
        root: the project, perhaps a git checkout.
        commit: as a manifest has it.
        folder: where to; is made.

    Returns:
        None if it is there and knows how to replay, else the reason.
    """
    if commit is None:
        return "the run does not say which code made it"
    if not _COMMIT.fullmatch(commit):
        return f"its code was {commit}, which is no clean commit"
    git = shutil.which("git")
    if git is None:
        return "there is no git here to ask for it"
    folder.mkdir(parents=True)
    archive = folder.with_suffix(".tar")
    told = subprocess.run(  # noqa: S603 (our own words, no shell)
        [git, "archive", "--format=tar", f"--output={archive}", commit],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if told.returncode:
        return f"git does not have it in {root}"
    with tarfile.open(archive) as tar:
        # Python 3.11.4 brought filters; that of Debian 12 is older.
        if hasattr(tarfile, "data_filter"):
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(folder)  # noqa: S202 (an archive of our own repository)
    archive.unlink()
    if not (folder / _COMMAND).is_file():
        return "that code did not know how to replay"
    return None
