"""The image of orchestration/Containerfile, built by buildah, runs a night.

Its base is Debian's Python 3.11, made by mmdebstrap: a registry is not needed. It takes
minutes, root, and Debian's packages buildah and mmdebstrap: `make orchestrators`.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import ROOT
from scheduled import FOLDER, delivered, settings, sources

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
BASE = "docker.io/library/python:3.11-slim"
# Where an own authority stands between this machine and the package index.
AUTHORITIES = "/etc/ssl/certs:/etc/ssl/certs:ro"
USER = 10001


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for images; without the programs or root the test is skipped."""
    for name in ("buildah", "mmdebstrap"):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
    if os.geteuid() != 0:
        pytest.skip("buildah is run as root")
    yield tmp_path
    for name in ("images", "running"):  # gigabytes
        shutil.rmtree(tmp_path / name, ignore_errors=True)


def buildah(folder: Path, *words: object) -> str:
    """Run buildah with images in `folder` only; return what it printed."""
    command = (
        *("buildah", "--root", folder / "images", "--runroot", folder / "running"),
        *("--storage-driver", "vfs", *words),
    )
    environment = os.environ | {"BUILDAH_ISOLATION": "chroot"}
    done = subprocess.run(
        [str(word) for word in command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout.strip()


def make_base(folder: Path) -> None:
    """Make an image like the one that the Containerfile names."""
    # As in that image, `python` is there and pip may install for all.
    like = (
        'ln -s python3 "$1/usr/bin/python"; rm "$1"/usr/lib/python3*/EXTERNALLY-MANAGED'
    )
    words = (
        "--variant=minbase",
        "--include=python3,python3-pip,ca-certificates",
        f"--customize-hook={like}",
    )
    subprocess.run(
        ("mmdebstrap", "--quiet", *words, "bookworm", folder / "base.tar"), check=True
    )
    container = buildah(folder, "from", "scratch")
    buildah(folder, "add", "--quiet", container, folder / "base.tar", "/")
    buildah(folder, "commit", "--quiet", "--rm", container, BASE)


def test_the_image_runs_a_night_as_a_user_without_rights(folder: Path) -> None:
    make_base(folder)
    buildah(
        *(folder, "build", "--pull-never", "--network", "host"),
        *("--volume", AUTHORITIES, "--tag", "partner-feeds"),
        *("--file", FOLDER / "Containerfile", ROOT),
    )
    data = folder / "data"
    (data / "partner/dev/order-feed").mkdir(parents=True)
    container = buildah(folder, "from", "--pull-never", "localhost/partner-feeds")
    with sources() as variables:
        inside = settings(Path("/data"), **variables, FEEDS_ACCEPT_FIRST=1)
        wanted = {
            name: value
            for name, value in inside.items()
            if name.startswith(("ORDER", "DEST_", "FEEDS_ALERT", "FEEDS_ACCEPT"))
        }
        for name in ("ORDERTIME_CA_FILE", "ORDER_TOOL_CA_FILE"):
            shutil.copy(wanted[name], data / name)
            wanted[name] = f"/data/{name}"
        for path in (data, *data.rglob("*")):
            os.chown(path, USER, USER)
        buildah(
            *(folder, "run", "--network", "host", "--volume", f"{data}:/data"),
            *(f"--env={name}={value}" for name, value in wanted.items()),
            *(container, "--", "sh", "orchestration/run.sh"),
        )
    assert len(delivered(data)) == 5
    assert {path.stat().st_uid for path in data.rglob("*")} == {USER}
