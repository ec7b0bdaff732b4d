#!/usr/bin/env bash
# Guess: when the server resets the connection before the first byte of SSH, asyncssh.connect raises
#   an OSError or one of its own errors (ConnectionLost). A program that catches both tries again.
# Fact: asyncssh 2.24.1 raises TypeError if it was given a connected socket (sock=) and the reset is
#   already there: the socket has no peer name any more, and asyncssh takes the name apart. A server
#   that closes in order is ConnectionLost, and one that resets a moment later ConnectionResetError.
# Source: asyncssh's documentation of connect, sock (an open socket; host and port are not given);
#   asyncssh/connection.py, SSHClientConnection._connection_made.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check asyncssh==2.24.1
"$folder/env/bin/python" - <<'PY'
import asyncio
import socket
import struct
import sys

import asyncssh

print("asyncssh", asyncssh.__version__)


async def lose(listener, reset, late):
    """Return the name of the error of a connection that the server ends."""
    client = socket.create_connection(listener.getsockname())
    client.setblocking(False)
    server, _ = listener.accept()
    if reset:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if late:
        asyncio.get_running_loop().call_later(0.5, server.close)
    else:
        server.close()
        await asyncio.sleep(0.5)
    try:
        await asyncssh.connect(sock=client, username="partner", known_hosts=None, config=None)
    except (OSError, asyncssh.Error) as error:
        return type(error).__name__
    except Exception as error:
        return f"{type(error).__name__}, neither OSError nor asyncssh.Error: {error}"


async def main():
    errors = {}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        errors["closed before"] = await lose(listener, reset=False, late=False)
        errors["reset after"] = await lose(listener, reset=True, late=True)
        errors["reset before"] = await lose(listener, reset=True, late=False)
    for moment, error in errors.items():
        print(f"{moment} the call of connect: {error}")
    return errors


errors = asyncio.run(main())
surprise = (
    errors["closed before"] == "ConnectionLost"
    and errors["reset after"] == "ConnectionResetError"
    and errors["reset before"].startswith("TypeError, neither")
)
sys.exit(None if surprise else "the behaviour has changed")
PY
