"""The code of a run: git gives it where it can, without touching the checkout."""

import re
import shutil
import subprocess
import tarfile
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}")
_COMMAND = Path("publish/replay/command.py")


def unpack(root: Path, commit: str | None, folder: Path) -> str | None:
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
