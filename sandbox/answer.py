"""An answer before it is on the wire."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

JSON = "application/json; charset=utf-8"


@dataclass(slots=True)
class Answer:
    """Status, headers, body, and what the connection does with them.

    Attributes:
        status: the HTTP status code.
        body: the bytes; or chunks of them, with their total in `length`.
        length: what Content-Length says; None for the length of `body`.
        content_type: the Content-Type.
        headers: further headers.
        ending: keep the connection; cut it after half the body; reset it without
            an answer; or hang until the client or the server gives up.
        drip_seconds: how long the body takes, sent in small pieces.
    """

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    length: int | None = None
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    ending: Literal["keep", "cut", "reset", "hang"] = "keep"
    drip_seconds: float = 0.0

    def whole(self) -> bytes:
        """Return the body in one piece."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)


def message(status: int, text: str) -> Answer:
    """Return an error answer in the observed shape, `{"Message": "..."}`."""
    return Answer(status, json.dumps({"Message": text}).encode())


def array(texts: list[str]) -> Answer:
    """Return a bare array of JSON texts."""
    return Answer(200, f"[{','.join(texts)}]".encode())


def value(whole: Any) -> Answer:
    """Return one JSON value."""
    return Answer(200, json.dumps(whole, ensure_ascii=False).encode())
