#!/usr/bin/env bash
# Guess: a client that can do the key exchange curve25519-sha256@libssh.org can log in at a server
#   that offers the same exchange by its name of RFC 8731, curve25519-sha256. OpenSSH, asyncssh and
#   libssh know both names.
# Fact: paramiko 5.1.0 knows the old name only. A server whose one key exchange is
#   curve25519-sha256 is refused with "no acceptable kex algorithm".
# Source: RFC 8731, section 3 (both names are one method) and RFC 9142, section 4 (SHOULD);
#   paramiko's issue 2221; _preferred_kex in paramiko/transport.py.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check paramiko==5.1.0 asyncssh==2.24.1
"$folder/env/bin/python" - <<'PY'
import asyncio
import importlib.metadata
import logging
import socket
import sys

import asyncssh
import paramiko

for name in ("paramiko", "asyncssh"):
    print(name, importlib.metadata.version(name))
logging.disable(logging.CRITICAL)


def with_paramiko(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        transport = paramiko.Transport(connection)
        try:
            transport.start_client(timeout=10)
            return "agreed"
        except paramiko.SSHException as error:
            return str(error)
        finally:
            transport.close()


async def with_asyncssh(port):
    key = await asyncssh.get_server_host_key("127.0.0.1", port, config=None)
    return "agreed" if key else "no key"


async def ask(exchange):
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(
        asyncssh.SSHServer, "127.0.0.1", 0, server_host_keys=[key], kex_algs=[exchange]
    )
    port = server.get_port()
    results = (await asyncio.to_thread(with_paramiko, port), await with_asyncssh(port))
    server.close()
    print(f"{exchange}: paramiko {results[0]!r}, asyncssh {results[1]!r}")
    return results


old = asyncio.run(ask("curve25519-sha256@libssh.org"))
new = asyncio.run(ask("curve25519-sha256"))
surprise = old == ("agreed", "agreed") and "no acceptable kex" in new[0] and new[1] == "agreed"
sys.exit(None if surprise else "the behaviour has changed")
PY
