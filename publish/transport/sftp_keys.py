"""Keys of SSH: those we know a server by, and the one that a server knows us by."""

import base64
import hashlib

import paramiko
from paramiko.pkey import UnknownKeyType

from publish.transport.destination import Destination
from runtime.exits import Misuse


def known(keys: paramiko.HostKeys, destination: Destination) -> None:
    """Add what a destination's variables say about its server's keys.

    Raises:
        Misuse: the file or the key cannot be read; or a key of this host is marked
            in a way that would be passed over in silence.
    """
    ssh = destination.ssh
    host = destination.host
    if destination.port != paramiko.config.SSH_PORT:
        host = f"[{host}]:{destination.port}"
    if ssh.known_hosts is not None:
        _no_markers(destination)
        try:
            keys.load(str(ssh.known_hosts))
        except (OSError, UnicodeDecodeError, paramiko.SSHException) as error:
            raise Misuse(f"{destination.variable('KNOWN_HOSTS')}: {error}") from None
    if ssh.host_key is not None:
        words = ssh.host_key.split()
        try:
            key = paramiko.PKey.from_type_string(words[0], base64.b64decode(words[1]))
        except (IndexError, ValueError, UnknownKeyType, paramiko.SSHException):
            raise Misuse(
                f"{destination.variable('HOST_KEY')}: expected a type and a key in "
                'base64, such as "ssh-ed25519 AAAAC3Nza...", found another form'
            ) from None
        keys.add(host, key.get_name(), key)


def fingerprint(key: paramiko.PKey) -> str:
    """Return a key's fingerprint as ssh-keygen -l shows it."""
    digest = hashlib.sha256(key.asbytes()).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def private_key(destination: Destination) -> paramiko.PKey | None:
    """Read our private key, if one is named.

    Raises:
        Misuse: it cannot be read; never shows the passphrase.
    """
    ssh = destination.ssh
    if ssh.key_file is None:
        return None
    phrase = ssh.passphrase.reveal() if ssh.passphrase else None
    name = destination.variable("KEY_FILE")
    kinds = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
    for kind in kinds:
        try:
            return kind.from_private_key_file(str(ssh.key_file), phrase)
        except paramiko.PasswordRequiredException:
            raise Misuse(
                f"{name} is locked: set {destination.variable('KEY_PASSPHRASE')}."
            ) from None
        except OSError as error:
            raise Misuse(f"{name}: {error}") from None
        except (paramiko.SSHException, ValueError):
            continue
    raise Misuse(
        f"{name}: expected a private key (Ed25519, ECDSA or RSA) that "
        f"{destination.variable('KEY_PASSPHRASE')} opens, found none in {ssh.key_file}"
    )


def _no_markers(destination: Destination) -> None:
    file = destination.ssh.known_hosts
    lines = file.read_text(errors="replace").splitlines() if file else []
    if any(line.lstrip().startswith("@") for line in lines):
        raise Misuse(
            f"{destination.variable('KNOWN_HOSTS')}: @revoked and @cert-authority "
            "lines are not understood. Give a file that holds just the server's keys."
        )
