#!/usr/bin/env bash
# Guess: an S3 server compares the checksum of an upload with the bytes that came, and refuses them
#   with BadDigest. So a test with moto shows that a damaged upload is an error.
# Fact: moto 5.2.5 answers 200 to a wrong Content-MD5, a wrong CRC32 and a wrong SHA-256 and stores
#   the object. It makes checksums to give them out, and compares none.
# Source: Amazon S3's user guide, "Checking object integrity" (a value that does not match fails the
#   request), and its API reference, PutObject (Content-MD5); moto/s3/responses.py.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check 'moto[s3,server]==5.2.5' boto3==1.44.8
"$folder/env/bin/python" - 2> "$folder/log" <<'PY'
import base64
import importlib.metadata
import socket
import sys

import boto3
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

for name in ("moto", "boto3"):
    print(name, importlib.metadata.version(name))
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
server.start()
s3 = boto3.client(
    "s3",
    endpoint_url=f"http://127.0.0.1:{port}",
    region_name="us-east-1",
    aws_access_key_id="partner",
    aws_secret_access_key="secret",
)
s3.create_bucket(Bucket="feeds")
seen = {}
for name, size in (("ContentMD5", 16), ("ChecksumCRC32", 4), ("ChecksumSHA256", 32)):
    wrong = base64.b64encode(b"\0" * size).decode()
    try:
        s3.put_object(Bucket="feeds", Key="stock.csv", Body=name.encode(), **{name: wrong})
        seen[name] = "OK"
    except ClientError as error:
        seen[name] = error.response["Error"]["Code"]
    stored = s3.get_object(Bucket="feeds", Key="stock.csv")["Body"].read() == name.encode()
    print(f"put_object with a wrong {name}: {seen[name]}; stored: {stored}")
server.stop()
if set(seen.values()) != {"OK"}:
    print("the behaviour has changed")
    sys.exit(1)
PY
