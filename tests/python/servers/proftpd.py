"""ProFTPD with mod_tls: session reuse is demanded, as it comes."""

import re
import subprocess
from pathlib import Path

from servers import machine
from servers.options import Kind
from servers.server import Server

# Compiled into older versions, files of their own in newer ones.
_SPLIT = ("mod_delay", "mod_ls", "mod_xfer")
_TABLES = ("limit", "tally")


def _command(server: Server) -> tuple[list[str | Path], dict[str, str]]:
    machine.need_root("ProFTPD")
    program, options = machine.program("usr/sbin/proftpd"), server.options
    place, environment = server.place, {"LD_LIBRARY_PATH": machine.libraries()}
    modules = machine.program("usr/lib/proftpd")
    account = place / "passwd"
    account.touch(0o600)
    account.write_text(
        f"{server.user}:{machine.hashed(server.password)}:{machine.UID}:{machine.GID}"
        f"::{server.folder}:/bin/sh\n"
    )
    overwrite = "on" if options.replace and options.overwrite else "off"
    lines = [
        f"ModulePath {modules}",
        *(
            f"LoadModule {name}.c"
            for name in ("mod_tls", *_SPLIT)
            if (modules / f"{name}.so").exists()
        ),
        "ServerType standalone",
        "DefaultAddress 127.0.0.1",
        "UseIPv6 off",
        f"Port {server.port}",
        f"PidFile {place}/pid",
        f"ScoreboardFile {place}/scoreboard",
        f"SystemLog {server.log}",
        "DelayEngine off",
        # Else all servers of a machine share one socket.
        "<IfModule mod_ctrls.c>",
        "ControlsEngine off",
        "</IfModule>",
        "RequireValidShell off",
        "WtmpLog off",
        "AuthOrder mod_auth_file.c",
        f"AuthUserFile {account}",
        "DebugLevel 1",
        f"AllowOverwrite {overwrite}",
        "AllowStoreRestart on",
        f'DefaultRoot "{server.folder}"',
        'LogFormat commands "%r"',
        f"ExtendedLog {place}/commands ALL commands",
    ]
    if options.mode != "plain":
        lines += _tls(server)
    if options.hashes:
        lines += ["LoadModule mod_digest.c", "DigestEngine on"]
    if isinstance(options.hashes, str):
        lines.append(f"DigestAlgorithms {options.hashes}")
    if options.quota is not None:
        lines += _quota(server, options.quota, environment)
    (place / "proftpd.conf").write_text("\n".join(lines) + "\n")
    return [program, "-n", "-q", "-c", place / "proftpd.conf"], environment


def _tls(server: Server) -> list[str]:
    options = server.options
    versions = {"1.2": "TLSv1.2", "1.3": "TLSv1.2 TLSv1.3"}
    odd = ["UseImplicitSSL"] if options.mode == "implicit" else []
    if not options.session_reuse:
        odd.append("NoSessionReuseRequired")
    return [
        "TLSEngine on",
        "TLSRequired on",
        "TLSVerifyClient off",
        f"TLSProtocol {versions[options.tls]}",
        f"TLSECCertificateFile {server.shown}",
        f"TLSECCertificateKeyFile {server.shown}",
        f"TLSLog {server.place}/tls.log",
        f"TLSOptions {' '.join(odd)}" if odd else "",
    ]


def _quota(server: Server, size: int, environment: dict[str, str]) -> list[str]:
    tool, place = machine.program("usr/sbin/ftpquota"), server.place
    who = ["--name", server.user, "--quota-type", "user"]
    limit = ["--limit-type", "hard", "--bytes-upload", str(size), "--units", "B"]
    for table in _TABLES:
        file = [f"--type={table}", f"--table-path={place}/{table}.tab"]
        for words in (["--create-table"], ["--add-record", *who]):
            more = limit if table == "limit" and "--add-record" in words else []
            if table == "tally" and "--add-record" in words:
                continue
            subprocess.run([tool, *words, *file, *more], check=True, env=environment)
    return [
        "LoadModule mod_quotatab.c",
        "LoadModule mod_quotatab_file.c",
        "QuotaEngine on",
        f"QuotaLog {place}/quota.log",
        f"QuotaLimitTable file:{place}/limit.tab",
        f"QuotaTallyTable file:{place}/tally.tab",
    ]


KIND = Kind(
    ("explicit", "implicit", "plain"),
    frozenset({"session_reuse", "replace", "overwrite", "quota", "hashes"}),
    re.compile(r"USER feeds: (Login) successful|USER feeds \(Login failed\)"),
    _command,
)
