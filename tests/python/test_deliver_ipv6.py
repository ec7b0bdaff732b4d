"""A server that is reached by IPv6 alone: data ports are asked for by EPSV."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import clean_environment
from delivering import CONTENT, ignore

from publish.deliver import Destination, connect
from runtime.environment import Environment
from sandbox import certificates

_SERVER = """
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer
TLS_FTPHandler.certfile, folder = sys.argv[1:]
TLS_FTPHandler.tls_control_required = TLS_FTPHandler.tls_data_required = True
TLS_FTPHandler.authorizer = DummyAuthorizer()
TLS_FTPHandler.authorizer.add_user("feeds", "pass-of-tests", folder, perm="elradfmw")
server = FTPServer(("::1", 0), TLS_FTPHandler)
print(server.address[1], flush=True)
server.serve_forever()
"""


@contextmanager
def serving(shown: certificates.Certificates, folder: Path) -> Iterator[int]:
    words = [sys.executable, "-W", "ignore", "-c", _SERVER, shown.server_file, folder]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=clean_environment(),
    ) as child:  # fmt: skip
        assert child.stdout is not None
        try:
            yield int(child.stdout.readline())
        finally:
            child.kill()


def test_a_file_arrives_by_ipv6(tmp_path: Path) -> None:
    if not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    shown = certificates.make(tmp_path)
    folder, source = tmp_path / "partner", tmp_path / "source"
    folder.mkdir()
    source.write_bytes(CONTENT)
    with serving(shown, folder) as port:
        variables = {
            "DEST_ONPART_URL": f"ftps://feeds@[::1]:{port}",
            "DEST_ONPART_PASSWORD": "pass-of-tests",
            "DEST_ONPART_CA_FILE": str(shown.ca_file),
        }
        to = Destination.of(Environment(variables), "onpart")
        connection = connect(to, "")
        connection.put(source, "x", ignore)
        assert connection.size("x") == len(CONTENT)
        assert connection.list() == ["x"]
        assert connection.facts()["server"] == f"ftps://[::1]:{port}"
        assert connection.facts()["certificate_checked"] is True
        connection.close()
    assert (folder / "x").read_bytes() == CONTENT


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
