"""`publish trust`: a person accepts the new key or certificate of a server."""

import ftplib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import click
from cryptography.hazmat.primitives import serialization

from publish.operation import Operation, decision_options
from publish.settings import format_utc
from publish.transport import Destination
from publish.transport.accepted import (
    Accepted,
    Kind,
    authorities_of,
    certificate_fingerprint,
)
from publish.transport.errors import ftp_errors
from publish.transport.ftp_session import handshake
from runtime.command import report
from runtime.exits import Misuse, Refused
from runtime.log import start_logging


@dataclass(frozen=True, slots=True)
class Shown:
    """What a server shows, and what we trust.

    Attributes:
        kind: what it is.
        value: the key, or the certificate as PEM.
        fingerprint: by SHA-256.
        about: algorithm, or subject and end.
        named: the fingerprints of what the variables name.
        trusted: the fingerprints of what counts now.
        is_trusted: whether the server is accepted as it is.
    """

    kind: Kind
    value: str
    fingerprint: str
    about: str
    named: tuple[str, ...]
    trusted: tuple[str, ...]
    is_trusted: bool


@click.command("trust")
@click.argument("name", metavar="DEST")
@click.option(
    "--fingerprint", metavar="SHA256",
    help="That of the new key or certificate, as the partner confirmed it.",
)  # fmt: skip
@decision_options("Who confirmed it; for the ledger.", required=False)
def command(
    name: str,
    fingerprint: str | None,
    because: str | None,
    dry_run: bool,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Show the key or certificate of a partner's server, or accept a new one.

    Without --fingerprint it shows what is trusted and what the server shows, and
    records nothing. No login is tried.

    What is accepted takes the place of DEST_<NAME>_HOST_KEY, _KNOWN_HOSTS or _CA_FILE,
    until one of them is changed. Host name and end of a certificate are still checked.

    Exit codes: 0 trusted, 1 not trusted, or the server shows another one.
    """
    start_logging(log_format, quiet)
    if (fingerprint is None) != (because is None):
        raise Misuse("expected --fingerprint and --because, found only one of them")
    operation = Operation.read(because if because is not None else "-", dry_run)
    destination = Destination.read(operation.variables, name.lower(), needs_key=False)
    shown = _shown(destination)
    result: dict[str, Any] = {
        "destination": destination.name,
        "server": destination.server,
        "kind": shown.kind,
        "trusted": list(shown.trusted),
        "fingerprint": shown.fingerprint,
    }
    text = (
        f"{destination.name}: {destination.server} shows the {shown.kind} "
        f"{shown.fingerprint} ({shown.about}).\n"
        f"  trusted: {', '.join(shown.trusted) or _none(shown.kind)}"
    )
    code = 0
    if shown.is_trusted:
        text += "\n  It is trusted already; nothing was recorded."
    elif fingerprint is None:
        code = 1
        text += (
            "\n  It is not trusted; nothing was recorded. Ask the partner whether it "
            f"is theirs, by another way than this server. Then run `publish trust "
            f'{destination.name} --fingerprint {shown.fingerprint} --because "..."`.'
        )
    else:
        _check(destination, shown, fingerprint)
        accepted = _accept(operation, destination, shown)
        result |= {"by": accepted.by, "because": accepted.because}
        verb = "would be" if dry_run else "is"
        text += f"\n  It {verb} accepted by {accepted.by}: {accepted.because}"
    status = "refused" if code else "done"
    report({"status": status, "exit_code": code, **result}, text, as_json)
    sys.exit(code)


def _shown(destination: Destination) -> Shown:
    if destination.scheme == "sftp":
        return _host_key(destination)
    if destination.scheme in ("ftps", "ftps+implicit"):
        if not destination.verify:
            raise Misuse(
                f"{destination.variable('TLS_VERIFY')} is 0: any certificate is "
                "accepted. Set it to 1 first."
            )
        return _certificate(destination)
    raise Misuse(
        f"{destination.name}: expected a destination with ftps:// or sftp://, whose "
        f"certificate or key can be accepted, found {destination.scheme}://"
    )


def _host_key(destination: Destination) -> Shown:
    # Imported here, so that SSH is loaded only where it is used.
    from publish.transport import sftp, sftp_keys

    key = sftp.presented_key(destination)
    trusted = sftp_keys.trusted_keys(destination)
    return Shown(
        "host key",
        key.export_public_key().decode().strip(),
        key.get_fingerprint(),
        key.get_algorithm(),
        _fingerprints(sftp_keys.named_keys(destination)),
        _fingerprints(trusted),
        any(key.public_data == known.public_data for known in trusted),
    )


def _fingerprints(keys: Sequence[Any]) -> tuple[str, ...]:
    return tuple(sorted(key.get_fingerprint() for key in keys))


def _certificate(destination: Destination) -> Shown:
    what = f"beginning TLS with {destination.server}"
    with ftp_errors(destination, what, beginning_tls=True):
        shown = handshake(replace(destination, verify=False))
    named = trusted = authorities_of(destination.ca_file)
    if known := destination.accepted_instead_of(named):
        trusted = (known.fingerprint,)
    names = f"{shown.subject.rfc4514_string()}, by {shown.issuer.rfc4514_string()}"
    return Shown(
        "certificate",
        shown.public_bytes(serialization.Encoding.PEM).decode(),
        certificate_fingerprint(shown),
        f"{names}, ends {format_utc(shown.not_valid_after_utc)}",
        named,
        trusted,
        _refusal(destination) is None,
    )


def _refusal(destination: Destination) -> str | None:
    """Return why a server's certificate is not accepted; None if it is."""
    try:
        handshake(destination)
    except ftplib.all_errors as error:
        return str(error)
    return None


def _check(destination: Destination, shown: Shown, fingerprint: str) -> None:
    """Check that a person accepts what the server shows, and that it is of use.

    Raises:
        Refused: it is another one, has ended, or is for another host.
    """
    if _bare(fingerprint, shown.kind) != _bare(shown.fingerprint, shown.kind):
        raise Refused(
            f"{destination.name}: expected the {shown.kind} {fingerprint}, the server "
            f"shows {shown.fingerprint}. Nothing was recorded."
        )
    if shown.kind == "certificate":
        accepted = _accepted(destination, shown, "", "")
        if reason := _refusal(replace(destination, accepted=accepted)):
            raise Refused(
                f"{destination.name}: this certificate cannot be accepted ({reason}). "
                "Ask the partner for one that has this host among its names and has "
                "not ended. Nothing was recorded."
            )


def _bare(fingerprint: str, kind: Kind) -> str:
    """Return a fingerprint without the ways in which programs write it."""
    if kind == "host key":
        return fingerprint.strip().removeprefix("SHA256:").rstrip("=")
    digits = fingerprint.rpartition("=")[2].upper().removeprefix("SHA256:")
    return digits.replace(":", "").strip()


def _accept(operation: Operation, destination: Destination, shown: Shown) -> Accepted:
    accepted = _accepted(destination, shown, operation.by, operation.because)
    with operation.ledger() as ledger:
        if not operation.dry_run:
            # First the record: nothing is trusted that the ledger does not have.
            ledger.append(
                "trusted",
                destination=destination.name,
                server=destination.server,
                kind=shown.kind,
                fingerprint=shown.fingerprint,
                replaces=list(shown.trusted),
                value=shown.value,
                by=operation.by,
                because=operation.because,
            )
            accepted.write(operation.place.data, destination.name)
    return accepted


def _accepted(
    destination: Destination, shown: Shown, by: str, because: str
) -> Accepted:
    at = format_utc(datetime.now(UTC))
    return Accepted(
        shown.kind, destination.server, shown.value, shown.fingerprint, shown.named,
        by, because, at,
    )  # fmt: skip


def _none(kind: Kind) -> str:
    return "none" if kind == "host key" else "the authorities of the system"
