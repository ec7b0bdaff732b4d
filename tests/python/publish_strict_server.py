"""A scripted FTPS server that insists on TLS session reuse, as vsftpd does by default.

`python publish_strict_server.py CERTIFICATE ROOT TLS` writes its port, serves one
client after another and stores what it is sent.
"""

import socket
import ssl
import sys
from pathlib import Path

_FIXED = {
    "USER": "331 password",
    "PASS": "230 in",
    "FEAT": "211-Features\r\n SIZE\r\n211 End",
    "RNFR": "350 to?",
    "RNTO": "250 renamed",
}


def serve(listener: socket.socket, context: ssl.SSLContext, root: Path) -> None:
    plain, _ = listener.accept()
    plain.sendall(b"220 strict\r\n")
    assert plain.recv(99).startswith(b"AUTH TLS")
    plain.sendall(b"234 go\r\n")
    control = context.wrap_socket(plain, server_side=True)
    lines = control.makefile("r", newline="\r\n")
    passive = socket.create_server(("127.0.0.1", 0))
    old = ""
    for line in lines:
        word, _, rest = line.strip().partition(" ")
        path = root / rest
        reply = _FIXED.get(word, "200 ok")
        if word == "PASV":
            high, low = divmod(passive.getsockname()[1], 256)
            reply = f"227 Entering (127,0,0,1,{high},{low})"
        elif word == "SIZE":
            size = path.stat().st_size if path.exists() else None
            reply = "550 none" if size is None else f"213 {size}"
        elif word == "RNFR":
            old = rest
        elif word == "RNTO":
            (root / old).rename(path)
        elif word == "STOR":
            control.sendall(b"150 send\r\n")
            reply = store(passive, context, path)
        elif word == "QUIT":
            return
        control.sendall(reply.encode() + b"\r\n")


def store(passive: socket.socket, context: ssl.SSLContext, path: Path) -> str:
    plain, _ = passive.accept()
    data = context.wrap_socket(plain, server_side=True)
    if not data.session_reused:
        data.close()
        return "522 SSL connection failed: session reuse required"
    content = b""
    while block := data.recv(65536):
        content += block
    path.write_bytes(content)
    data.unwrap().close()
    return "226 stored"


def main() -> None:
    certificate, root, version = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    while True:
        try:
            serve(listener, context, Path(root))
        except OSError as error:
            sys.stderr.write(f"{error}\n")


if __name__ == "__main__":
    main()
