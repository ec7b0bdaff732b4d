"""SSH keys: those by which we know a server, and ours, by which it knows us."""

from collections.abc import Sequence

import asyncssh

from publish.transport.destination import Destination
from runtime.exits import Misuse


def trusted_keys(destination: Destination) -> Sequence[asyncssh.SSHKey]:
    """Return the keys of a server that we trust: those of the variables, or accepted.

    Raises:
        Misuse: the file or the key cannot be read, or the file has marked lines.
    """
    named = named_keys(destination)
    fingerprints = [key.get_fingerprint() for key in named]
    if known := destination.accepted_instead_of(fingerprints):
        return [asyncssh.import_public_key(known.value)]
    return named


def named_keys(destination: Destination) -> Sequence[asyncssh.SSHKey]:
    """Return the keys that a destination's variables name.

    Raises:
        Misuse: the file or the key cannot be read, or the file has marked lines.
    """
    keys: list[asyncssh.SSHKey] = []
    if destination.ssh.known_hosts is not None:
        host = destination.host
        if destination.port != asyncssh.DEFAULT_PORT:
            host = f"[{host}]:{destination.port}"
        # Without address and port, which would accept lines of other servers.
        keys += _known_hosts(destination).match(host, "", None)[0]
    if destination.ssh.host_key is not None:
        try:
            keys.append(asyncssh.import_public_key(destination.ssh.host_key))
        except asyncssh.KeyImportError:
            raise Misuse(
                f"{destination.variable('HOST_KEY')}: expected a type and a key in "
                'base64, such as "ssh-ed25519 AAAAC3Nza...", found another form'
            ) from None
    return keys


def private_key(destination: Destination) -> asyncssh.SSHKey | None:
    """Read our private key, if one is named.

    Raises:
        Misuse: it cannot be read; never shows the passphrase.
    """
    ssh = destination.ssh
    if ssh.key_file is None:
        return None
    passphrase = ssh.passphrase.reveal() if ssh.passphrase else None
    name = destination.variable("KEY_FILE")
    phrase_name = destination.variable("KEY_PASSPHRASE")
    try:
        return asyncssh.read_private_key(ssh.key_file, passphrase)
    except OSError as error:
        raise Misuse(f"{name}: {error}") from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        if passphrase is None and "Passphrase" in str(error):
            raise Misuse(f"{name} is locked: set {phrase_name}.") from None
        raise Misuse(
            f"{name}: expected a private key (Ed25519, ECDSA or RSA) that "
            f"{phrase_name} opens, found none in {ssh.key_file} ({error})"
        ) from None


def _known_hosts(destination: Destination) -> asyncssh.SSHKnownHosts:
    file = destination.ssh.known_hosts
    name = destination.variable("KNOWN_HOSTS")
    try:
        text = file.read_text(encoding="utf-8") if file else ""
        known_hosts = asyncssh.import_known_hosts(text)
    except (OSError, ValueError) as error:
        raise Misuse(f"{name}: {error}") from None
    if any(line.lstrip().startswith("@") for line in text.splitlines()):
        raise Misuse(
            f"{name}: @revoked and @cert-authority lines are not understood. Give a "
            "file that has just the server's keys."
        )
    return known_hosts
