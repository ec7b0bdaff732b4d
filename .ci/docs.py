"""Write the generated parts of docs/: the findings of health and the reason codes.

    python .ci/docs.py [--check]

With --check nothing is written, and the exit code is 1 if a document is out of date.
"""

import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from monitor.catalogue import CATALOGUE

ROOT = Path(__file__).parent.parent
HEALTH, REASONS = ROOT / "docs/health.md", ROOT / "docs/reason-codes.md"
_INTRO = """\
# Reason codes

`make docs` writes this page from the seeds. Each source row has a status:

- `ELIGIBLE`: the row goes into the file.
- `FILTERED`: the row is left out on purpose.
- `REVIEW`: the row waits for a person.

The rules run in the order of the tables. If several rules fire for a row, the first
one decides. `audit.csv` lists all of them, and `monitor why KEY` explains one row. A
warning does not change the status of a row.
"""
_SEEDS = (("Parts", ""), ("Orders", "order_"))


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    heads = list(heads)
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |"


def health() -> str:
    """Return docs/health.md. The table of all findings is its end."""
    rows = (
        (f"`{id_}`", kind.severity, kind.meaning, kind.remedy.replace("{about}", "..."))
        for id_, kind in CATALOGUE.items()
    )
    lines = table(("id", "severity", "what is wrong", "what to do"), rows)
    text = HEALTH.read_text("utf-8").partition("| id | severity |")[0]
    return text + "\n".join(lines) + "\n"


def reason_codes() -> str:
    """Return docs/reason-codes.md."""
    lines = [_INTRO]
    for title, prefix in _SEEDS:
        reasons = _seed(f"{prefix}reason_codes")
        rows = (
            (f"`{row['reason_code']}`", row["step"], row["status"], row["meaning"],
             row["remedy"])
            for row in sorted(reasons, key=lambda row: int(row["position"]))
        )  # fmt: skip
        lines += [f"## {title}", "", f"From `seeds/{prefix}reason_codes.csv`.", ""]
        lines += table(("code", "step", "status", "meaning", "what to do"), rows)
        warnings = _seed(f"{prefix}warning_codes")
        rows = ((f"`{row['warning_code']}`", row["meaning"]) for row in warnings)
        lines += ["", f"Warnings, from `seeds/{prefix}warning_codes.csv`:", ""]
        lines += [*table(("code", "meaning"), rows), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _seed(name: str) -> list[dict[str, str]]:
    with (ROOT / f"seeds/{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def main() -> int:
    """Write or check each document; return 1 if a checked one is out of date."""
    outdated = 0
    for path, content in ((HEALTH, health()), (REASONS, reason_codes())):
        if path.exists() and path.read_text("utf-8") == content:
            continue
        name = path.relative_to(ROOT)
        if "--check" in sys.argv[1:]:
            outdated = 1
            sys.stdout.write(f"{name} is out of date: run `make docs`\n")
        else:
            path.write_text(content, "utf-8")
            sys.stdout.write(f"{name} written\n")
    return outdated


if __name__ == "__main__":
    sys.exit(main())
