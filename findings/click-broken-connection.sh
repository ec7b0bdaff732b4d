#!/usr/bin/env bash
# Guess: a command of click that loses a network connection ends with a traceback, as it does for
#   every other OSError. Only a closed standard output (`command | head`) is met in silence.
# Fact: click 8.5.1 takes every BrokenPipeError for the latter. A command that writes to a socket
#   whose other side has closed exits with 1 and prints nothing, neither on standard output nor on
#   standard error; a connection that is reset (ConnectionResetError) prints the traceback.
# Source: click's page "Exception Handling and Exit Codes" (EPIPE there is the output pipe; "any other
#   exception" is propagated); click/core.py, Command.main, the branch for errno.EPIPE.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check click==8.5.1
cat > "$folder/send.py" <<'PY'
import contextlib
import socket
import struct

import click


@click.command()
@click.option("--reset", is_flag=True)
def send(reset):
    listener = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listener.getsockname())
    theirs, _ = listener.accept()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    if not reset:
        with contextlib.suppress(ConnectionResetError):
            ours.recv(1)
    ours.sendall(b"rows")


send()
PY
"$folder/env/bin/python" - "$folder/send.py" <<'PY'
import importlib.metadata
import subprocess
import sys

print("click", importlib.metadata.version("click"))
results = []
for options in ([], ["--reset"]):
    command = [sys.executable, sys.argv[1], *options]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    results.append((result.returncode, (result.stdout + result.stderr).splitlines()[-1:]))
    print(options, results[-1])
surprise = results[0] == (1, []) and results[1][1] != []
sys.exit(None if surprise else "the behaviour has changed")
PY
