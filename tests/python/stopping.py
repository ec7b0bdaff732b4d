"""A delivery in a process of its own that stops at a failpoint until a test goes on.

So a test can change something at a real server at just that moment.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands import ROOT, clean_environment

_DISPATCH = """
import json, os, sys
from pathlib import Path
from publish.transport import Destination, connect
from publish.deliver.attempt import Attempt
from publish.deliver.retry import RetryPolicy, deliver_with_retries
from store.ledger import Ledger
from runtime.environment import Environment
from runtime.exits import Stop
from runtime.log import start_logging
from runtime.failpoints import arm

ledger, feed, intent = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
variables = Environment(dict(os.environ))
arm(variables)
start_logging("", False)

def open_(name, folder):
    return connect(Destination.read(variables, name), folder)

policy = RetryPolicy.read(variables, intent["destination"])
try:
    deliver_with_retries(Attempt(Ledger(ledger), open_, intent, [feed]), policy)
except Stop as stop:
    print(stop, file=sys.stderr)
    sys.exit(stop.code)
"""


@dataclass
class Run:
    """A delivery that is stopped or runs."""

    process: subprocess.Popen[str]

    def go_on(self) -> None:
        """Continue it."""
        self.process.send_signal(signal.SIGCONT)

    def wait_for(self, words: str) -> None:
        """Wait for a line with `words` on stderr."""
        assert self.process.stderr is not None
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if words in line:
                return
        raise AssertionError(f"it ended without {words!r}: {lines}")

    def ended(self) -> tuple[int, str]:
        """Wait for its end; return the exit code and the rest of stderr."""
        _, log = self.process.communicate()
        return self.process.returncode, log


@contextmanager
def stopped(
    place: str,
    ledger: Path,
    intent: Mapping[str, Any],
    feed: Path,
    variables: Mapping[str, object],
) -> Iterator[Run]:
    """Deliver a file up to a failpoint; `variables` are DEST_*."""
    environment = clean_environment(
        PYTHONPATH=ROOT, FEEDS_FAILPOINT=f"{place}=stop", **variables
    )
    words = [sys.executable, "-c", _DISPATCH, str(ledger), str(feed)]
    with subprocess.Popen(
        [*words, json.dumps(intent)],
        env=environment, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            state = os.WEXITED | os.WSTOPPED | os.WNOWAIT
            status = os.waitid(os.P_PID, process.pid, state)
            assert status is not None
            if status.si_code != os.CLD_STOPPED:
                raise AssertionError(
                    f"it ended before {place}: {process.communicate()}"
                )
            yield Run(process)
        finally:
            process.kill()
