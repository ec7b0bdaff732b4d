"""vsftpd: session reuse is demanded, as it comes.

A local user, whom PAM's own default service lets in: nothing is added to /etc.
"""

import re
from pathlib import Path

from servers import machine
from servers.options import Kind
from servers.server import Server

_FIXED = """
listen=YES
listen_ipv6=NO
listen_address=127.0.0.1
background=NO
connect_from_port_20=NO
anonymous_enable=NO
local_enable=YES
write_enable=YES
chroot_local_user=YES
allow_writeable_chroot=YES
pam_service_name=other
xferlog_enable=YES
xferlog_std_format=NO
log_ftp_protocol=YES
"""
_TLS = """
ssl_enable=YES
ssl_ciphers=HIGH
force_local_logins_ssl=YES
force_local_data_ssl=YES
"""


def _command(server: Server) -> tuple[list[str | Path], dict[str, str]]:
    machine.need_root("vsftpd")
    program, options = machine.program("usr/sbin/vsftpd"), server.options
    place = server.place
    (place / "empty").mkdir(exist_ok=True)
    lines = [
        _FIXED,
        f"local_umask={options.umask}",
        f"listen_port={server.port}",
        f"local_root={server.folder}",
        f"secure_chroot_dir={place / 'empty'}",
        f"vsftpd_log_file={server.log}",
    ]
    if options.mode != "plain":
        lines += [
            _TLS,
            f"rsa_cert_file={server.shown}",
            f"rsa_private_key_file={server.shown}",
            f"require_ssl_reuse={'YES' if options.session_reuse else 'NO'}",
            f"implicit_ssl={'YES' if options.mode == 'implicit' else 'NO'}",
        ]
    if not options.rename:
        lines.append("cmds_denied=RNTO")
    (place / "vsftpd.conf").write_text("\n".join(lines).replace("\n\n", "\n").lstrip())
    return [program, place / "vsftpd.conf"], {
        "LD_LIBRARY_PATH": machine.libraries(),
        **machine.account(place, server.user, server.password, place),
        **machine.tls_limit(place, options.tls),
    }


KIND = Kind(
    ("explicit", "implicit", "plain"),
    frozenset({"session_reuse", "rename", "umask"}),
    re.compile(r"(OK) LOGIN: |FAIL LOGIN: "),
    _command,
)
