"""`extract NAME` of a declared database, against a real PostgreSQL."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from declared_project import DeclaredProject

from extract.declared import database
from runtime.exits import Misuse, Refused, Temporary

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
TABLE = """
create type fate as enum ('new', 'used');
create table parts (
    id bigint primary key, "Part No" text, price numeric, weight double precision,
    active boolean, made timestamp, sold timestamptz, day date, tags text[],
    data json, raw bytea, state fate, padded char(5), odd numeric
);
insert into parts values
    (1, '007', 12.30, 1e-7, true, '2026-01-15 06:10:00.123456',
     '2026-01-15 06:10:00+02', '2026-02-01', '{a,"b,c"}',
     '{"n": 1.10, "big": 12345678901234567890}', '\\x00ff', 'used', 'ab', 'NaN'),
    (9007199254740993, null, 12345678901234567890123456789.0123456789, 0.1, false,
     null, null, null, null, null, null, null, null, null);
create view dear as select id, price from parts where price > 100;
"""
COLUMNS = {
    "id": {"data_type": "bigint", "nullable": False},
    "Part No": {},
    "price": {"data_type": "decimal"},
    "weight": {"data_type": "double"},
    "active": {"data_type": "bool"},
    "made": {"data_type": "timestamp"},
    "sold": {"data_type": "timestamp"},
    "day": {"data_type": "date"},
    "tags": {"data_type": "json"},
    "data": {"data_type": "json"},
    "raw": {"data_type": "binary"},
    "state": {},
    "padded": {},
    "odd": {"data_type": "decimal"},
}


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """The folder of the server's socket; its user is postgres, without a password."""
    if not PROGRAMS:
        if os.environ.get("FEEDS_REQUIRE_READERS") == "1":
            pytest.fail("PostgreSQL is not there")
        pytest.skip("PostgreSQL is not there")
    # It refuses to run as root, and may not enter the folders of pytest.
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="shop") as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, user)

        def run(program: str, *words: object) -> None:
            subprocess.run(
                [PROGRAMS[-1] / program, *map(str, words)], check=True, user=user,
                extra_groups=[] if user else None, cwd=folder,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

        data = folder / "db"
        run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "-N")
        options = f"-F -c listen_addresses= -c unix_socket_directories={folder}"
        run("pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start")
        try:
            with psycopg.connect(f"host={folder} user=postgres") as connection:
                connection.execute(TABLE)
            yield folder
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


@pytest.fixture
def shop(tmp_path: Path, server: Path) -> DeclaredProject:
    """A project that declares the table and the view."""
    url = f"postgresql+psycopg://postgres:s3cret-of-db@/postgres?host={server}"
    project = DeclaredProject(tmp_path, SHOP_DB_URL=url)
    declare(project)
    return project


def declare(project: DeclaredProject, **changes: Any) -> None:
    parts = {
        "name": "parts",
        "primary_key": "id",
        "columns": COLUMNS,
        "complete": {"count": True},
        **changes,
    }
    dear = {
        "name": "expensive",
        "table": "dear",
        "primary_key": "id",
        "columns": {"id": {"data_type": "bigint"}, "price": {"data_type": "decimal"}},
        "complete": {"count": True},
    }
    parts = {name: value for name, value in parts.items() if value is not None}
    declaration = {
        "credentials": {"env": "SHOP_DB_URL"},
        "schema": "public",
        "chunk_size": 1,
        "resources": [parts, dear],
    }
    project.write({"sql_database": declaration})


def test_every_type_is_landed_to_the_last_digit(shop: DeclaredProject) -> None:
    done = shop.extract()
    assert done.returncode == 0, done.stderr
    assert "shop: 2 parts, 1 expensive; " in done.stdout
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    one, other = shop.rows(names)
    assert one == (
        1, "007", "12.30", "1e-07", True, "2026-01-15T06:10:00.123456",
        "2026-01-15T04:10:00+00:00", "2026-02-01", '["a","b,c"]',
        '{"n": 1.10, "big": 12345678901234567890}', "\\x00ff", "used", "ab   ", '"NaN"',
    )  # fmt: skip
    assert other[:5] == (
        9007199254740993, None, "12345678901234567890123456789.0123456789", "0.1", False
    )  # fmt: skip
    assert shop.rows("id", "expensive") == [(9007199254740993,)]
    entity = shop.report["entities"]["parts"]
    assert (entity["proof"], entity["count_after"], entity["pages"]) == ("count", 2, 2)
    assert (entity["unrecognised"], entity["absent"]) == ({}, [])
    texts = [done.stderr, *(path.read_text() for path in shop.data.rglob("*.json"))]
    assert not any("s3cret-of-db" in text for text in texts)
    assert shop.check()["unproven"] == []


def test_all_tables_are_of_one_moment(
    shop: DeclaredProject, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody adds a part between the two tables."""
    settle = database.Database.settle

    def slow(self: Any, entity: Any, *words: Any) -> Any:
        if entity.name == "expensive":
            with psycopg.connect(f"host={server} user=postgres") as connection:
                connection.execute("insert into parts (id, price) values (5, 500)")
        return settle(self, entity, *words)

    monkeypatch.setattr(database.Database, "settle", slow)
    try:
        shop.copy()
        assert len(shop.rows("id")) == 2
        assert len(shop.rows("id", "expensive")) == 1
        monkeypatch.undo()
        shop.copy()
        assert len(shop.rows("id")) == 3
        assert len(shop.rows("id", "expensive")) == 2
    finally:
        with psycopg.connect(f"host={server} user=postgres") as connection:
            connection.execute("delete from parts where id = 5")


def test_columns_that_come_and_go_are_drift(
    shop: DeclaredProject, caplog: pytest.LogCaptureFixture
) -> None:
    few = {name: COLUMNS[name] for name in ("id", "price")}
    colour: dict[str, Any] = {"colour": {}}
    names = ["id", "price", "day"]
    declare(shop, columns=few | colour, included_columns=names, complete=None)
    shop.copy()
    entity = shop.report["entities"]["parts"]
    assert entity["unrecognised"] == {"day": 2}
    assert entity["absent"] == ["colour"]
    assert (entity["proof"], entity["count_after"]) == (None, None)
    assert shop.rows("_unrecognised")[0] == ('{"day":"2026-02-01"}',)
    assert "drift" in caplog.messages


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"table": "none"}, Misuse, 'relation "public.none" does not exist'),
        ({"included_columns": ["id", "none"]}, Misuse, 'column "none" does not exist'),
        ({"primary_key": "state"}, Refused, 'have no "state", which is their key'),
        (
            {"columns": COLUMNS | {"Part No": {"nullable": False}}},
            Refused,
            "expected a value of Part No in each record, .* found none in 1",
        ),
        (
            {"columns": COLUMNS | {"price": {"data_type": "bigint"}}},
            Refused,
            "price has another type: expected a whole number, found 12.3",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    shop: DeclaredProject, change: dict[str, Any], kind: type[Exception], words: str
) -> None:
    declare(shop, **change)
    with pytest.raises(kind, match=words):
        shop.copy()
    assert not (shop.data / "landing/current").exists()


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda url: url.replace("postgres:", "nobody:"), Misuse, "nobody"),
        (lambda url: url.replace("host=", "host=/none"), Temporary, "not available"),
        (lambda url: "postgres", Misuse, "SHOP_DB_URL: expected an address such as"),
        (
            lambda url: "sqlite:///x.db",
            Misuse,
            r"SHOP_DB_URL: expected postgresql\+psycopg://, found sqlite",
        ),
    ],
)
def test_a_wrong_address_is_explained(
    shop: DeclaredProject,
    change: Callable[[str], str],
    kind: type[Exception],
    words: str,
) -> None:
    with pytest.raises(kind, match=words) as caught:
        shop.copy(SHOP_DB_URL=change(str(shop.env["SHOP_DB_URL"])))
    assert "s3cret-of-db" not in str(caught.value)
