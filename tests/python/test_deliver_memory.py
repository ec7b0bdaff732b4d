"""A file of any size goes out in the same memory."""

from pathlib import Path

import commands
import pytest
from servers.fixtures import Start

MIB = 2**20


@pytest.mark.parametrize("kind", ["proftpd", "openssh", "folder"])
def test_memory_does_not_grow_with_the_file(
    server: Start, tmp_path: Path, kind: str
) -> None:
    variables = {"DEST_ONPART_URL": tmp_path.as_uri()}
    if kind != "folder":
        variables = server(kind).variables()
    peaks = []
    for size in (1, 192):
        source = tmp_path / "source"
        with source.open("wb") as file:
            file.truncate(size * MIB)
        peaks.append(_peak(variables, source, f"{size}.csv"))
    assert peaks[1] - peaks[0] < 8
    # SSH and its cryptography are the larger part of what it takes there.
    assert peaks[1] - _peak(variables) < (64 if kind == "openssh" else 32)


def _peak(variables: dict[str, str], *words: object) -> float:
    """MiB that the client of the benchmark took, in all."""
    words = ("python", "-m", "benchmarks.transfer_client", *words)
    done = commands.run(*words, env=variables)
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split()[-1])
