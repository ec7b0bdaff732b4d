"""moto's S3 server, with keys whose signatures and rights it checks, and a bad line.

    with Storage() as to:
        ...  # deliver to to.url with to.variables()
        assert to.names() == ["feed.csv"]

What it stores ends with its process.
"""

import json
import re
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import botocore.session
from botocore.config import Config

from sandbox import certificates
from servers import machine
from servers.process import Process

BUCKET = "partner-data"
ALL = ("s3:*",)
_SESSION = botocore.session.Session()
# Names on a page of a listing.
PAGE = 5


@dataclass
class Storage:
    """The running server.

    Attributes:
        tls: over https.
        folder: of the URL.
        user, password: the access key of the partner's user; it may do everything.
    """

    tls: bool = True
    folder: str = "in box"
    user: str = ""
    password: str = field(default="", repr=False)
    process: Process | None = field(default=None, repr=False)
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)

    def __enter__(self) -> Self:
        self.place = Path(tempfile.mkdtemp(prefix="feeds-s3-"))
        shown = certificates.make(self.place)
        self.ca_file, self._server_file = shown.ca_file, shown.server_file
        self.port, self._reserved = machine.reserve_port()
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._reserved.close()
        shutil.rmtree(self.place, ignore_errors=True)

    def start(self) -> Self:
        """Start it, or start it again, with an empty bucket and a new key."""
        words: list[str | Path] = [sys.executable, "-W", "ignore", "-m", "moto.server"]
        words += ["-H", "127.0.0.1", "-p", str(self.port)]
        if self.tls:
            words += ["-c", self._server_file, "-k", self._server_file]
        pages = {"MOTO_S3_DEFAULT_MAX_KEYS": str(PAGE)}
        self.process = Process(words, pages, self.place / "log")
        self.process.wait(self.port)
        self.user, self.password = "feeds", "not-checked-yet"
        self.client().create_bucket(Bucket=BUCKET)
        self.user, self.password = self.key("feeds", ALL)
        # From now on signatures and rights are checked.
        request = urllib.request.Request(
            f"{self.endpoint}/moto-api/reset-auth",
            b"0",
            {"Content-Type": "text/plain"},
        )
        trusted = ssl.create_default_context(cafile=self.ca_file)
        urllib.request.urlopen(request, context=trusted).close()
        return self

    def kill(self) -> None:
        """Kill it, and with it all that it stored."""
        if self.process is not None:
            self.process.end(signal.SIGKILL)
            self.process = None

    @property
    def endpoint(self) -> str:
        return f"http{'s' if self.tls else ''}://localhost:{self.port}"

    @property
    def url(self) -> str:
        return f"s3://{BUCKET}/{self.folder.replace(' ', '%20')}"

    def variables(self, destination: str = "ONPART") -> dict[str, str]:
        """The environment that lets `publish` deliver here as `destination`."""
        given = {
            "URL": self.url,
            "USER": self.user,
            "PASSWORD": self.password,
            "ENDPOINT": self.endpoint,
            "CA_FILE": str(self.ca_file),
            "ALLOW_PLAINTEXT": str(int(not self.tls)),
        }
        return {f"DEST_{destination}_{name}": text for name, text in given.items()}

    def client(self, service: str = "s3") -> Any:
        """A client that may do everything."""
        if (service, self.user) in self._clients:
            return self._clients[service, self.user]
        client = self._clients[service, self.user] = self._client(service)
        return client

    def _client(self, service: str) -> Any:
        return _SESSION.create_client(
            service,
            region_name="us-east-1",
            endpoint_url=self.endpoint,
            verify=str(self.ca_file),
            aws_access_key_id=self.user,
            aws_secret_access_key=self.password,
            config=Config(proxies={}, s3={"addressing_style": "path"}),
        )

    def key(self, user: str, actions: tuple[str, ...]) -> tuple[str, str]:
        """Make a user who may do only this; return id and secret of the key."""
        iam = self.client("iam")
        iam.create_user(UserName=user)
        allowed = {"Effect": "Allow", "Action": [*actions, "iam:*"], "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [allowed]}
        iam.put_user_policy(
            UserName=user, PolicyName="all", PolicyDocument=json.dumps(policy)
        )
        key = iam.create_access_key(UserName=user)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def names(self) -> list[str]:
        """Return the names of all objects below the folder."""
        pages = self.client().get_paginator("list_objects_v2")
        return [
            each["Key"].removeprefix(f"{self.folder}/")
            for page in pages.paginate(Bucket=BUCKET, Prefix=f"{self.folder}/")
            for each in page.get("Contents", ())
        ]

    def contents(self) -> dict[str, bytes]:
        """Return every object below the folder by its name."""
        return {name: self.content(name) for name in self.names()}

    def content(self, name: str) -> bytes:
        key = f"{self.folder}/{name}"
        answer = self.client().get_object(Bucket=BUCKET, Key=key)
        content: bytes = answer["Body"].read()
        return content

    def remove(self, name: str) -> None:
        self.client().delete_object(Bucket=BUCKET, Key=f"{self.folder}/{name}")

    def lay(self, name: str, content: bytes) -> None:
        """Put an object there as somebody else would have."""
        self.client().put_object(
            Bucket=BUCKET, Key=f"{self.folder}/{name}", Body=content,
            ChecksumAlgorithm="SHA256",
        )  # fmt: skip


# Says of a request, by its head, whether it is spoiled.
Chosen = Callable[[str], bool]


def request(method: str, name: str = "", copy: bool = False) -> Chosen:
    """Choose requests by method, by what their path contains, and whether they copy."""

    def chosen(head: str) -> bool:
        copies = bool(re.search("^x-amz-copy-source:", head, re.IGNORECASE | re.M))
        line = head.partition("\r\n")[0]
        return line.startswith(f"{method} ") and name in line and copies is copy

    return chosen


class BadLine:
    """A line to a server without TLS that spoils some requests.

    Attributes:
        spoil: what to spoil, each once, with what to do: "cut" ends the connection in
            the middle of the request (before it, if it has no content), "lose" takes
            the reply away.
        heads: the first line of every request.
    """

    def __init__(self, to: Storage) -> None:
        self._to = to
        self.spoil: list[tuple[Chosen, str]] = []
        self.heads: list[str] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def variables(self) -> dict[str, str]:
        """The environment that lets `publish` deliver over this line."""
        port = self._listener.getsockname()[1]
        ours = {"DEST_ONPART_ENDPOINT": f"http://localhost:{port}"}
        return {**self._to.variables(), **ours}

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        # moto ends each connection after one request.
        with client, suppress(OSError):
            self._answer(client)
            # Another thread may wait for its next block; close() alone leaves it open.
            client.shutdown(socket.SHUT_RDWR)

    def _answer(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (block := client.recv(65536)):
                return
            head += block
        text = head.decode("latin-1")
        self.heads.append(text.partition("\r\n")[0])
        how = next((each for each in self.spoil if each[0](text)), None)
        if how:
            self.spoil.remove(how)
        cut = bool(how and how[1] == "cut")
        if cut and not re.search("^content-length: [1-9]", text, re.IGNORECASE | re.M):
            return
        with socket.create_connection(("127.0.0.1", self._to.port)) as server:
            server.sendall(head)
            if cut:
                block = client.recv(65536)
                server.sendall(block[: len(block) // 2])
                return
            up = threading.Thread(target=_pump, args=(client, server), daemon=True)
            up.start()
            if how:
                while server.recv(65536):
                    pass
            else:
                _pump(server, client)


def _pump(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(65536):
            to.sendall(block)
