"""One big file over FTPS beside curl, server by server: `make bench-transfer`.

Every client is a whole process that logs in, uploads under a temporary name and
renames; ours also hashes what it sends and asks for the size. Rounds are interleaved
(A B A B), source and target are in memory, ratios are medians of their rounds. curl
speaks TLS 1.2: 7.88 loses data under TLS 1.3 (curl/curl#6149). Needs root and what
`.ci/servers` unpacks.
"""

import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import servers

from benchmarks.measure import Cost

MIB = 2**20
_CLIENT = "benchmarks.transfer_client"


def _cost(words: list[str], env: dict[str, str], given: str = "") -> Cost:
    """Run a client; its own peak is in its last line, where it tells one."""
    began = time.monotonic()
    with subprocess.Popen(
        words, env={**os.environ, **env}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        process.stdin.write(given)
        process.stdin.close()
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    if process.returncode:
        raise RuntimeError(f"{words[0]} ended with {process.returncode}: {output}")
    peaks = [line for line in output.splitlines() if line.startswith("peak ")]
    # Other clients print none, and wait4 counts our own memory too.
    peak = float(peaks[-1].split()[1]) if peaks else math.nan
    return Cost(wall, used.ru_utime + used.ru_stime, peak)


def _curl(to: servers.Server, source: Path) -> Cost:
    lines = [
        f'url = "ftp://localhost:{to.port}/curl.part"',
        f'user = "{to.user}:{to.password}"',
        f'upload-file = "{source}"',
        f'cacert = "{to.ca_file}"',
        'quote = "-RNFR curl.part"',
        'quote = "-RNTO curl.csv"',
        'tls-max = "1.2"',
        "ssl-reqd\nsilent\nshow-error",
    ]
    return _cost(["curl", "--config", "-"], {}, "\n".join(lines))


def _ours(to: servers.Server, source: Path, tls: str) -> Cost:
    words = [sys.executable, "-m", _CLIENT, str(source), "ours.csv"]
    return _cost(words, {**to.variables(), "DEST_ONPART_TLS_MAX": tls})


def _ratio(ours: list[Cost], theirs: list[Cost], part: str) -> str:
    pairs = zip(ours, theirs, strict=True)
    each = [getattr(one, part) / getattr(other, part) for one, other in pairs]
    return f"{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})"


def _measure(kind: str, source: Path, rounds: int) -> None:
    size = source.stat().st_size
    costs: dict[str, list[Cost]] = {}
    with servers.start(kind, disk=size * 2 + 64 * MIB) as to:
        for number in range(rounds + 1):
            for name, run in (
                ("curl, TLS 1.2", lambda: _curl(to, source)),
                ("openssl dgst -sha256", lambda: _hash(source)),
                ("publish, TLS 1.2", lambda: _ours(to, source, "1.2")),
                ("publish, TLS 1.3", lambda: _ours(to, source, "1.3")),
            ):
                cost = run()
                for path in to.folder.iterdir():
                    if path.stat().st_size != size or path.suffix != ".csv":
                        raise RuntimeError(f"{name} left {path.name}")
                    path.unlink()
                if number:  # the first round warms up
                    costs.setdefault(name, []).append(cost)
    click.echo(f"\n{kind}, {size // MIB} MiB, medians of {rounds} rounds\n")
    click.echo("| client | wall s | CPU s | peak MiB |\n|---|---:|---:|---:|")
    for name, measured in costs.items():
        wall, cpu, peak = (
            statistics.median(getattr(each, part) for each in measured)
            for part in ("wall", "cpu", "peak")
        )
        memory = "" if math.isnan(peak) else f"{peak:.1f}"
        click.echo(f"| {name} | {wall:.2f} | {cpu:.2f} | {memory} |")
    curl, hashing, ours, newest = costs.values()
    both = [
        Cost(a.wall + b.wall, a.cpu + b.cpu, a.peak)
        for a, b in zip(curl, hashing, strict=True)
    ]
    for name, publish in (("TLS 1.2", ours), ("TLS 1.3", newest)):
        for other, theirs in (("curl", curl), ("curl and hashing", both)):
            click.echo(
                f"publish {name} over {other}: wall {_ratio(publish, theirs, 'wall')}, "
                f"CPU {_ratio(publish, theirs, 'cpu')}"
            )


def _hash(source: Path) -> Cost:
    return _cost(["openssl", "dgst", "-sha256", str(source)], {})


@click.command()
@click.option("--mib", default=1024, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@click.argument("kinds", nargs=-1)
def bench(mib: int, rounds: int, kinds: tuple[str, ...]) -> None:
    """Measure the named servers; without names ProFTPD and vsftpd."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as place:
        source = Path(place) / "source.csv"
        block = os.urandom(MIB)
        with source.open("wb") as file:
            for _ in range(mib):
                file.write(block)
        bare = _cost([sys.executable, "-m", _CLIENT], {})
        click.echo(f"a bare interpreter: {bare.peak:.1f} MiB, {bare.cpu:.2f} CPU s")
        for kind in kinds or ("proftpd", "vsftpd"):
            _measure(kind, source, rounds)


if __name__ == "__main__":
    bench()
