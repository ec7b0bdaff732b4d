"""Sources behind a real proxy: proxy.py, in a process of its own. No .netrc counts."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Command

from monitor.alerts.channels import post
from monitor.alerts.settings import Webhook
from runtime.environment import Environment, Secret
from runtime.exits import Misuse
from runtime.http import Proxy
from sandbox import order_tool

TERM = {
    "sis_term_id": "FA26",
    "name": "Fall",
    "ordering_opens_at": "2026-01-01T00:00:00Z",
    "ordering_closes_at": "2026-12-01T00:00:00Z",
    "is_archived": False,
}


@dataclass(frozen=True)
class Running:
    """A running proxy, and the file with a line for each connection."""

    port: int
    log: Path

    def connections(self) -> int:
        return self.log.read_text().count("CONNECT localhost:")


@contextmanager
def proxy(folder: Path, *words: str) -> Iterator[Running]:
    """Run proxy.py with more words of its command line."""
    port, log = folder / "port", folder / "proxy.log"
    command = [
        sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", "0",
        "--port-file", str(port), "--log-file", str(log), "--num-workers", "1",
        "--num-acceptors", "1", "--data-dir", str(folder / "state"), *words,
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=folder) as process:
        try:
            while not (port.exists() and port.read_text().strip()):
                assert process.poll() is None
                time.sleep(0.05)
            yield Running(int(port.read_text()), log)
        finally:
            process.terminate()


@pytest.fixture
def server() -> Iterator[order_tool.Server]:
    with order_tool.serve({"terms": [TERM], "orders": []}) as running:
        yield running


def test_a_source_is_read_through_the_proxy_and_only_if_we_say_so(
    server: order_tool.Server, data: Path, tmp_path: Path, command: Command
) -> None:
    with proxy(tmp_path) as running:
        address = f"http://127.0.0.1:{running.port}"
        env = {**server.variables, "FEEDS_DATA": data}
        done = command("extract", env={**env, "HTTPS_PROXY": "http://127.0.0.1:9"})
        assert done.returncode == 0, done.stderr
        done = command(
            "extract",
            env={
                **env,
                "FEEDS_HTTP_PROXY": address,
                "FEEDS_HTTP_NO_PROXY": "example.com, localhost",
            },
        )
        assert done.returncode == 0, done.stderr
        assert not running.connections()
        done = command("extract", env={**env, "FEEDS_HTTP_PROXY": address})
        assert done.returncode == 0, done.stderr
        time.sleep(1)
        assert running.connections()


def test_credentials_of_a_netrc_are_not_sent(
    server: order_tool.Server, data: Path, tmp_path: Path, command: Command
) -> None:
    """They would replace ours, and the source would refuse them."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine localhost login somebody password else\n")
    netrc.chmod(0o600)
    env = {**server.variables, "FEEDS_DATA": data}
    done = command("extract", env={**env, "HOME": tmp_path, "NETRC": netrc})
    assert done.returncode == 0, done.stderr


def test_a_proxy_that_asks_for_a_password_gets_it(
    server: order_tool.Server, data: Path, tmp_path: Path, command: Command
) -> None:
    with proxy(tmp_path, "--basic-auth", "user:pa/ss") as running:
        env = {**server.variables, "FEEDS_DATA": data}
        right = f"http://user:pa%2Fss@127.0.0.1:{running.port}"
        done = command("extract", env={**env, "FEEDS_HTTP_PROXY": right})
        assert done.returncode == 0, done.stderr
        wrong = f"http://user:other@127.0.0.1:{running.port}"
        done = command("extract", env={**env, "FEEDS_HTTP_PROXY": wrong})
        assert done.returncode == 2
        assert "Check user and password in FEEDS_HTTP_PROXY" in done.stderr
        assert "other" not in done.stderr


def test_a_proxy_that_is_down_is_temporary(
    server: order_tool.Server, data: Path, command: Command
) -> None:
    env = {
        **server.variables,
        "FEEDS_DATA": data,
        "FEEDS_HTTP_PROXY": "http://127.0.0.1:9",
        "FEEDS_HTTP_ATTEMPTS": 2,
    }
    done = command("extract", env=env)
    assert done.returncode == 75
    assert "the proxy of FEEDS_HTTP_PROXY failed" in done.stderr


def test_a_webhook_is_sent_through_the_proxy(
    server: order_tool.Server, tmp_path: Path
) -> None:
    with proxy(tmp_path) as running:
        to = Webhook(
            Secret(f"{server.url}/terms"),
            Secret(server.token),
            server.ca_file,
            Proxy(Secret(f"http://127.0.0.1:{running.port}")),
        )
        with pytest.raises(Exception, match="405"):
            post(to, {"text": "a"}, 5)
        time.sleep(1)
        assert running.connections()


@pytest.mark.parametrize(
    "url", ["proxy:3128", "socks5://proxy:1080", "http://proxy", "http://proxy:port"]
)
def test_an_address_that_is_no_proxy_is_refused(url: str) -> None:
    with pytest.raises(Misuse, match="FEEDS_HTTP_PROXY: expected the address"):
        Proxy.from_environment(Environment({"FEEDS_HTTP_PROXY": url}))
