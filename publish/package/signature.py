"""The signature over SHA256SUMS: Ed25519, as `openssl pkeyutl -verify` reads it.

The key is a PEM of PKCS #8 (`openssl genpkey -algorithm ed25519 -out feeds.pem`) in
FEEDS_SIGNING_KEY, or in the file that FEEDS_SIGNING_KEY_FILE names. To verify a package
one needs the public key, which is not in the package: `publish key` prints it.
"""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from runtime.environment import Environment
from runtime.exits import Misuse

NAME = "SHA256SUMS.sig"
_MAKE = "`openssl genpkey -algorithm ed25519 -out feeds.pem` makes one."


def key(variables: Environment) -> Ed25519PrivateKey | None:
    """Return the key to sign with; None if none is set.

    Raises:
        Misuse: both variables are set, or what they give is no Ed25519 key.
    """
    inline = variables.optional("FEEDS_SIGNING_KEY")
    file = variables.optional("FEEDS_SIGNING_KEY_FILE")
    if inline and file:
        raise Misuse(
            "expected FEEDS_SIGNING_KEY or FEEDS_SIGNING_KEY_FILE, found both. "
            "Unset one."
        )
    if inline:
        return _read(inline.replace("\\n", "\n").encode(), "FEEDS_SIGNING_KEY")
    if file:
        try:
            return _read(Path(file).read_bytes(), f"FEEDS_SIGNING_KEY_FILE ({file})")
        except OSError as error:
            raise Misuse(
                f"FEEDS_SIGNING_KEY_FILE: {file} cannot be read: {error.strerror}."
            ) from None
    return None


def sign(key: Ed25519PrivateKey, content: bytes) -> bytes:
    """Return the 64 bytes of the signature: same key and content, same signature."""
    return key.sign(content)


def public(key: Ed25519PrivateKey) -> str:
    """Return the public key as PEM."""
    return (
        key.public_key()
        .public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        .decode()
    )


def _read(pem: bytes, origin: str) -> Ed25519PrivateKey:
    # The message of the library may quote the key, so it is not shown.
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Misuse(
            f"{origin}: expected a PEM private key without a password, found none "
            f"that can be read. {_MAKE}"
        ) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise Misuse(f"{origin}: expected an Ed25519 key, found another kind. {_MAKE}")
    return private
