"""S3-compatible storage by botocore: an object for each attempt, then a copy of it.

An object appears whole or not at all. A part is an object under the part's name; a copy
within the storage gives it the name of its file.
"""

import base64
import functools
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from publish.transport.connection import Entry
from publish.transport.destination import Destination, plain
from publish.transport.digests import BLOCK, Digest, Sent, hash_file
from publish.transport.errors import LASTS, ServerRefused, ServerUnavailable
from runtime.clock import Deadline
from runtime.exits import Misuse, Refused, Temporary
from runtime.log import LOG

try:
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectionError,
        HTTPClientError,
        IncompleteReadError,
        SSLError,
    )
except ImportError:
    raise Misuse(
        "s3:// needs the package botocore, found none. Install partner-feeds[s3]."
    ) from None

# What one request may send or copy (Amazon, "Amazon S3 multipart upload limits").
_MOST_BYTES = 5 * 2**30
# Most names of a folder that are read.
_NAMES = 200_000
# Codes of Amazon, "List of error codes", whose status is 400 or 409: damage or delay on
# the way, or another request at the same time.
_TEMPORARY = frozenset(
    (
        *("BadDigest", "IncompleteBody", "OperationAborted", "RequestTimeout"),
        *("SlowDown", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"),
    )
)
_BROKEN = (ConnectionError, HTTPClientError, IncompleteReadError, OSError)
_FULL = 507  # RFC 4918, 11.5
_RIGHTS = "s3:ListBucket, s3:PutObject, s3:GetObject and s3:DeleteObject"


class S3:
    """The `Connection` of s3:// URLs."""

    def __init__(self, destination: Destination, folder: str) -> None:
        """Ask for the names in a folder, which proves the key and the bucket.

        Raises:
            Refused: the key or the bucket is not accepted.
            Temporary: the storage cannot be reached.
        """
        self._destination = destination
        self._deadline = Deadline(destination.deadline)
        self._greeting = ""
        path = destination.folder(folder).strip("/")
        self._prefix = f"{path}/" if path else ""
        with self._errors(f"connecting to {destination.server}"):
            self._client = _client(destination)
        self._ask(
            f"listing {destination.server}", "list_objects_v2",
            Prefix=self._prefix, MaxKeys=1,
        )  # fmt: skip

    def put(self, source: Path, name: str, tick: Callable[[int], object]) -> Sent:
        """Send a file with its SHA-256, which the storage compares and keeps."""
        if (size := source.stat().st_size) > _MOST_BYTES:
            raise Refused(
                f"{source}: expected at most 5 GiB, which is what s3:// takes in one "
                f"request, found {size:,} bytes. Nothing was sent. Split the file "
                "(`split_by` in the exposure)."
            )
        expected = hash_file(source, "SHA-256")
        checksum = base64.b64encode(bytes.fromhex(expected.sha256)).decode()
        with _Body(source, tick, self._deadline) as body:
            self._ask(
                f"sending {plain(name)}", "put_object",
                Key=self._key(name), Body=body, ContentLength=expected.bytes,
                ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum,
            )  # fmt: skip
        return expected

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an object, in blocks."""
        what = f"reading {plain(name)}"
        body = self._ask(what, "get_object", Key=self._key(name))["Body"]
        with self._errors(what):
            for block in body.iter_chunks(BLOCK):
                self._deadline.left(1)
                yield block

    def size(self, name: str) -> int | None:
        """Return the size in bytes, None if there is no such object."""
        head = self._head(name)
        return int(head["ContentLength"]) if head else None

    def hash(self, name: str) -> Digest | None:
        """Return the SHA-256 that the storage keeps; None if it keeps none.

        That of an object in pieces is of the hashes of its pieces. We send none, so
        it is rightly another one.
        """
        checksum = (self._head(name) or {}).get("ChecksumSHA256")
        if not checksum:
            return None
        value, _, _pieces = checksum.partition("-")
        return Digest("SHA-256", base64.b64decode(value).hex())

    def modified(self, name: str) -> datetime | None:
        """Return when an object was written, None if there is no such object."""
        head = self._head(name)
        return head["LastModified"].astimezone(UTC) if head else None

    def mode(self, name: str) -> str | None:
        """Return None: objects have no permissions of this kind."""
        return None

    def set_mode(self, name: str, mode: str) -> None:
        """Refuse: objects have no permissions of this kind."""
        raise Refused(
            f"{plain(name)}: expected no `mode` for S3, found {mode}. Leave it out of "
            "the exposure."
        )

    def rename(self, old: str, new: str) -> None:
        """Copy an object under another name, replacing one, then remove the old one.

        The copy counts. If the old one cannot be removed, a later delivery does it.
        """
        self._ask(
            f"copying {plain(old)} to {plain(new)}", "copy_object",
            CopySource={"Bucket": self._destination.host, "Key": self._key(old)},
            Key=self._key(new), ChecksumAlgorithm="SHA256",
        )  # fmt: skip
        try:
            self.remove(old)
        except (Refused, Temporary) as error:
            LOG.warning("not removed", name=old, because=error)

    def remove(self, name: str) -> None:
        """Remove an object; it is no error if there is none."""
        self._ask(f"removing {plain(name)}", "delete_object", Key=self._key(name))

    def list(self) -> list[str]:
        """Return the names in the folder."""
        return [entry.name for entry in self.entries()]

    def entries(self) -> Sequence[Entry]:
        """Return the objects in the folder by name, with size and time."""
        entries: list[Entry] = []
        more: dict[str, str] = {}
        while True:
            page = self._ask(
                "listing the folder", "list_objects_v2",
                Prefix=self._prefix, Delimiter="/", **more,
            )  # fmt: skip
            for each in page.get("Contents", ()):
                # Consoles make an object of this name for a folder.
                if name := each["Key"].removeprefix(self._prefix):
                    time = each["LastModified"].astimezone(UTC)
                    entries.append(Entry(name, each["Size"], time))
            if len(entries) > _NAMES:
                raise ServerRefused(
                    f"{self._destination.name}: expected at most {_NAMES} names in the "
                    "folder, found more. Ask the partner to remove old files."
                )
            if not page.get("IsTruncated"):
                return sorted(entries, key=lambda entry: entry.name)
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def facts(self) -> Mapping[str, Any]:
        """Return what belongs in a receipt: server, TLS, certificate check."""
        encrypted = not self._destination.storage.endpoint.startswith("http:")
        return {
            "server": self._destination.server,
            "greeting": self._greeting,
            "encrypted": encrypted,
            "certificate_checked": encrypted and self._destination.verify,
            "certificate_ends": None,
        }

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def _key(self, name: str) -> str:
        return f"{self._prefix}{plain(name)}"

    def _head(self, name: str) -> Mapping[str, Any] | None:
        try:
            return self._ask(
                f"asking the size of {plain(name)}", "head_object",
                Key=self._key(name), ChecksumMode="ENABLED",
            )  # fmt: skip
        except ServerRefused as error:
            if error.reply == 404:
                return None
            raise

    def _ask(self, what: str, operation: str, **arguments: Any) -> Mapping[str, Any]:
        with self._errors(what):
            self._deadline.left(1)
            call = getattr(self._client, operation)
            answer: Mapping[str, Any] = call(Bucket=self._destination.host, **arguments)
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        self._greeting = headers.get("server", self._greeting)
        return answer

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError, OSError) as error:
            cause: Exception = error
            try:
                self._deadline.left(1)
            except TimeoutError as late:
                # botocore has made another error of it.
                cause = late
            raise _error(self._destination, what, cause) from None


class _Body(io.FileIO):
    """A file of ours. botocore reads it twice: to sign its bytes, then to send them."""

    def __init__(
        self, source: Path, tick: Callable[[int], object], deadline: Deadline
    ) -> None:
        super().__init__(source)
        self._tick, self._deadline = tick, deadline
        self._is_signed = False

    def read(self, size: int | None = -1, /) -> bytes:
        self._deadline.left(1)
        block = super().read(-1 if size is None else size) or b""
        if self._is_signed:
            self._tick(len(block))
        return block

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._is_signed = self._is_signed or self.tell() > 0
        return super().seek(offset, whence)


@functools.cache
def _session() -> botocore.session.Session:
    """Return a session that reads no file or profile of the user who runs this."""
    nothing = {"config_file": os.devnull, "credentials_file": os.devnull}
    return botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            **{name: (None, None, path, None) for name, path in nothing.items()},
        }
    )


def _client(destination: Destination) -> Any:
    """Return a client that uses only what the destination's variables name."""
    storage, secret = destination.storage, destination.password
    verify = str(destination.ca_file) if destination.ca_file else destination.verify
    proxy = storage.proxy.reveal() if storage.proxy else None
    return _session().create_client(
        "s3",
        region_name=storage.region,
        endpoint_url=storage.endpoint or None,
        verify=verify if destination.verify else False,
        aws_access_key_id=destination.user,
        aws_secret_access_key=secret.reveal() if secret else None,
        aws_session_token=storage.token.reveal() if storage.token else None,
        config=Config(
            signature_version="s3v4",
            connect_timeout=destination.timeout,
            read_timeout=destination.reply_timeout,
            # Our own tries; each looks first how the last one ended.
            retries={"total_max_attempts": 1},
            s3={
                # A bucket's own host name needs a certificate and a record in the DNS.
                "addressing_style": "path" if storage.endpoint else "auto",
                # A storage that keeps no checksum compares the bytes all the same.
                "payload_signing_enabled": True,
            },
            # We ask for SHA-256; storages that know no other checksum exist.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            ignore_configured_endpoint_urls=True,
            proxies={"http": proxy, "https": proxy} if proxy else {},
            tcp_keepalive=True,
        ),
    )


def _error(
    destination: Destination, what: str, error: Exception
) -> ServerRefused | ServerUnavailable:
    """Class an error of botocore and word it."""
    status, code = 0, ""
    cause = f"{type(error).__name__}: {error}"
    if isinstance(error, ClientError):
        status = int(error.response["ResponseMetadata"].get("HTTPStatusCode", 0))
        code = str(error.response["Error"].get("Code", ""))
        cause = f"{code}: {error.response['Error'].get('Message', '')}"
    text = destination.redact(
        f"{destination.name}: {what} failed ({' '.join(cause.split())})."
    )
    if isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in cause:
        return ServerRefused(
            f"{text} Expected a certificate that has this host among its names and is "
            f"issued by an authority in {destination.variable('CA_FILE')} or by a "
            "public one."
        )
    busy = status >= 500 or status in (408, 429) or code in _TEMPORARY
    if busy or isinstance(error, _BROKEN):
        return ServerUnavailable(
            f"{text} Try again later.",
            status or None,
            "retry_once" if status == _FULL else "retry_often",
        )
    return ServerRefused(f"{text} {_hint(destination, status, code)}", status or None)


def _hint(destination: Destination, status: int, code: str) -> str:
    """Return what to do about a refusal."""
    names = ("USER", "PASSWORD", "SESSION_TOKEN", "URL", "REGION")
    user, secret, token, url, region = map(destination.variable, names)
    if code in ("InvalidAccessKeyId", "SignatureDoesNotMatch"):
        return f"Fix {user} (the id of the access key) or {secret} (its secret)."
    if code in ("ExpiredToken", "InvalidToken", "TokenRefreshRequired"):
        return f"Renew {user}, {secret} and {token}."
    if code == "NoSuchBucket":
        return f"Fix the bucket in {url}; we make none."
    if code == "RequestTimeTooSkewed":
        return "Set the clock of this machine."
    if code in ("AuthorizationHeaderMalformed", "PermanentRedirect") or status == 301:
        return f"Fix {region}."
    if status == 403:
        return f"The key needs the rights {_RIGHTS}. Ask who gave it."
    return LASTS
