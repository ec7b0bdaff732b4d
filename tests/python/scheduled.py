"""A folder in which a scheduler runs the project, and the sources that it extracts."""

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commands import ROOT, clean_environment

from sandbox import order_tool, ordertime
from sandbox.sample import Sample
from sandbox.sample_orders import OrderSample

FOLDER = ROOT / "orchestration"
# What the image has.
COPIED = [
    word
    for line in re.findall(
        r"^COPY (.*) \S+$", (FOLDER / "Containerfile").read_text(), re.MULTILINE
    )
    for word in line.split()
]


def make_home(home: Path) -> Path:
    """Make a folder with what the image has, the commands, and the partner's folder."""
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, home / name)
    (home / ".venv").symlink_to(Path(sys.executable).parents[1])
    (home / "partner/dev/order-feed").mkdir(parents=True)
    return home


def settings(home: Path, **variables: object) -> dict[str, str]:
    """Return the environment of a scheduler; the next try is at once."""
    return clean_environment(
        **{
            "FEEDS_DATA": home / "data",
            "DBT_TARGET_PATH": home / "target",
            "DBT_LOG_PATH": home / "logs",
            "FEEDS_ALERT_FILE": home / "alerts.json",
            "RETRY_SECONDS": 0,
            **variables,
            "DEST_ONPART_URL": (home / "partner").as_uri(),
            "DEST_ORDERS_URL": (home / "partner").as_uri(),
        }
    )


def delivered(home: Path) -> list[str]:
    """Return the names of the files that the partner has."""
    return sorted(path.name for path in (home / "partner").rglob("*.csv"))


@contextmanager
def sources(*faults: str, latency_ms: float = 0) -> Iterator[dict[str, object]]:
    """Both sources, and what to export for them; faults are those of the first."""
    with (
        ordertime.serve(Sample(60), faults=faults, latency_ms=latency_ms) as parts,
        order_tool.serve(OrderSample(400)) as tool,
    ):
        yield {**parts.variables, **tool.variables, "FEEDS_HTTP_ATTEMPTS": 1}
