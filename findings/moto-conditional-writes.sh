#!/usr/bin/env bash
# Guess: an S3 server that refuses a PUT whose If-Match or If-None-Match does not hold refuses the
#   same conditions for a copy and for the end of a multipart upload. A test of "no sender replaces
#   the file of another" by moto covers large files, which boto3 uploads in parts.
# Fact: moto 5.2.5 checks both headers for PUT, and one of them for the end of an upload in parts:
#   If-Match with the wrong ETag succeeds there and replaces the object. A copy with If-None-Match
#   replaces it too. boto3 1.44.8 sends the headers in all cases.
# Source: boto3's documentation of complete_multipart_upload and copy_object (IfMatch, IfNoneMatch:
#   412 if the condition does not hold); moto's page "s3" (both calls are implemented);
#   moto/s3/responses.py.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check 'moto[s3,server]==5.2.5' boto3==1.44.8
"$folder/env/bin/python" - 2> "$folder/log" <<'PY'
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
s3.put_object(Bucket="feeds", Key="other.csv", Body=b"new")
PLACE = {"Bucket": "feeds", "Key": "stock.csv"}


def put(**condition):
    s3.put_object(**PLACE, Body=b"new", **condition)


def copy(**condition):
    s3.copy_object(**PLACE, CopySource="feeds/other.csv", **condition)


def put_in_parts(**condition):
    upload = s3.create_multipart_upload(**PLACE)["UploadId"]
    etag = s3.upload_part(**PLACE, UploadId=upload, PartNumber=1, Body=b"new")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(**PLACE, UploadId=upload, MultipartUpload=parts, **condition)


seen = {}
for write in (put, put_in_parts, copy):
    for condition in ({"IfNoneMatch": "*"}, {"IfMatch": '"0123456789abcdef"'}):
        s3.put_object(**PLACE, Body=b"old")
        try:
            write(**condition)
            answer = "OK"
        except ClientError as error:
            answer = error.response["Error"]["Code"]
        name = f"{write.__name__} with {next(iter(condition))}"
        seen[name] = answer, s3.get_object(**PLACE)["Body"].read().decode()
        print(f"{name}: {seen[name][0]}, the object is the {seen[name][1]} one")
server.stop()
refused, replaced = ("PreconditionFailed", "old"), ("OK", "new")
surprise = seen == {
    "put with IfNoneMatch": refused,
    "put with IfMatch": refused,
    "put_in_parts with IfNoneMatch": refused,
    "put_in_parts with IfMatch": replaced,
    "copy with IfNoneMatch": replaced,
    "copy with IfMatch": replaced,
}
if not surprise:
    print("the behaviour has changed")
sys.exit(not surprise)
PY
