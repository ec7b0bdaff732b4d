"""One writer per data directory: a lock that ends with its process."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from runtime.exits import Temporary


@contextmanager
def directory_lock(data: Path, command: str, wait_seconds: float = 0) -> Iterator[None]:
    """Hold `data`/lock while the block runs.

    The kernel drops the lock when the process ends, however it ends, so the file
    may stay; its text names the last owner and is only for the message.

    Args:
        data: the data directory; made if it is missing.
        command: what to call the owner, for example "extract".
        wait_seconds: how long to wait for another writer.

    Raises:
        Temporary: another process holds it; names who, and since when.
    """
    data.mkdir(parents=True, exist_ok=True)
    path = data / "lock"
    with path.open("a+", encoding="utf-8") as handle:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Temporary(_held_by(path)) from None
                time.sleep(0.1)
        owner = {
            "command": command,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        handle.seek(0)
        handle.truncate()
        handle.write(json.dumps(owner) + "\n")
        handle.flush()
        yield


def _held_by(path: Path) -> str:
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        who = (
            f"{owner['command']} (pid {owner['pid']} on {owner['host']}, "
            f"since {owner['since']})"
        )
    except (ValueError, KeyError):
        who = "another process"
    return f"{path.parent} is in use by {who}. Try again when it has ended."
