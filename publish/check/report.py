"""What one check of a folder saw."""

from dataclasses import asdict, dataclass, field
from typing import Any

# Which exit code a verdict has.
VERDICTS = {"ready": 0, "not acceptable": 1, "not configured": 2, "unavailable": 75}
_FACTS = {
    "greeting": "server", "encrypted": "encrypted", "tls": "TLS",
    "certificate_checked": "certificate checked",
    "certificate_ends": "certificate ends", "host_key": "host key",
    "mode": "mode of the file",
}  # fmt: skip
_YES_NO = {True: "yes", False: "NO"}


@dataclass(slots=True)
class Report:
    """One folder of a destination.

    Attributes:
        destination: its name in the exposures.
        folder: as the exposures write it, its placeholders filled.
        feeds: the feeds that deliver there.
        at: when the check began, UTC.
        server: its address; for file:// the folder.
        verdict: a key of `VERDICTS`.
        message: the step that failed, and the server's own words; "" if none failed.
        steps: the answer to every step that was tried: "yes", what the server
            offers, or its own words.
        facts: those of the connection (see `Connection.facts`), and `mode`, the
            permissions of the file; None where the server does not tell.
        left: files of checks that may still be there.
        unknown: of each feed the files with its names that the ledger does not know:
            `count`, and the `newest` names.
    """

    destination: str
    folder: str
    feeds: tuple[str, ...]
    at: str
    server: str = ""
    verdict: str = "ready"
    message: str = ""
    steps: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    unknown: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 ready, 1 not acceptable, 2 not configured, 75 unavailable."""
        return VERDICTS[self.verdict]

    def to_json(self) -> dict[str, Any]:
        """Return it for a machine."""
        warnings = [self.warning] if self.warning else []
        return {**asdict(self), "warnings": warnings, "exit_code": self.exit_code}

    def to_text(self) -> str:
        """Return it for a person."""
        users = ", ".join(self.feeds) or "no feed yet"
        folder = f", folder {self.folder}" if self.folder else ""
        lines = [f"{self.destination} {self.verdict}: {self.server}{folder} ({users})"]
        if self.message:
            lines.append(f"  {self.message}")
        steps = [f"{step}: {answer}" for step, answer in self.steps.items()]
        lines += [f"  {step}" for step in steps if step != self.message]
        if self.left:
            lines.append(f"  still there: {', '.join(self.left)}")
        for feed, files in self.unknown.items():
            lines.append(
                f"  {files['count']:,} files of {feed} that the ledger does not know, "
                f"the newest: {', '.join(files['newest'])}. If they are ours, run "
                "`publish restored`."
            )
        for key, name in _FACTS.items():
            if (value := self.facts.get(key)) is not None:
                shown = _YES_NO[value] if isinstance(value, bool) else value
                lines.append(f"  {name}: {shown}")
        if self.warning:
            lines.append(f"  warning: {self.warning}")
        return "\n".join(lines)

    @property
    def warning(self) -> str:
        """Say who alone can read the file, by its mode; "" if all users can."""
        mode = int(self.facts.get("mode") or "0444", 8)
        if mode & 0o004:
            return ""
        group = " and its group" if mode & 0o040 else ""
        return (
            f"only this login{group} can read what is delivered. If another user of "
            'the server reads it, set `mode: "0644"` in the exposure, or ask the '
            "partner."
        )
