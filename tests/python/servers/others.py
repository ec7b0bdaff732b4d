"""Little-used servers; `make servers` installs those that CI does not have."""

import json
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from servers import machine, openssh, proftpd, trust
from servers.options import Kind
from servers.server import Server

_TESTS = Path(__file__).parents[2]
_INSTALLED = _TESTS.parent / ".venv/servers"
_SERVE = _TESTS / "servers"
Command = tuple[list[str | Path], dict[str, str]]


def _installed(file: str) -> Path:
    path = _INSTALLED / file
    if not path.exists():
        raise machine.UnavailableError(
            f"expected {path}, found none. Run make servers."
        )
    return path


def _given(server: Server, **more: object) -> Path:
    """Write what a server of tests/servers reads."""
    given = {
        "port": server.port,
        "mode": server.mode,
        "folder": str(server.folder),
        "user": server.user,
        "password": server.password,
        "certificate": str(server.shown),
        "modules": str(_INSTALLED / "node_modules"),
        "host_key": str(trust.host_key(server)) if server.mode == "sftp" else "",
    }
    file = server.place / "given.json"
    file.touch(0o600)
    file.write_text(json.dumps({**given, **more}))
    return file


def _pypi(name: str) -> Callable[[Server], Command]:
    def command(server: Server) -> Command:
        python = _installed("bin/python")
        return [python, "-W", "ignore", _SERVE / "serve.py", name, _given(server)], {}

    return command


def _npm(name: str) -> Callable[[Server], Command]:
    def command(server: Server) -> Command:
        _installed(f"node_modules/{name}")
        return ["node", "--no-warnings", _SERVE / "serve.cjs", name, _given(server)], {}

    return command


def _conch(server: Server) -> Command:
    """For users of the system."""
    machine.need_root("Conch")
    words, _ = _pypi("conch")(server)
    who = server.place, server.user, server.password, server.folder
    return words, machine.account(*who)


def _copyparty(server: Server) -> Command:
    python = _installed("bin/python")
    # Beside its web server, which always runs.
    web, reserved = machine.reserve_port()
    reserved.close()
    words = [
        *(python, "-W", "ignore", "-m", "copyparty", "-q", "-i", "127.0.0.1"),
        *("-p", str(web), "--no-crt", "--rw-edit", "", "--cert", server.shown),
        *("-a", f"{server.user}:{server.password}"),
        *("-v", f"{server.folder}::A,{server.user}"),
    ]
    if server.mode == "sftp":
        keys = server.place / "keys"
        keys.mkdir(exist_ok=True)
        shutil.copy(trust.host_key(server), keys / "ssh_host_ed25519_key")
        trust.ssh_key(keys / "ssh_host_rsa_key", "rsa")
        words += ["--sftp", str(server.port), "--sftp-pw", "--sftp-hostk", keys]
    else:
        words += ["--ftp" if server.mode == "plain" else "--ftps", str(server.port)]
    return words, {"XDG_CONFIG_HOME": str(server.place), "HOME": str(server.place)}


def _mod_sftp(server: Server) -> Command:
    """ProFTPD with an SSH port in place of FTP."""
    words, environment = proftpd.KIND.command(server)
    key = trust.host_key(server)
    file = Path(words[-1])
    lines = [
        file.read_text().replace("LoadModule mod_tls.c\n", ""),
        "LoadModule mod_sftp.c",
        "SFTPEngine on",
        f"SFTPHostKey {key}",
        f"SFTPLog {server.place}/sftp.log",
    ]
    file.write_text(re.sub("(?m)^TLS.*\n", "", "\n".join(lines)) + "\n")
    return words, environment


def _mysecureshell(server: Server) -> Command:
    """In the user's home it looks for its configuration, which it has in /etc."""
    content = machine.program("usr/bin/mysecureshell").read_bytes()
    path = b"/etc/ssh/sftp_config"
    patched = server.place / "mysecureshell"
    patched.write_bytes(content.replace(path, b"./sftp_config".ljust(len(path), b"\0")))
    patched.chmod(0o755)
    settings = machine.program("etc/ssh/sftp_config").read_text()
    home = f"Home\t{server.place}/home\n\tLogFile\t{server.log}.sftp\n\t#"
    (server.place / "home").symlink_to(server.folder)
    (server.place / "sftp_config").write_text(
        re.sub(r"(?m)Home\s+/home/", home, settings)
    )
    return _by_sshd(server, str(patched), "-c", "sftp-server", home=server.place)


def _perl(server: Server) -> Command:
    """Net::SFTP::SftpServer serves a folder that has the user's name."""
    (server.place / server.user).symlink_to(server.folder)
    library = machine.program("usr/share/perl5/Net/SFTP/SftpServer.pm").parents[2]
    script = server.place / "server.pl"
    script.write_text(
        "use Net::SFTP::SftpServer;\n"
        f"Net::SFTP::SftpServer->new(home => '{server.place}')->run();\n"
    )
    return _by_sshd(server, "perl", f"-I{library}", str(script))


def _by_sshd(server: Server, *words: str, home: Path | None = None) -> Command:
    """Run sshd with another SFTP server, which must know the user too."""
    who = server.user, server.password, home or server.folder
    known = machine.account(server.place, *who)
    known["LD_LIBRARY_PATH"] = machine.libraries()
    pairs = [f"{name}={text}" for name, text in known.items()]
    return openssh.run(server, ["env", *pairs, *words], home)


def _inetutils(server: Server) -> Command:
    """Its own listener knows port 21 alone."""
    machine.need_root("inetutils-ftpd")
    program = machine.program("usr/sbin/ftpd")
    python = _installed("bin/python")
    given = _given(server, command=[str(program), "-a", "default"])
    who = server.place, server.user, server.password, server.folder
    return [python, _SERVE / "serve.py", "inetd", given], {
        "LD_LIBRARY_PATH": machine.libraries(),
        **machine.account(*who),
    }


def _rclone(server: Server) -> Command:
    program = machine.program("usr/bin/rclone")
    words: list[str | Path] = [
        *(program, "serve", "sftp", server.folder, "--config", ""),
        *("--addr", f"127.0.0.1:{server.port}", "--key", trust.host_key(server)),
        *("--user", server.user, "--cache-dir", server.place / "cache"),
        *("--vfs-cache-mode", "writes" if server.options.cache else "off"),
    ]
    return words, {"RCLONE_PASS": server.password}


def _kind(
    modes: Iterable[str], command: Callable[[Server], Command], *policies: str
) -> Kind:
    # Their logs are not read.
    return Kind(tuple(modes), frozenset(policies), re.compile("(?!)"), command)


KINDS = {
    "aioftp": _kind(["plain", "implicit"], _pypi("aioftp")),
    "asyncssh": _kind(["sftp"], _pypi("asyncssh")),
    "conch": _kind(["sftp"], _conch),
    "copyparty": _kind(["explicit", "plain", "sftp"], _copyparty),
    "ftp-srv": _kind(["explicit", "implicit", "plain"], _npm("ftp-srv")),
    "ftpd": _kind(["plain"], _npm("ftpd")),
    "inetutils": _kind(["plain"], _inetutils),
    "mod_sftp": _kind(["sftp"], _mod_sftp),
    "mysecureshell": _kind(["sftp"], _mysecureshell),
    "perl": _kind(["sftp"], _perl),
    "rclone": _kind(["sftp"], _rclone, "cache"),
    "simple-ftpd": _kind(["plain"], _npm("simple-ftpd")),
    "ssh2": _kind(["sftp"], _npm("ssh2")),
    "twisted-ftp": _kind(["plain"], _pypi("twisted_ftp")),
}
