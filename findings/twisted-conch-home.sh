#!/usr/bin/env bash
# Guess: "twistd conch", the SSH server that comes with Twisted, serves files: it offers the
#   subsystem sftp, and a user who has logged in can list a folder and read a file.
# Fact: with Twisted 26.10.0 the login and the subsystem are right, and then every request that
#   names a path fails with status 4 (failure) and no reason. The server's class for SFTP wants the
#   home folder as a FilePath; its class for users gives a text. The server's log has the
#   AttributeError. A realm of one's own whose getHomeDir gives a FilePath is not concerned.
# Source: Twisted's issues 9056 and 9845; twisted/conch/unix.py, UnixConchUser.getHomeDir and
#   SFTPServerForUnixConchUser._absPath.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check 'Twisted[conch]==26.10.0' paramiko==5.1.0
mkdir keys
env/bin/python - <<'PY'
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key

key = Key(Ed25519PrivateKey.generate())
for name, half in (("ed25519_key", key), ("ed25519_key.pub", key.public())):
    with open(f"keys/ssh_host_{name}", "wb") as file:
        file.write(half.toString("openssh"))
PY
user=$(id -un)
printf '%s:secret\n' "$user" > users
printf 'part,quantity\n' > stock.csv
env/bin/twistd -n conch --auth=file:users --data=keys --port=tcp:0:interface=127.0.0.1 > log 2>&1 &
server=$!
for _ in $(seq 100); do grep -q 'starting on' log && break; sleep 0.1; done
cat > client.py <<'PY'
import importlib.metadata
import sys

import paramiko

print("Twisted", importlib.metadata.version("Twisted"))
port, user, folder = sys.argv[1:]
transport = paramiko.Transport(("127.0.0.1", int(port)))
transport.connect(username=user, password="secret")
sftp = paramiko.SFTPClient.from_transport(transport)
print("login and subsystem sftp: accepted")
requests = {
    "list of the home folder": lambda: sftp.listdir("."),
    "list of /": lambda: sftp.listdir("/"),
    "realpath of .": lambda: sftp.normalize("."),
    "read of a file": lambda: sftp.open(f"{folder}/stock.csv").read(),
    "write of a file": lambda: sftp.open(f"{folder}/new.csv", "w").close(),
}
answers = {}
for name, ask in requests.items():
    try:
        answers[name] = repr(ask())
    except OSError as error:
        answers[name] = f"error: {error}"
    print(f"{name}: {answers[name]}")
transport.close()
sys.exit(any(not answer.endswith("failed") for answer in answers.values()))
PY
env/bin/python client.py "$(sed -n 's/.*starting on //p' log)" "$user" "$folder"
grep -o "AttributeError: 'str' object has no attribute 'path'" log | sort | uniq -c
