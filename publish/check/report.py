"""What a check tells: a verdict, sentences, and the facts below them."""

from dataclasses import asdict, dataclass
from typing import Any

from publish.check.observed import Observed
from publish.transport import Destination

# Which exit code a verdict has.
VERDICTS = {"ready": 0, "not acceptable": 1, "not configured": 2, "unreachable": 75}
_SIGNS = {"good": "ok  ", "note": "-   ", "warn": "warn", "bad": "NO  "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        id: stable, for machines.
        grade: good, note (a fact without a value), warn, bad (not acceptable).
        says: a sentence.
    """

    id: str
    grade: str
    says: str


@dataclass(frozen=True, slots=True)
class Report:
    """One folder of a destination; `report.schema.json` describes it field by field.

    Attributes:
        verdict: a key of `VERDICTS`.
        message: why it is not ready; "" if it is.
        strategy: how files will be delivered there.
        not_promised: what nobody can hold there.
        left: files of ours that may still be there.
    """

    destination: str
    folder: str
    server: str
    feeds: tuple[str, ...]
    at: str
    verdict: str
    message: str
    strategy: tuple[str, ...]
    not_promised: tuple[str, ...]
    findings: tuple[Finding, ...]
    left: tuple[str, ...]
    observed: Observed

    @property
    def exit_code(self) -> int:
        """0 ready, 1 not acceptable, 2 not configured, 75 unreachable."""
        return VERDICTS[self.verdict]

    def told(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "exit_code": self.exit_code,
            **{name: list(getattr(self, name)) for name in _LISTS},
            "findings": [asdict(finding) for finding in self.findings],
            "observed": self.observed.told(),
        }

    def words(self) -> str:
        """Return it for a person."""
        lines = [f"{self.destination} {self.verdict}: {self._where()}"]
        if self.message:
            lines.append(f"  {self.message}")
        for title, sentences in (
            ("How files are delivered", self.strategy),
            ("What cannot be promised", self.not_promised),
        ):
            if sentences:
                lines += [f"  {title}:", *(f"    - {each}" for each in sentences)]
        if self.findings:
            lines.append("  What was seen:")
            lines += [f"    {_SIGNS[f.grade]} {f.id}: {f.says}" for f in self.findings]
        return "\n".join(lines)

    def _where(self) -> str:
        whose = ", ".join(self.feeds) or "no feed yet"
        folder = f", folder {self.folder}" if self.folder else ""
        return f"{self.server}{folder} ({whose})"


_PLAIN = ("destination", "folder", "server", "at", "verdict", "message")
_LISTS = ("feeds", "strategy", "not_promised", "left")


def unconfigured(
    name: str, folder: str, feeds: tuple[str, ...], why: str, at: str
) -> Report:
    """Tell of a destination whose variables are missing or wrong."""
    return Report(
        name, folder, "", feeds, at, "not configured", why, (), (), (), (), Observed()
    )  # fmt: skip


def server_of(to: Destination) -> str:
    """Name the server; for file:// its folder."""
    return f"file://{to.path}" if to.scheme == "file" else to.server
