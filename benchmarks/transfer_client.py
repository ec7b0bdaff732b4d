"""Upload one file as `publish` does, in a process of its own; tell its peak memory.

    python -m benchmarks.transfer_client [SOURCE NAME]

Without arguments nothing is imported: what a bare interpreter costs.
"""

import sys


def _upload(source: str, name: str) -> None:
    from pathlib import Path

    from publish.transport import Destination, connect
    from runtime.environment import Environment

    to = Destination.read(Environment.read(), "onpart")
    connection = connect(to, "")
    sent = connection.put(Path(source), f"{name}.part", lambda size: None)
    if connection.size(f"{name}.part") != sent.bytes:
        raise RuntimeError("not all of it arrived")
    connection.rename(f"{name}.part", name)
    connection.close()


if len(sys.argv) == 3:
    _upload(*sys.argv[1:])
# VmHWM begins anew with exec, other than what wait4 tells.
with open("/proc/self/status") as status:  # noqa: PTH123 (pathlib is not loaded yet)
    lines = dict(line.split(":", 1) for line in status)
print("peak", int(lines["VmHWM"].split()[0]) / 1024)
