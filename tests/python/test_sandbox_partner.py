"""The stand-in partner, over real sockets."""

import ftplib
import io
import socket
import ssl

import pytest

from sandbox import partner


@pytest.fixture
def server(tmp_path):
    with partner.serve(tmp_path / "inbox") as running:
        yield running


def connected(server, host="localhost"):
    context = ssl.create_default_context(cafile=str(server.ca_file))
    ftp = ftplib.FTP_TLS(context=context, timeout=10)
    ftp.connect(host, server.port)
    return ftp


def test_a_delivery_leaves_its_file_and_its_commands(server):
    content = bytes(range(256)) * 4096
    with connected(server) as ftp:
        ftp.login(server.user, server.password)
        ftp.prot_p()
        ftp.storbinary("STOR feed.csv.part", io.BytesIO(content))
        assert ftp.size("feed.csv.part") == len(content)
        ftp.rename("feed.csv.part", "feed.csv")
    assert [path.name for path in server.folder.iterdir()] == ["feed.csv"]
    assert (server.folder / "feed.csv").read_bytes() == content
    commands = [
        line for line in server.commands if line[:4] in ("STOR", "SIZE", "RNFR", "RNTO")
    ]
    assert commands == [
        "STOR feed.csv.part",
        "SIZE feed.csv.part",
        "RNFR feed.csv.part",
        "RNTO feed.csv",
    ]
    assert "PASS *" in server.commands
    assert server.password not in " ".join(server.commands)


def test_tls_is_required(server):
    with ftplib.FTP(timeout=10) as plain:
        plain.connect("localhost", server.port)
        with pytest.raises(ftplib.error_perm, match="550 SSL/TLS required on the con"):
            plain.login(server.user, server.password)
    with connected(server) as ftp:
        ftp.login(server.user, server.password)
        with pytest.raises(ftplib.error_perm, match="550 SSL/TLS required on the data"):
            ftp.storbinary("STOR feed.csv", io.BytesIO(b"x"))


def test_a_wrong_password_is_refused(server):
    with connected(server) as ftp, pytest.raises(ftplib.error_perm, match="530"):
        ftp.login(server.user, "wrong")


def test_the_certificate_is_of_its_own_authority(server):
    stranger = ftplib.FTP_TLS(context=ssl.create_default_context(), timeout=10)
    stranger.connect("localhost", server.port)
    with pytest.raises(ssl.SSLCertVerificationError):
        stranger.auth()
    stranger.close()
    for host in ("localhost", "127.0.0.1"):
        with connected(server, host) as ftp:
            ftp.auth()


def test_the_port_is_free_again(tmp_path):
    with partner.serve(tmp_path) as server:
        idle = socket.create_connection(("127.0.0.1", server.port))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))
    idle.close()
    with partner.serve(tmp_path, server.port) as again:
        assert again.port == server.port
        assert again.variables("OTHER") == {
            "DEST_OTHER_URL": f"ftps://feeds@localhost:{again.port}",
            "DEST_OTHER_PASSWORD": again.password,
            "DEST_OTHER_CA_FILE": str(again.ca_file),
        }
