"""What of a file was far from the usual, as `monitor drift` would have said it then."""

from pathlib import Path

from monitor.documents import document
from monitor.drift.compare import compare
from monitor.drift.kept import path_of
from monitor.drift.limits import Tolerance
from monitor.health.evidence import meta_of
from monitor.report.evidence import Package
from monitor.report.preview import clean


def told(
    package: Package, earlier: list[Package], profiles: Path, target: Path
) -> list[str] | None:
    """Compare the profile of a package with those of earlier deliveries.

    Args:
        package: what is asked about.
        earlier: the packages of the same file before it, oldest first.
        profiles: folder of the profiles of all files.
        target: the folder of dbt's artifacts, for what the exposure allows.

    Returns:
        A sentence for each figure that is too far from the usual; None where it
        was not compared, for want of profiles or of earlier deliveries.

    Raises:
        OSError, ValueError, LookupError, TypeError: a profile cannot be read.
    """
    now = _path(package, profiles)
    allowed = _allowed(package, target)
    sent = [each for each in earlier if each.fate == "delivered"][-allowed.long :]
    before = [
        document(_path(each, profiles))
        for each in sent
        if _path(each, profiles).exists()
    ]
    if not now.exists() or len(before) < allowed.least_runs:
        return None
    found = compare(document(now), before, allowed)
    return [clean(drift.says) for drift in found if drift.told]


def _path(package: Package, profiles: Path) -> Path:
    return path_of(profiles, package.file, package.run_id)


def _allowed(package: Package, target: Path) -> Tolerance:
    """Return what the exposure allows; the defaults without dbt's manifest."""
    try:
        exposures = document(target / "manifest.json")["exposures"].values()
    except (OSError, ValueError, LookupError):
        return Tolerance()
    feed = package.run["feed"]
    metas = [meta_of(each) for each in exposures if each["name"] == feed]
    return Tolerance.of(metas[0]) if metas else Tolerance()
