"""Three shapes that public APIs have, in one server: cursor, link header, offset.

/cursor/parts  {"data": [...], "meta": {"total": n, "next": "..."}}, a bearer token that
               POST /token gives for a client id and secret, as RFC 6749 4.4 has it
/link/parts    an array; `Link` (RFC 8288) and `X-Total-Count`; user and password
/offset/parts  {"items": [...], "has_more": true}, no total; X-Api-Key

/cursor/count is {"count": n}.
"""

import json
import tempfile
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from sandbox import certificates, http_server
from sandbox.http_server import Request, Response, error_response
from sandbox.jsontext import array_of

SECRET = "sandbox-secret"  # noqa: S105 (a stand-in's)
TOKEN = "sandbox-token"  # noqa: S105
USER = "reader"
_MOST = 100
Change = Callable[[Request, Response], Response]


def parts(number: int) -> list[str]:
    """Return records as JSON: prices and weights with digits that doubles lose."""
    return [
        json.dumps({"id": n, "name": f"Part {n:04}"})[:-1]
        + f', "price": {n}.10, "weight": 12345678901234567890.{n:04}0, '
        f'"active": {"true" if n % 7 else "false"}, "tags": ["a", "b"]}}'
        for n in range(1, number + 1)
    ]


@dataclass(slots=True)
class Server:
    """A running server of the three shapes.

    Attributes:
        url: its address, without a path.
        ca_file: the authority of its certificate; None without TLS.
        records: as JSON; may be changed while it runs.
        log: the paths that were asked for.
        change: makes another response of one; for faults.
    """

    records: list[str]
    url: str = ""
    ca_file: Path | None = None
    log: list[str] = field(default_factory=list)
    change: Change = lambda request, response: response
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def variables(self) -> dict[str, str]:
        """The environment that examples of declarations name."""
        variables = {
            "SHOP_CLIENT_SECRET": SECRET,
            "SHOP_TOKEN": TOKEN,
            "SHOP_PASSWORD": SECRET,
            "SHOP_API_KEY": SECRET,
        }
        return variables | ({"SHOP_CA_FILE": str(self.ca_file)} if self.ca_file else {})

    def handle(self, request: Request) -> Response:
        """Respond to one request; called from many threads."""
        with self._lock:
            self.log.append(request.path)
            return self.change(request, self._respond(request))

    def _respond(self, request: Request) -> Response:
        url = urlsplit(request.path)
        if request.method == "POST" and url.path == "/token":
            form = {
                name: each[0] for name, each in parse_qs(request.body.decode()).items()
            }
            if form.get("client_secret") != SECRET:
                return error_response(401, "invalid_client")
            body = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600}
            return Response(body=json.dumps(body).encode())
        shape = {
            "/cursor/parts": self._cursor,
            "/cursor/count": self._count,
            "/link/parts": self._link,
            "/offset/parts": self._offset,
        }.get(url.path)
        if request.method != "GET" or shape is None:
            return error_response(404, "no such list")
        query = {name: each[0] for name, each in parse_qs(url.query).items()}
        return shape(request, query)

    def _cursor(self, request: Request, query: dict[str, str]) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return error_response(401, "no such token")
        start = int(query.get("cursor", "c0")[1:])
        page = self._page(start, query)
        end = start + _size(query)
        more = f"c{end}" if end < len(self.records) else None
        meta = json.dumps({"total": len(self.records), "next": more})
        return Response(body=f'{{"data": {page}, "meta": {meta}}}'.encode())

    def _count(self, request: Request, query: dict[str, str]) -> Response:
        return Response(body=json.dumps({"count": len(self.records)}).encode())

    def _link(self, request: Request, query: dict[str, str]) -> Response:
        login = b64encode(f"{USER}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {login}":
            return error_response(401, "no such user")
        size, page = _size(query), int(query.get("page", "1"))
        headers = {"X-Total-Count": str(len(self.records))}
        if page * size < len(self.records):
            address = f"{self.url}/link/parts?page={page + 1}&limit={size}"
            headers["Link"] = f'<{address}>; rel="next"'
        body = self._page((page - 1) * size, query)
        return Response(body=body.encode(), headers=headers)

    def _offset(self, request: Request, query: dict[str, str]) -> Response:
        if request.headers.get("x-api-key") != SECRET:
            return error_response(403, "no such key")
        start = int(query.get("offset", "0"))
        more = json.dumps(start + _size(query) < len(self.records))
        body = f'{{"items": {self._page(start, query)}, "has_more": {more}}}'
        return Response(body=body.encode())

    def _page(self, start: int, query: dict[str, str]) -> str:
        return array_of(self.records[start : start + _size(query)])


def _size(query: dict[str, str]) -> int:
    return min(int(query.get("limit", "10")), _MOST)


@contextmanager
def serve(records: list[str], *, tls: bool = True, port: int = 0) -> Iterator[Server]:
    """Serve on this machine while the block runs.

    Args:
        records: as JSON, such as `parts` makes.
        tls: HTTPS with a temporary authority, or plain HTTP.
        port: 0 for a free one.
    """
    server = Server(records)
    with tempfile.TemporaryDirectory(prefix="sandbox-apis-") as name:
        files = certificates.make(Path(name)) if tls else None
        file = files.server_file if files else None
        with http_server.serve(server.handle, file, port) as bound:
            server.url = f"{'https' if tls else 'http'}://localhost:{bound}"
            server.ca_file = files.ca_file if files else None
            yield server
