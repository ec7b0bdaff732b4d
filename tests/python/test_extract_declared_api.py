"""`extract NAME` of a declared API, against three shapes that public APIs have."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import ROOT
from declared_project import DeclaredProject

from extract.declared import declaration
from runtime.exits import Misuse, Refused, Stop
from sandbox import public_apis
from sandbox.http_server import Request, Response, error_response

COLUMNS = {
    "id": {"data_type": "bigint", "nullable": False},
    "name": {},
    "price": {"data_type": "decimal"},
    "weight": {"data_type": "double"},
    "active": {"data_type": "bool"},
    "tags": {"data_type": "json"},
}
CURSOR = {
    "client": {
        "auth": {"type": "bearer", "token": {"env": "SHOP_TOKEN"}},
        "paginator": {
            "type": "cursor", "cursor_path": "meta.next", "cursor_param": "cursor"
        },
    },
    "endpoint": {"path": "cursor/parts", "data_selector": "data"},
    "complete": {"total": {"path": "meta.total"}},
}  # fmt: skip
LINK = {
    "client": {
        "auth": {
            "type": "http_basic", "username": public_apis.USER,
            "password": {"env": "SHOP_PASSWORD"},
        },
        "paginator": "header_link",
    },
    "endpoint": {"path": "link/parts", "params": {"limit": 10}},
    "complete": {"total": {"header": "X-Total-Count"}},
}  # fmt: skip
OFFSET = {
    "client": {
        "auth": {
            "type": "api_key", "name": "X-Api-Key", "api_key": {"env": "SHOP_API_KEY"}
        },
        "paginator": {
            "type": "offset", "limit": 10, "total_path": None,
            "has_more_path": "has_more",
        },
    },
    "endpoint": {"path": "offset/parts", "data_selector": "items"},
    "complete": {"second_reading": True},
}  # fmt: skip
SHAPES = {"cursor": CURSOR, "link": LINK, "offset": OFFSET}


class Shop(DeclaredProject):
    """A project with one declared API, and the server that it names."""

    def __init__(self, root: Path, server: public_apis.Server) -> None:
        super().__init__(root, **server.variables)
        self.server = server

    def declare(self, shape: dict[str, Any], **changes: Any) -> None:
        """Declare one list, `parts`."""
        client = {"base_url": self.server.url, **shape["client"]}
        resource = {
            "name": "parts",
            "endpoint": shape["endpoint"],
            "primary_key": "id",
            "columns": COLUMNS,
            "complete": shape["complete"],
            **changes,
        }
        resource = {
            name: value for name, value in resource.items() if value is not None
        }
        self.write({"rest_api": {"client": client, "resources": [resource]}})


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with public_apis.serve(public_apis.parts(25)) as server:
        yield Shop(tmp_path, server)


def once(change: Callable[[Response], Response], where: str) -> public_apis.Change:
    """Change the first response to an address that contains `where`."""
    left = [1]

    def apply(request: Request, response: Response) -> Response:
        if where in request.path and left and left.pop():
            return change(response)
        return response

    return apply


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_landed_with_every_digit(shop: Shop, shape: str) -> None:
    shop.declare(SHAPES[shape])
    shop.copy()
    assert shop.rows("id, name, price, weight, active, tags")[6] == (
        7, "Part 0007", "7.10", "12345678901234567890.00070", False, '["a", "b"]'
    )  # fmt: skip
    entity = shop.report["entities"]["parts"]
    proof = {"offset": "second_reading"}.get(shape, "total")
    assert (entity["proof"], entity["rows"]) == (proof, 25)
    assert (entity["unrecognised"], entity["absent"]) == ({}, [])
    assert entity["count_after"] == (None if shape == "offset" else 25)
    requests = [path for path in shop.server.log if "parts" in path]
    assert len(requests) == (6 if shape == "offset" else 3)
    assert shop.check() == {
        "source": "shop",
        "run_id": shop.report["run_id"],
        "rows": {"parts": 25},
        "unproven": [],
    }


def test_a_token_is_got_and_a_count_is_asked_for(shop: Shop) -> None:
    shape = CURSOR | {
        "client": CURSOR["client"]
        | {
            "auth": {
                "type": "oauth2_client_credentials",
                "access_token_url": f"{shop.server.url}/token",
                "client_id": "us",
                "client_secret": {"env": "SHOP_CLIENT_SECRET"},
            }
        },
        "complete": {"count": {"path": "cursor/count", "data_selector": "count"}},
    }
    shop.declare(shape)
    done = shop.extract("--dry-run", "shop")
    assert (done.returncode, done.stdout) == (
        0,
        "shop: 25 parts (dry run, nothing landed)\n",
    )
    assert not (shop.data / "landing").exists()
    shop.server.log.clear()
    done = shop.extract()
    assert done.returncode == 0, done.stderr
    assert "shop: 25 parts; 3 pages" in done.stdout
    assert shop.report["entities"]["parts"]["proof"] == "count"
    requests = [path.partition("?")[0] for path in shop.server.log]
    assert requests == [
        "/token", "/cursor/count", *["/cursor/parts"] * 3, "/cursor/count"
    ]  # fmt: skip
    texts = [done.stdout, done.stderr]
    texts += [each.read_text() for each in shop.data.rglob("*.json")]
    for secret in (public_apis.SECRET, public_apis.TOKEN):
        assert not any(secret in text for text in texts)


def test_without_a_proof_it_lands_and_says_so(shop: Shop) -> None:
    shop.declare(CURSOR, complete=None)
    shop.copy()
    entity = shop.report["entities"]["parts"]
    assert (entity["proof"], entity["count_after"]) == (None, None)
    assert shop.check()["unproven"] == ["parts"]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        # A total that is not that of the list, each time.
        (
            lambda r: Response(
                body=r.whole_body().replace(b'"total": 25', b'"total": 26')
            ),
            1,
            "counts 26 records before and 26 after a list of 25",
        ),
        (
            lambda r: Response(body=r.whole_body().replace(b'"id": 3,', b'"id": 2,')),
            1,
            'the key "id" = (2,) appears 2 times',
        ),
        (
            lambda r: Response(
                body=r.whole_body().replace(b'"id": 3,', b'"id": null,')
            ),
            1,
            'have no "id", which is their key',
        ),
        (
            lambda r: Response(
                body=r.whole_body().replace(b'"id": 3,', b'"id": 3, "id": 3,')
            ),
            1,
            "the key 'id' appears twice",
        ),
        (
            lambda r: Response(body=r.whole_body().replace(b'"Part 0002"', b"2")),
            1,
            "the known field name has another type: expected text, found 2",
        ),
        (lambda r: Response(body=b'{"error": "later"}'), 1, "expected a list at data"),
        (
            lambda r: Response(body=r.whole_body().replace(b'"c10"', b'"c0"')),
            1,
            "found the address of an earlier one: the list has no end",
        ),
        (lambda r: error_response(401, "bad"), 2, "the variables that extract/sources"),
        (lambda r: error_response(503, "later"), 75, "no usable answer"),
    ],
    ids=[
        "total", "repeated", "no key", "twice", "type", "no list", "endless",
        "login", "down",
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(
    shop: Shop, change: Callable[[Response], Response], code: int, words: str
) -> None:
    shop.declare(CURSOR)
    shop.server.change = lambda request, response: change(response)
    with pytest.raises(Stop) as caught:
        shop.copy(FEEDS_HTTP_ATTEMPTS=2)
    assert words in str(caught.value)
    assert caught.value.code == code
    assert not (shop.data / "landing/current").exists()


def test_drift_is_reported(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.declare(CURSOR)
    shop.server.records = [
        each.replace('"name"', '"title"') for each in shop.server.records
    ]
    shop.copy()
    assert "drift" in caplog.messages
    entity = shop.report["entities"]["parts"]
    assert entity["unrecognised"] == {"title": 25}
    assert entity["absent"] == ["name"]
    assert '"title":"Part 0001"' in shop.rows("_unrecognised")[0][0]


def test_a_list_that_moves_is_read_again(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """A record is removed while the second page is read: later ones move up."""
    caplog.set_level(logging.INFO)
    shop.declare(CURSOR)

    def change(response: Response) -> Response:
        del shop.server.records[0]
        return response

    shop.server.change = once(change, "cursor=c10")
    assert shop.copy()["entities"]["parts"]["rounds"] == 2
    assert "moved" in caplog.messages
    assert len(shop.rows("id")) == 24
    # The same with a second reading as the proof.
    shop.declare(OFFSET)
    shop.server.change = once(change, "offset=10")
    assert shop.copy()["entities"]["parts"]["rounds"] == 2
    assert shop.rows("id") == [(n,) for n in range(3, 26)]


def test_the_login_goes_to_no_other_host(shop: Shop) -> None:
    shop.declare(LINK)

    def change(request: Request, response: Response) -> Response:
        response.headers["Link"] = '<https://evil.example/parts>; rel="next"'
        return response

    shop.server.change = change
    words = "found https://evil.example in a link .* sent to no other host"
    with pytest.raises(Refused, match=words):
        shop.copy()


def kill_at_page_3(shop: Shop) -> None:
    """Run `extract`; kill it when it has two pages and waits for the third."""

    def change(request: Request, response: Response) -> Response:
        if "cursor=c20" in request.path:
            response.ending = "hang"
        return response

    shop.server.change = change
    process = subprocess.Popen(
        ["extract", "shop"], cwd=shop.root, env=shop.environment(),
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while len([*(shop.data / "landing").rglob("answers/*.zst")]) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_killed_run_goes_on_where_it_stopped(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    shop.declare(CURSOR)
    kill_at_page_3(shop)
    shop.server.change = lambda request, response: response
    shop.server.log.clear()
    assert shop.copy()["resumed"] is True
    assert [path for path in shop.server.log if "parts" in path] == [
        "/cursor/parts?cursor=c20"
    ]
    assert [row[0] for row in shop.rows("id")] == [*range(1, 26)]
    # A cursor that the source does not know any more: the list is read anew.
    kill_at_page_3(shop)
    shop.server.change = once(lambda r: error_response(410, "expired"), "cursor=c20")
    shop.copy()
    assert "discard unfinished" in caplog.messages
    assert len(shop.rows("id")) == 25


def test_editors_offer_the_words_of_dlt() -> None:
    from dlt.sources.rest_api.config_setup import AUTH_MAP, PAGINATOR_MAP

    assert {*declaration.PAGINATORS} == {*PAGINATOR_MAP} - {"auto"}
    assert {*declaration.AUTHENTICATIONS} == {*AUTH_MAP}


def test_the_declaration_is_checked_by_field(shop: Shop) -> None:
    def declared(change: Callable[[dict[str, Any]], object]) -> str:
        shop.declare(CURSOR)
        content = yaml.safe_load(shop.file.read_text())
        change(content)
        shop.file.write_text(yaml.safe_dump(content))
        with pytest.raises(Misuse) as caught:
            shop.copy()
        return str(caught.value)

    def client(**words: Any) -> Callable[[dict[str, Any]], object]:
        return lambda content: content["rest_api"]["client"].update(words)

    token = {"type": "bearer", "token": "abc-123-secret"}
    message = declared(client(auth=token))
    assert "rest_api.client.auth.token: expected {env: NAME}" in message
    assert "abc-123" not in message
    message = declared(client(paginator={"type": "curser"}))
    assert "client.paginator.type: expected one of json_link, " in message
    message = declared(client(paginator={"type": "cursor", "cursor_parm": "x"}))
    assert "client.paginator.cursor_parm: expected an argument of cursor" in message
    message = declared(client(auth={"type": "bearer", "tokn": {"env": "SHOP_TOKEN"}}))
    assert (
        "client.auth.tokn: expected an argument of bearer, which has token" in message
    )
    assert "http://shop.example" in declared(client(base_url="http://shop.example"))


def test_an_unset_variable_and_a_plain_install(shop: Shop, tmp_path: Path) -> None:
    shop.declare(CURSOR)
    with pytest.raises(Misuse, match="SHOP_TOKEN is not set"):
        shop.copy(SHOP_TOKEN="")
    # A module that hides dlt, as an installation without the extra has none.
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden/dlt.py").write_text(
        "raise ModuleNotFoundError('No module named dlt', name='dlt')"
    )
    done = shop.extract(PYTHONPATH=tmp_path / "hidden")
    assert done.returncode == 2
    assert "needs dlt: pip install 'partner-feeds[sources]'" in done.stderr


def test_extract_imports_dlt_only_for_a_declared_source() -> None:
    program = (
        "import sys, extract.__main__\n"
        "print(*sorted({'dlt', 'sqlalchemy', 'fsspec', 'paramiko'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True,
        check=True, env={**os.environ},
    )  # fmt: skip
    assert done.stdout == "\n"
