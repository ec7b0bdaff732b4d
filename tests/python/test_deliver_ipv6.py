"""A server with IPv6 only: the client asks for data ports by EPSV."""

import socket
from pathlib import Path

import pytest
from delivering import CONTENT, ignore, serving

from publish.transport import Destination, connect
from runtime.environment import Environment
from sandbox import certificates


def test_a_file_arrives_by_ipv6(tmp_path: Path) -> None:
    if not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    shown = certificates.make(tmp_path)
    folder, source = tmp_path / "partner", tmp_path / "source"
    folder.mkdir()
    source.write_bytes(CONTENT)
    with serving(shown, folder, "::1") as port:
        variables = {
            "DEST_ONPART_URL": f"ftps://feeds@[::1]:{port}",
            "DEST_ONPART_PASSWORD": "pass-of-tests",
            "DEST_ONPART_CA_FILE": str(shown.ca_file),
        }
        to = Destination.read(Environment(variables), "onpart")
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
