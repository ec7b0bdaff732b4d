"""Lists of an API: dlt's paginators and authentications, our decoding of what comes.

dlt decodes numbers as doubles, and takes a key that stands twice. So the bodies are
split here, and their records reach landing as the bytes that came.
"""

import hashlib
import inspect
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from dlt.common.exceptions import DltException
from dlt.common.validation import validate_dict
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from dlt.sources.helpers.rest_client.utils import join_url
from dlt.sources.rest_api.config_setup import (
    AUTH_MAP,
    PAGINATOR_MAP,
    create_auth,
    create_paginator,
)
from dlt.sources.rest_api.typing import RESTAPIConfig
from msgspec import UNSET
from requests.structures import CaseInsensitiveDict

from extract.declared.declaration import (
    CountRequest,
    Endpoint,
    RestApi,
    RestResource,
    Total,
    key_of,
    path_of,
    proof_of,
    resolved,
)
from extract.declared.reading import Reading, Tick, count_records, other_keys, settle
from extract.entities import Entity
from extract.pages import packed, page_path, read_page, store_page
from extract.strict_json import parse, parse_count, refuse_other_encodings, undecodable
from extract.transport import (
    HttpLimits,
    Names,
    RequestCounts,
    Transport,
    check_address,
)
from runtime.display import beginning
from runtime.environment import Environment, Limits
from runtime.exits import Misuse, Refused
from runtime.http import Proxy
from runtime.log import LOG

# Of dlt's: a value of one of these is a secret.
_SECRETS = (
    "api_key", "token", "access_token", "password", "client_secret", "private_key",
    "private_key_passphrase", "secret",
)  # fmt: skip
_TOKEN_URLS = ("access_token_url", "auth_endpoint")
_Read = Callable[[bytes], Any]


class Api:
    """An API that is declared; one connection after another reads its lists.

    Args:
        name: of the source.
        declared: its declaration.
        variables: the environment, which has its secrets.

    Raises:
        Misuse: dlt does not accept its words, or a variable is not set.
    """

    def __init__(self, name: str, declared: RestApi, variables: Environment) -> None:
        self._file = path_of(name)
        _refuse_open_secrets(declared, self._file)
        _validate(declared, self._file)
        client = declared.client
        self.address = check_address(f"{self._file}: base_url", client.base_url)
        self._headers = resolved(client.headers, variables)
        self.counts = RequestCounts()
        auth: Any = {} if client.auth is UNSET else resolved(client.auth, variables)
        self._session = _Session(self._transports(name, auth, variables))
        self._client = client
        with self._words_of_dlt("client.auth"):
            if "access_token_url" in auth or "auth_endpoint" in auth:
                auth["session"] = self._session
            self._auth = create_auth(auth or None)
        for number, resource in enumerate(declared.resources):
            with self._words_of_dlt(f"resources[{number}].endpoint.paginator"):
                self._paginator(resource.endpoint)
        self._variables = variables

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *error: object) -> None:
        for transport in self._session.transports.values():
            transport.end()

    def settle(
        self, entity: Entity, resource: RestResource, folder: Path, limits: Limits,
        tick: Tick,
    ) -> tuple[Reading, int]:  # fmt: skip
        """Read one list until it is complete by its proof.

        Args:
            entity: the list, as landing has it.
            resource: its declaration.
            folder: where its pages go; what is there already is not requested again.
            limits: memory and threads for DuckDB.
            tick: called once for each page.

        Raises:
            Refused, Misuse, Temporary: see `reading.settle` and `transport`.
        """
        for transport in self._session.transports.values():
            transport.start_list()

        def read(number: int) -> Reading:
            return self._read(resource, folder / f"read-{number}", tick)

        if proof_of(resource) == "second_reading":
            return settle(entity, read, other_keys(key_of(resource), limits))
        return settle(entity, read)

    def count(self, resource: RestResource) -> int | None:
        """Ask how many records a list has; None if its proof is no number."""
        proof = resource.complete
        if proof is UNSET or proof.second_reading is not UNSET:
            return None
        if proof.count is not UNSET:
            return self._count(proof.count)
        request, _ = self._first(resource.endpoint, resource.name)
        answer = self._ask(request, _splitter(resource.endpoint.data_selector))
        return _total(answer, proof.total or Total())

    def _read(self, resource: RestResource, folder: Path, tick: Tick) -> Reading:
        """Read a list once; begin anew if the source refuses to go on with it."""
        resumed = page_path(folder / "answers", 1).exists()
        try:
            return self._pages(resource, Reading(folder, tick))
        except Misuse as error:
            if not resumed:
                raise
            LOG.info("discard unfinished", path=folder, because=error)
        shutil.rmtree(folder)
        return self._pages(resource, Reading(folder, tick))

    def _pages(self, resource: RestResource, reading: Reading) -> Reading:
        proof, endpoint = resource.complete, resource.endpoint
        count = UNSET if proof is UNSET else proof.count
        total = UNSET if proof is UNSET else proof.total
        if count is not UNSET:
            reading.before = self._count(count)
        split = _splitter(endpoint.data_selector)
        request, paginator = self._first(endpoint, resource.name)
        stored = {"link", total.header if total is not UNSET else UNSET}
        stored.add(getattr(paginator, "cursor_key", UNSET))
        addresses: set[str] = set()
        while True:
            prepared = self._session.prepare_request(request)
            digest = _digest(prepared)
            if digest in addresses:
                raise Refused(
                    f"{self.address}/{resource.name}: expected another page after page "
                    f"{len(addresses)}, found the address of an earlier one: the list "
                    f"has no end. Nothing was landed. Check paginator in {self._file}."
                )
            addresses.add(digest)
            path = page_path(reading.folder / "answers", len(addresses))
            answer = _stored(path, digest, prepared, split) or self._send(
                prepared, split
            )
            body, rows = answer.value
            _store(path, digest, answer, {str(name).lower() for name in stored})
            reading.add(body, rows)
            if total is not UNSET:
                reading.after = _total(answer, total)
                if reading.before is None:
                    reading.before = reading.after
            with self._words_of_dlt(f"{resource.name}: the paginator", Refused):
                paginator.update_state(answer, [None] * rows)
                if not paginator.has_next_page:
                    break
                paginator.update_request(request)
        if count is not UNSET:
            reading.after = self._count(count)
        return reading

    def _first(
        self, endpoint: Endpoint, name: str
    ) -> tuple[requests.Request, BasePaginator]:
        """Return the request for the first page, and what makes the next ones."""
        path = name if endpoint.path is UNSET else endpoint.path
        headers = {**self._headers, **resolved(endpoint.headers, self._variables)}
        request = requests.Request(
            endpoint.method,
            join_url(self.address, path),
            headers=headers,
            params=resolved(endpoint.params, self._variables),
            json=None
            if endpoint.json is UNSET
            else resolved(endpoint.json, self._variables),
            auth=self._auth,
        )
        paginator = self._paginator(endpoint)
        paginator.init_request(request)
        return request, paginator

    def _paginator(self, endpoint: Endpoint) -> BasePaginator:
        declared: Any = endpoint.paginator
        if declared is UNSET:
            declared = self._client.paginator
        config: Any = declared if isinstance(declared, str) else dict(declared)
        paginator = create_paginator(config)
        if paginator is None:
            raise ValueError(f"{declared} is no paginator")
        return paginator

    def _count(self, declared: CountRequest) -> int:
        endpoint = Endpoint(path=declared.path, params=declared.params)
        request = requests.Request(
            "GET",
            join_url(self.address, declared.path),
            headers=self._headers,
            params=resolved(endpoint.params, self._variables),
            auth=self._auth,
        )
        answer = self._ask(request, parse)
        return parse_count(_at(answer.value, declared.data_selector))

    def _ask(self, request: requests.Request, read: _Read) -> "_Response":
        return self._send(self._session.prepare_request(request), read)

    def _send(self, prepared: requests.PreparedRequest, read: _Read) -> "_Response":
        return self._session.exchange(prepared, read)

    def _transports(
        self, name: str, auth: Mapping[str, Any], variables: Environment
    ) -> dict[str, Transport]:
        prefix = name.upper()
        urls = [self.address]
        urls += [
            check_address(f"{self._file}: client.auth.{field}", str(auth[field]))
            for field in _TOKEN_URLS
            if field in auth
        ]
        transports = {}
        for origin in {_origin(url) for url in urls}:
            transports[origin] = Transport(
                origin,
                {},
                variables.authorities(f"{prefix}_CA_FILE"),
                variables.settings(HttpLimits, "FEEDS_HTTP_"),
                Names(
                    prefix,
                    f"the variables that {self._file} names",
                    f"base_url and path in {self._file}",
                ),
                Proxy.from_environment(variables),
            )
            transports[origin].counts = self.counts
        return transports

    @contextmanager
    def _words_of_dlt(
        self, where: str, kind: type[Misuse | Refused] = Misuse
    ) -> Iterator[None]:
        """Say where dlt found something wrong."""
        try:
            yield
        except (DltException, ValueError, TypeError, KeyError) as error:
            raise kind(f"{self._file}: {where}: {beginning(str(error), 300)}") from None


class _Response(requests.Response):
    """An answer whose JSON is read strictly; `value` is what was made of its body."""

    value: Any = None

    def json(self, **options: Any) -> Any:
        """Return it with numbers as the text that came: a cursor keeps its digits."""
        try:
            return parse(self.content)
        except Refused as error:
            raise Refused(f"{self.url.partition('?')[0]}: {error}") from None


class _Session(requests.Session):
    """Sends what dlt prepares by our transport: bounded, retried, to known hosts."""

    def __init__(self, transports: Mapping[str, Transport]) -> None:
        super().__init__()
        self.trust_env = False
        self.headers.clear()
        self.transports = transports

    def send(self, request: requests.PreparedRequest, **options: Any) -> "_Response":
        """Send a request of dlt's own, such as for a token."""
        return self.exchange(request, parse)

    def exchange(self, request: requests.PreparedRequest, read: _Read) -> "_Response":
        """Send a request; `read` makes a value of the body.

        Raises:
            Refused: it goes to another host than the declared ones, such as a link to
                the next page: credentials are sent to no other.
        """
        url = str(request.url)
        transport = self.transports.get(_origin(url))
        if transport is None:
            raise Refused(
                f"expected an address at {' or '.join(sorted(self.transports))}, found "
                f"{beginning(_origin(url), 100)} in a link of the source. Nothing was "
                "landed: the login is sent to no other host."
            )
        body = {"body": request.body} if request.body else {}
        headers = {
            name: value if isinstance(value, str) else value.decode("latin-1")
            for name, value in request.headers.items()
            if name.lower() != "content-length"
        }
        target = url.removeprefix(_origin(url)).lstrip("/")
        answer = transport.fetch(str(request.method), target, read, headers, **body)
        return _response(request, answer.body, answer.headers, answer.value)


def _response(
    request: requests.PreparedRequest,
    body: bytes,
    headers: Mapping[str, str],
    value: Any,
) -> _Response:
    response = _Response()
    response.status_code = 200
    response.request = request
    response.url = str(request.url)
    response.headers = CaseInsensitiveDict(headers)
    response._content = body
    response.value = value
    return response


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _digest(request: requests.PreparedRequest) -> str:
    body = request.body or b""
    content = body.encode() if isinstance(body, str) else bytes(body)
    text = f"{request.method} {request.url}\n".encode()
    return hashlib.sha256(text + content).hexdigest()


def _store(path: Path, digest: str, answer: _Response, stored: set[str]) -> None:
    """Store an answer for a run that goes on, with the headers that are needed."""
    headers = {
        name: text for name, text in answer.headers.items() if name.lower() in stored
    }
    line = msgspec.json.encode({"request": digest, "headers": headers})
    store_page(path, packed(line + b"\n" + answer.content))


def _stored(
    path: Path, digest: str, request: requests.PreparedRequest, read: _Read
) -> _Response | None:
    """Return an answer of a run that was interrupted; None if there is none."""
    try:
        line, _, body = read_page(path).partition(b"\n")
        about = msgspec.json.decode(line)
        if about["request"] != digest:
            return None
        return _response(request, body, about["headers"], read(body))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, Refused) as error:
        LOG.warning("damaged", path=path, because=f"{error}; it is fetched anew")
        return None


def _splitter(selector: str) -> Callable[[bytes], tuple[bytes, int]]:
    """Return what takes the list out of an answer: its bytes, and its records' number.

    A list that is null has no records.
    """
    if selector == "$":
        return lambda body: (body, count_records(body))
    names = selector.split(".")
    type_: Any = msgspec.Raw
    for name in reversed(names):
        type_ = msgspec.defstruct("Part", [("part", type_)], rename={"part": name})
    decoder = msgspec.json.Decoder(type_)

    def split(body: bytes) -> tuple[bytes, int]:
        refuse_other_encodings(body)
        try:
            part: Any = decoder.decode(body)
        except msgspec.ValidationError:
            parse(body)
            start = beginning(body, 80)
            raise Refused(f"expected a list at {selector}, found {start!r}.") from None
        except msgspec.DecodeError as error:
            raise undecodable(body, error) from None
        for _ in names:
            part = part.part
        records = bytes(part)
        # Without its records, an answer is short enough to be read strictly.
        parse(body.replace(records, b"null", 1))
        if records == b"null":
            records = b"[]"
        return records, count_records(records)

    return split


def _total(answer: _Response, total: Total) -> int:
    if total.header is not UNSET:
        text = answer.headers.get(total.header)
        if text is None:
            raise Refused(
                f"{answer.url.partition('?')[0]}: expected the header {total.header} "
                "with the number of all records, found none."
            )
        return parse_count(text.strip())
    return parse_count(_at(answer.json(), str(total.path)))


def _at(value: Any, selector: str) -> Any:
    for name in selector.split(".") if selector != "$" else ():
        if not isinstance(value, dict) or name not in value:
            raise Refused(f"expected a number at {selector}, found no {name}.")
        value = value[name]
    return value


def _validate(declared: RestApi, path: Path) -> None:
    """Check the words of paginators and authentications, and let dlt check all.

    Secrets are still the names of variables.

    Raises:
        Misuse: dlt does not know a word or a value; names the field.
    """
    plain = _plain(msgspec.to_builtins(declared))
    client = plain["client"]
    _check_words(
        f"{path}: rest_api.client.auth", client.get("auth"), AUTH_MAP, "bearer"
    )
    places = [("client", client), *enumerate(map(_endpoint, plain["resources"]))]
    for place, fields in places:
        where = place if place == "client" else f"resources[{place}].endpoint"
        declared_paginator = fields.get("paginator")
        _check_words(
            f"{path}: rest_api.{where}.paginator", declared_paginator, PAGINATOR_MAP, ""
        )
    for resource in plain["resources"]:
        resource.pop("complete", None)
        columns = resource["columns"].items()
        resource["columns"] = {name: {**each, "name": name} for name, each in columns}
    try:
        validate_dict(RESTAPIConfig, plain, path=".")
    except DltException as error:
        raise Misuse(f"{path}: rest_api: {beginning(str(error), 300)}") from None


def _endpoint(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    endpoint: Mapping[str, Any] = resource["endpoint"]
    return endpoint


def _check_words(
    where: str, declared: Any, known: Mapping[str, Any], default: str
) -> None:
    """Check the type of a paginator or an authentication, and its arguments.

    Raises:
        Misuse: dlt has no such type, or the type no such argument.
    """
    if declared is None:
        return
    fields = {"type": declared} if isinstance(declared, str) else declared
    type_ = fields.get("type", default)
    if known.get(type_) is None:
        types = ", ".join(name for name, each in known.items() if each)
        raise Misuse(f"{where}.type: expected one of {types}; found {type_}.")
    arguments = {*inspect.signature(known[type_]).parameters} - {"session"}
    for name in fields:
        if name != "type" and name not in arguments:
            raise Misuse(
                f"{where}.{name}: expected an argument of {type_}, which has "
                f"{', '.join(sorted(arguments))}; found {name}."
            )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if [*value] == ["env"]:
            return f"${value['env']}"
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _refuse_open_secrets(declared: RestApi, path: Path) -> None:
    """Refuse a secret that stands in the declaration.

    Raises:
        Misuse: names the field.
    """
    auth = {} if declared.client.auth is UNSET else declared.client.auth
    for name, value in auth.items():
        if name in _SECRETS and not isinstance(value, dict):
            raise Misuse(
                f"{path}: rest_api.client.auth.{name}: expected {{env: NAME}} with the "
                "name of an environment variable, found the secret itself. Put it into "
                "the environment."
            )
