"""One run of one source: started or resumed, landed, and made current at once."""

import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runtime import formats
from runtime.failpoints import failpoint
from runtime.files import relink, remove_leftovers, write_json
from runtime.log import LOG
from runtime.shapes import UnfinishedExtract

_CLOCK_STEP = timedelta(minutes=1)
CLOCK = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Run:
    """One run: `landing/<run id>/<source>`.

    Attributes:
        run_id: `<begin in UTC>-<random>`; sorts by time.
        folder: where its pages, Parquet files and extract.json are.
        started_at: UTC.
        resumed: whether an earlier process began it.
    """

    run_id: str
    folder: Path
    started_at: datetime
    resumed: bool

    @property
    def pages(self) -> Path:
        """Folder of the raw pages, one below it for each entity."""
        return self.folder / "pages"


def begin(
    landing: Path,
    source: str,
    agreement: Mapping[str, Any],
    resume_within: timedelta,
    anew: bool,
    keep_pages: bool,
) -> Run:
    """Resume the unfinished run of a source, or start one; the caller holds the lock.

    Args:
        landing: the landing folder.
        source: the source's name.
        agreement: what pages depend on (address, page size, entities): a run that
            was started under another agreement is not resumed.
        resume_within: how old an unfinished run may be.
        anew: never resume, as `--full` asks.
        keep_pages: keep the raw pages of a run that was killed at its very end.

    Returns:
        The run. Other unfinished runs of the source are removed.
    """
    resumed: Run | None = None
    remove_leftovers(landing / "current")
    current = landing / "current" / source
    for folder in sorted(landing.glob(f"*/{source}"), reverse=True):
        if folder.parent.name == "current":
            continue
        if (folder / "extract.json").exists():
            _tidy(folder, current, keep_pages)
            continue
        run = None if anew or resumed else _unfinished(folder, agreement, resume_within)
        if run is None:
            LOG.info("discard unfinished", run_id=folder.parent.name)
            shutil.rmtree(folder)
            _remove_if_empty(folder.parent)
        resumed = resumed or run
    if resumed:
        remove_leftovers(resumed.folder)
        at = f"{resumed.started_at:{CLOCK}}"
        LOG.info("resume", run_id=resumed.run_id, started_at=at)
        return resumed
    now = datetime.now(UTC).replace(microsecond=0)
    run_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    folder = landing / run_id / source
    begun = {"started_at": now.isoformat(), "agreement": dict(agreement)}
    formats.write("extract", folder / "run.json", begun)
    return Run(run_id, folder, now, resumed=False)


def finish(
    run: Run, source: str, report: Mapping[str, Any], landing: Path, keep_pages: bool
) -> Path:
    """Write extract.json, make the run current in one rename, drop its pages.

    Returns:
        The run's folder.
    """
    write_json(run.folder / "extract.json", dict(report))
    failpoint("before-current")
    relink(landing / "current" / source, f"../{run.run_id}/{source}")
    failpoint("after-current")
    if not keep_pages:
        shutil.rmtree(run.pages, ignore_errors=True)
    (run.folder / "run.json").unlink()
    return run.folder


def agreement_of(
    base: str, page_size: int, names: Sequence[str]
) -> dict[str, str | int | list[str]]:
    """What the pages of a run depend on."""
    return {"address": base, "page_size": page_size, "entities": list(names)}


def _unfinished(
    folder: Path, agreement: Mapping[str, Any], resume_within: timedelta
) -> Run | None:
    try:
        begun = formats.read("extract", folder / "run.json", UnfinishedExtract)
        started_at = datetime.fromisoformat(begun["started_at"])
    except (OSError, ValueError):
        return None
    if begun["agreement"] != agreement:
        return None
    # A run of the future was started while the clock was wrong.
    if not -_CLOCK_STEP <= datetime.now(UTC) - started_at <= resume_within:
        return None
    return Run(folder.parent.name, folder, started_at, resumed=True)


def _tidy(folder: Path, current: Path, keep_pages: bool) -> None:
    """Finish what `finish` did not end, because it was killed."""
    if not (folder / "run.json").exists():
        return
    if current.exists() and current.samefile(folder):
        if not keep_pages:
            shutil.rmtree(folder / "pages", ignore_errors=True)
        (folder / "run.json").unlink()
        return
    LOG.info("discard", run_id=folder.parent.name, because="it never became current")
    shutil.rmtree(folder)
    _remove_if_empty(folder.parent)


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
