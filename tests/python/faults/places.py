"""Where a cell delivers to: a real server, a server that loses replies, or a folder."""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import servers
from commands import clean_environment
from servers import trust

PASSWORD = "s3cret-of-the-partner"  # the servers have it too


@dataclass
class Place:
    """One destination."""

    kind: str
    folder: Path
    variables: dict[str, str]
    log: Path | None = None
    lab: servers.Server | None = None
    process: subprocess.Popen[str] | None = None
    home: Path | None = None
    _from: int = 0
    notes: dict[str, Any] = field(default_factory=dict)

    def reset(self, old: dict[str, bytes]) -> None:
        """Restore the partner's files; forget the fault and the log so far."""
        for path in self.folder.iterdir():
            path.unlink()
        for name, content in old.items():
            if self.lab:
                self.lab.lay(name, content)
            else:
                (self.folder / name).write_bytes(content)
        self.set_fault("")
        self._from = self.log.stat().st_size if self.log and self.log.exists() else 0

    def set_fault(self, text: str) -> None:
        """Set what the forgetful partner does next; see `faults.partner`."""
        if self.home:
            (self.home / "fault").write_text(text)

    def logged(self) -> str | None:
        """Return what the server logged since `reset`; None without a log."""
        if self.log is None:
            return None
        content = self.log.read_bytes() if self.log.exists() else b""
        return content[self._from :].decode(errors="replace")

    def close(self) -> None:
        """End the server."""
        if self.lab:
            self.lab.close()
        if self.process:
            self.process.kill()
            self.process.communicate()
        if self.home:
            shutil.rmtree(self.home)


def make(kind: str) -> Place:
    """Start a place: a server of `servers`, forgetful, folder, or this one:

    small-disk is vsftpd on 3 MiB.

    Raises:
        servers.UnavailableError: this machine lacks the server.
    """
    home = Path(tempfile.mkdtemp(prefix="faults-"))
    folder = home / "partner data"
    if kind == "folder":
        folder.mkdir()
        return Place(kind, folder, {"DEST_ONPART_URL": folder.as_uri()}, home=home)
    if kind == "forgetful":
        folder.mkdir()
        return _forgetful(home, folder)
    home.rmdir()
    program, options = kind, dict[str, Any]()
    if kind == "small-disk":
        program, options = "vsftpd", {"disk": 3 << 20}
    lab = servers.start(program, **options)
    log = lab.log if program == "vsftpd" else None
    return Place(kind, lab.folder, lab.variables(), log, lab)


def _forgetful(home: Path, folder: Path) -> Place:
    shown = trust.make(home, "good")
    words = [home, shown.server_file, folder, PASSWORD]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "faults.partner", *map(str, words)],
        cwd=Path(__file__).parents[1],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    variables = {
        "DEST_ONPART_URL": f"ftps://feeds@localhost:{port}",
        "DEST_ONPART_PASSWORD": PASSWORD,
        "DEST_ONPART_CA_FILE": str(shown.ca_file),
    }
    return Place(
        "forgetful", folder, variables, home / "log", process=process, home=home
    )
