"""OpenSSH's sshd, for SFTP alone, with a password or a key, and an account made up."""

import re
import shutil
from pathlib import Path

from servers import machine, trust
from servers.options import Kind
from servers.server import Server


def _command(server: Server) -> tuple[list[str | Path], dict[str, str]]:
    options = server.options
    words = ["internal-sftp", "-l", "VERBOSE"]
    if not options.replace:
        words += ["-P", "posix-rename"]
    if not options.rename:
        words += ["-P", "rename,posix-rename"]
    if options.read_only:
        words += ["-R"]
    if options.out_of_order:
        # The user must be able to read it.
        source = machine.program("usr/libexec/gesftpserver")
        words = [str(shutil.copy(source, server.place))]
    return run(server, words)


def run(
    server: Server, words: list[str], home: Path | None = None
) -> tuple[list[str | Path], dict[str, str]]:
    """Run sshd with a command in place of its own SFTP server."""
    program, options, place = (
        machine.program("usr/sbin/sshd"), server.options, server.place
    )  # fmt: skip
    if machine.ROOT:
        # Compiled in: it changes into this empty folder before it reads from a client.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    if not server.key_file.exists():
        trust.host_key(server)
    lines = [
        f"Port {server.port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {place}/host_key",
        f"PidFile {place}/pid",
        f"AuthorizedKeysFile {server.key_file}.pub",
        "StrictModes no",
        "UsePAM no",
        "UseDNS no",
        "LogLevel VERBOSE",
        "Subsystem sftp internal-sftp",
        f"ForceCommand {' '.join(words)}",
        *([f"HostKeyAlgorithms {options.host_key}"] if options.host_key else []),
        *([f"KexAlgorithms {options.kex}"] if options.kex else []),
        *_split_programs(),
    ]
    (place / "sshd_config").write_text("\n".join(lines) + "\n")
    return [program, "-D", "-f", place / "sshd_config", "-E", server.log], {
        "LD_LIBRARY_PATH": machine.libraries(),
        **machine.account(place, server.user, server.password, home or server.folder),
    }


def _split_programs() -> list[str]:
    """Newer versions run parts of themselves, from compiled-in paths."""
    parts = {"SshdSessionPath": "sshd-session", "SshdAuthPath": "sshd-auth"}
    paths = {k: machine.unpacked() / "usr/lib/openssh" / v for k, v in parts.items()}
    return [f"{name} {path}" for name, path in paths.items() if path.exists()]


KIND = Kind(
    ("sftp",),
    frozenset({"replace", "rename", "kex", "host_key", "out_of_order"}),
    re.compile(r"(Accepted) \w+ for feeds|Failed (?!none)\w+ for "),
    _command,
)
