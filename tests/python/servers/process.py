"""A server program as a child process."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

_START_SECONDS = 20.0
_STOP_SECONDS = 5.0


class Process:
    """The listener with all its sessions."""

    def __init__(
        self, words: Sequence[str | Path], environment: Mapping[str, str], output: Path
    ) -> None:
        """Run a command; what it writes is appended to `output`."""
        inherited = {
            k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")
        }
        with output.open("ab") as written:
            self._listener = subprocess.Popen(
                # A test run that is killed leaves no server behind.
                ["setpriv", "--pdeathsig", "KILL", *words],
                env={**inherited, **environment},
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
            )

    def wait(self, port: int) -> None:
        """Wait until it takes connections on `port`.

        Raises:
            RuntimeError: it ended before, or did not within the time.
        """
        end = time.monotonic() + _START_SECONDS
        while not _takes(port):
            if self._listener.poll() is not None:
                raise RuntimeError(f"it ended with {self._listener.returncode}")
            if time.monotonic() > end:
                raise RuntimeError(f"it took no connection in {_START_SECONDS} s")
            time.sleep(0.01)

    def all(self) -> list[psutil.Process]:
        """The listener and its children of any depth."""
        with suppress(psutil.NoSuchProcess):
            listener = psutil.Process(self._listener.pid)
            return [listener, *listener.children(recursive=True)]
        return []

    def end(self, how: signal.Signals) -> None:
        """Send a signal to all of it, kill what goes on, and wait for the end."""
        all_of_it = self.all()
        _send(all_of_it, how)
        with suppress(subprocess.TimeoutExpired):
            self._listener.wait(_STOP_SECONDS)
        _send(all_of_it, signal.SIGKILL)
        # Sessions begun meanwhile.
        with suppress(ProcessLookupError):
            os.killpg(self._listener.pid, signal.SIGKILL)
        self._listener.wait()
        while any(map(_alive, all_of_it)):
            time.sleep(0.005)


def _takes(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _send(processes: list[psutil.Process], how: signal.Signals) -> None:
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.send_signal(how)


def _alive(process: psutil.Process) -> bool:
    # What is not our child stays a zombie for a while; it does nothing any more.
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
