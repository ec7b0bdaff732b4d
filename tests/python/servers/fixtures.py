"""The fixture `server`: start servers for one test, end them with it."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

import servers
from servers import others

Start = Callable[..., servers.Server]


@pytest.fixture
def server() -> Iterator[Start]:
    """`server(kind, **options)` starts one; see `servers.Options`."""
    with ExitStack() as running:

        def start(kind: str, **options: object) -> servers.Server:
            try:
                return running.enter_context(servers.start(kind, **options))
            except servers.UnavailableError as lacking:
                required = os.environ.get("FEEDS_REQUIRE_SERVERS") in (
                    ("all",) if kind in others.KINDS else ("1", "all")
                )
                if required and not isinstance(lacking, servers.ForbiddenError):
                    pytest.fail(f"FEEDS_REQUIRE_SERVERS is set, but {lacking}")
                pytest.skip(str(lacking))

        yield start
