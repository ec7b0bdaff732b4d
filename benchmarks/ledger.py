"""Opening a long ledger, beside reading and hashing the same bytes: `make bench`, or

python -m benchmarks.ledger --records 100000
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from store.chain import START
from store.ledger import Ledger


@click.command()
@click.option("--records", default=100_000, show_default=True, help="Records.")
def bench(records: int) -> None:
    """Measure what every `publish` pays for its memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.jsonl"
        write_deliveries(path, "f", "d", records // 3)
        began = time.process_time()
        with path.open("rb") as file:
            for line in file:
                json.loads(line)
                hashlib.sha256(line).hexdigest()
        floor = time.process_time() - began
        began = time.process_time()
        Ledger(path).open_intents("f")
        cost = time.process_time() - began
    print(
        f"ledger of {records:,} records: opened in {cost:.2f} s of CPU, "
        f"{cost / floor:.2f} of reading and hashing it ({floor:.2f} s)"
    )


def write_deliveries(path: Path, feed: str, destination: str, number: int) -> None:
    """Write a ledger of deliveries, with three records each."""
    with path.open("wb") as file:
        file.writelines(_lines(feed, destination, 3 * number))


def _lines(feed: str, destination: str, records: int) -> Iterator[bytes]:
    receipt = {"files": [{"name": "x" * 40, "sha256": "0" * 64}] * 3, "server": "s"}
    previous = START
    for number in range(records):
        record = {
            "at": "2026-01-01T00:00:00Z", "attempt": f"a{number // 3}",
            "event": ("intent", "placing", "delivered")[number % 3],
            "feed": feed, "file": feed, "split": None, "destination": destination,
            "folder": "", "name": "f.csv",
            "sha256": "0" * 64, "bytes": 1, "rows": 1, "run_id": "r",
            "logical": "2026-01-01T00:00:00Z", "period": "p", "package": "0" * 64,
            "state": {"model": "m", "sha256": "0" * 64}, "receipt": receipt,
            "previous": previous,
        }  # fmt: skip
        line = json.dumps(record, sort_keys=True).encode() + b"\n"
        previous = hashlib.sha256(line).hexdigest()
        yield line


if __name__ == "__main__":
    bench()
