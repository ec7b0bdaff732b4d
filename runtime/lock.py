"""One writer per data directory: a lock that ends with its process.

The file of the lock keeps a reserve of disk space. `publish prune` makes it small, so
that it can record what it removes even if the disk is full.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from runtime.exits import Temporary

_OWNER, _RESERVE = 1024, 64 * 1024  # bytes of the file: its text, and all


@contextmanager
def directory_lock(
    data: Path, command: str, wait_seconds: float = 0, use_reserve: bool = False
) -> Iterator[None]:
    """Hold `data`/lock while the block runs.

    The kernel drops the lock when the process ends, however it ends, so the file
    may stay; its text names the last owner and is only for messages. Neither that text
    nor the reserve must be written: the disk may be full.

    Args:
        data: the data directory; made if it is missing.
        command: what to call the owner, for example "extract".
        wait_seconds: how long to wait for another writer.
        use_reserve: free the reserve while the block runs.

    Raises:
        Temporary: another process holds it; names who, and since when.
    """
    data.mkdir(parents=True, exist_ok=True)
    path = data / "lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(handle, path, time.monotonic() + wait_seconds)
        if use_reserve:
            os.ftruncate(handle, 0)
        owner = {
            "command": command,
            "pid": os.getpid(),
            "host": os.uname().nodename,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        _write_if_there_is_room(handle, json.dumps(owner).encode().ljust(_OWNER), 0)
        try:
            yield
        finally:
            size = os.fstat(handle).st_size
            _write_if_there_is_room(handle, b" " * (_RESERVE - size), size)
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path, ends: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= ends:
                raise Temporary(_held_by(path)) from None
            time.sleep(0.1)


def _write_if_there_is_room(handle: int, text: bytes, start: int) -> None:
    with suppress(OSError):
        os.pwrite(handle, text, start)


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
