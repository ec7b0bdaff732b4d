#!/usr/bin/env bash
# Guess: asyncssh.connect(client_keys=[]) offers no key: the list of keys is empty. A program that
#   builds the list from its settings sends a password alone.
# Fact: with asyncssh 2.24.1 an empty list means "not given": the keys of the user's own folder
#   .ssh are loaded and offered to the server before the password. A server that counts failed
#   tries counts them, and the server learns which public keys the user has. Only None offers none.
# Source: asyncssh's documentation of connect, client_keys (None turns keys off; nothing is said of
#   an empty list); asyncssh/connection.py, the method prepare of the client's options.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check asyncssh==2.24.1
mkdir -p "$folder/home/.ssh"
HOME="$folder/home" "$folder/env/bin/python" - <<'PY'
import asyncio
import pathlib
import sys

import asyncssh

print("asyncssh", asyncssh.__version__)
own_key = asyncssh.generate_private_key("ssh-ed25519")
own_key.write_private_key(pathlib.Path.home() / ".ssh" / "id_ed25519")
offered = []


class Server(asyncssh.SSHServer):
    def begin_auth(self, username):
        return True

    def public_key_auth_supported(self):
        return True

    def validate_public_key(self, username, key):
        offered.append(key.get_fingerprint())
        return False

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return password == "secret"


async def main():
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(Server, "127.0.0.1", 0, server_host_keys=[host_key])
    counts = {}
    for keys in ([], None):
        offered.clear()
        async with asyncssh.connect(
            "127.0.0.1",
            server.get_port(),
            username="partner",
            password="secret",
            client_keys=keys,
            known_hosts=None,
            agent_path=None,
            config=None,
        ):
            counts[str(keys)] = offered == [own_key.get_fingerprint()]
            print(f"client_keys={keys}: the server was offered {offered}")
    server.close()
    return counts


surprise = asyncio.run(main()) == {"[]": True, "None": False}
sys.exit(None if surprise else "the behaviour has changed")
PY
