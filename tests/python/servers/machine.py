"""What the servers need from this machine: programs, users, ports, small disks."""

import ctypes
import errno
import os
import random
import secrets
import socket
import subprocess
import sys
from pathlib import Path

ROOT = os.geteuid() == 0
# Nobody's own: servers started by root write as this user, made up for the tests.
UID = 64_999 if ROOT else os.geteuid()
GID = 64_999 if ROOT else os.getegid()
# Ports that the kernel gives to nobody else: below its range for outgoing connections.
_PORTS = range(20_000, 32_000)


class UnavailableError(Exception):
    """This machine lacks what a server needs; the text says what, and what to do."""


class ForbiddenError(UnavailableError):
    """This machine forbids what a server needs, and no package would change that."""


def unpacked() -> Path:
    """The folder that `.ci/servers` fills."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    named = os.environ.get("FEEDS_SERVERS") or Path(cache) / "partner-feeds-servers"
    return Path(named) / "root"


def program(path: str) -> Path:
    """A file of the unpacked packages, as `usr/sbin/vsftpd`."""
    file = unpacked() / path
    if not file.exists():
        raise UnavailableError(f"expected {file}, found none. Run .ci/servers.")
    return file


def libraries() -> str:
    """What LD_LIBRARY_PATH must be for unpacked programs."""
    triplet = f"{os.uname().machine}-linux-gnu"
    root = unpacked()
    return f"{root}/usr/lib/{triplet}:{root}/lib/{triplet}"


def need_root(kind: str) -> None:
    if not ROOT:
        raise ForbiddenError(f"{kind} runs only as root. Run the tests as root.")


def need_capabilities(kind: str, **bits: int) -> None:
    """Of root's rights, these: a container may have been given fewer."""
    status = Path("/proc/self/status").read_text()
    held = int(status.partition("CapEff:")[2].split()[0], 16)
    if lacking := [name for name, bit in bits.items() if not held >> bit & 1]:
        raise ForbiddenError(
            f"{kind} needs {', '.join(lacking)}. Start the container with --cap-add."
        )


def reserve_port() -> tuple[int, socket.socket]:
    """Return a port that nobody listens on, and a socket that reserves it.

    The reservation ends with this process, or when the socket is closed.
    """
    while True:
        port = random.choice(_PORTS)
        reserved = socket.socket(socket.AF_UNIX)
        try:
            reserved.bind(f"\0partner-feeds-port-{port}")
            socket.create_server(("127.0.0.1", port)).close()
            if socket.has_ipv6:
                socket.create_server(("::1", port), family=socket.AF_INET6).close()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                reserved.close()
                continue
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):  # no IPv6
                raise
        return port, reserved


def hashed(password: str) -> str:
    """The password as /etc/shadow would hold it, cheap to check."""
    # crypt() answers in one buffer for all threads: PyDLL keeps the others waiting.
    crypt = ctypes.PyDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    salt = f"$6$rounds=1000${secrets.token_hex(8)}$"
    field: bytes = crypt(password.encode(), salt.encode())
    return field.decode()


def account(place: Path, user: str, password: str, home: Path) -> dict[str, str]:
    """Make an account; return the environment in which a server knows it.

    It needs neither /etc/passwd nor root: nss_wrapper replaces the C library's lookup.
    """
    library = next(unpacked().glob("usr/lib/*/libnss_wrapper.so"), None)
    if library is None:
        program("usr/lib/libnss_wrapper.so")
    others = [("root", 0, 0), ("sshd", 64_998, 65_534), ("nobody", 65_534, 65_534)]
    # The hash stands here, where PAM looks before it asks for a shadow file.
    mine = f"{user}:{hashed(password)}:{UID}:{GID}::{home}:/bin/sh"
    files = {
        "PASSWD": [
            *(f"{name}:x:{uid}:{gid}::/:/bin/sh" for name, uid, gid in others),
            mine,
        ],
        "GROUP": ["root:x:0:", "nogroup:x:65534:", f"{user}:x:{GID}:"],
    }
    for name, lines in files.items():
        (place / name.lower()).write_text("\n".join(lines) + "\n")
    paths = {f"NSS_WRAPPER_{name}": str(place / name.lower()) for name in files}
    return {"LD_PRELOAD": str(library), **paths}


def small_disk(folder: Path, size: int) -> list[str]:
    """Limit `folder` to `size` bytes; return words to put before the server's command.

    Where mounting is allowed it becomes a file system in memory. Else, as in most
    containers, the size of each file is limited: a server's write fails the same way.
    """
    what = f"size={size},mode=755,uid={UID},gid={GID}"
    ran = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", what, "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if ran.returncode == 0:
        return []
    return ["env", "--ignore-signal=XFSZ", "prlimit", f"--fsize={size}"]


def unmount(folder: Path) -> None:
    if folder.is_mount():
        subprocess.run(["umount", "--lazy", folder], check=True)


def tls_limit(place: Path, newest: str) -> dict[str, str]:
    """Return the environment that limits a server's OpenSSL to this TLS version."""
    file = place / "openssl.cnf"
    file.write_text(
        "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = limit\n"
        f"[limit]\nMinProtocol = TLSv1.2\nMaxProtocol = TLSv{newest}\n"
    )
    return {"OPENSSL_CONF": str(file)}


def python() -> list[str]:
    """A Python that finds this package."""
    return ["env", f"PYTHONPATH={Path(__file__).parents[1]}", sys.executable]
