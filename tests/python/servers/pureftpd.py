"""Pure-FTPd: no session reuse, no implicit TLS, and reasons of its own for 451.

It logs to syslog alone, which a container lacks; so logins go through its external
authentication, which writes them down.
"""

import re
import shlex
from pathlib import Path

from servers import machine
from servers.options import Kind
from servers.server import Server

_AUTHENTICATE = """#!/bin/sh
end() {{ echo "login $1 $AUTHD_ACCOUNT" >>{log}; echo "$2"; echo end; exit; }}
[ "$AUTHD_ACCOUNT" = {user} ] && [ "$AUTHD_PASSWORD" = {password} ] ||
    end failed auth_ok:-1
printf 'uid:%s\\ngid:%s\\ndir:%s\\n' {uid} {gid} {folder}
{quota}
end ok auth_ok:1
"""


def _command(server: Server) -> tuple[list[str | Path], dict[str, str]]:
    machine.need_root("Pure-FTPd")
    machine.need_capabilities("Pure-FTPd", DAC_READ_SEARCH=2, SYS_NICE=23)
    program, options = machine.program("usr/sbin/pure-ftpd"), server.options
    place = server.place
    script = place / "authenticate"
    script.touch(0o700)
    quota = f"user_quota_size:{options.quota}" if options.quota is not None else ""
    script.write_text(
        _AUTHENTICATE.format(
            log=shlex.quote(str(server.log)),
            user=shlex.quote(server.user),
            password=shlex.quote(server.password),
            uid=machine.UID,
            gid=machine.GID,
            folder=shlex.quote(str(server.folder)),
            quota=f"echo {quota}" if quota else "",
        )
    )
    words: list[str | Path] = [
        program,
        "-S",
        f"127.0.0.1,{server.port}",
        "-E",
        "-A",
        "-H",
    ]
    words += ["-l", f"extauth:{place}/logins", "-g", f"{place}/pid"]
    words += ["-Y", "0"] if options.mode == "plain" else ["-Y", "3", "-2", server.shown]
    if not options.replace:
        words.append("-G")
    if options.autorename:
        words.append("-r")
    authority = machine.program("usr/sbin/pure-authd")
    logins = _line([authority, "-s", f"{place}/logins", "-r", script])
    both = f"{logins} & exec {_line(words)}"
    return ["sh", "-c", both], {
        "LD_LIBRARY_PATH": machine.libraries(),
        **machine.tls_limit(place, options.tls),
    }


def _line(words: list[str | Path]) -> str:
    return shlex.join(str(word) for word in words)


KIND = Kind(
    ("explicit", "plain"),
    frozenset({"replace", "autorename", "quota"}),
    re.compile(r"login (ok)|login failed"),
    _command,
)
