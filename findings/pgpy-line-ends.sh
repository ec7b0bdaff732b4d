#!/usr/bin/env bash
# Guess: a file that is encrypted as bytes is the same file after decryption, byte for byte, so that
#   its SHA-256 in a manifest still holds.
# Fact: PGPy13 0.6.1rc1 (PGPy for new Pythons) marks bytes that are all ASCII as text, and GnuPG
#   drops every carriage return of a text: the lines of a CSV file end with LF instead of CR LF, and
#   a carriage return inside a quoted field is gone. With one byte outside ASCII the file comes
#   through unchanged. PGPMessage.new(..., format="b") keeps all.
# Source: RFC 9580, section 5.9 (the types of literal data: b is binary, t is text, whose line ends
#   the receiver converts); PGPy's documentation of PGPMessage.new (no default of format is stated).
set -euo pipefail
command -v gpg > /dev/null || { echo "this script needs GnuPG"; exit 2; }
folder=$(mktemp -d)
trap 'gpgconf --homedir "$folder/home" --kill all; rm -rf "$folder"' EXIT
cd "$folder"
mkdir -m 700 home
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check PGPy13==0.6.1rc1
gpg --version | head -1
env/bin/python - <<'PY'
import subprocess
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")  # of cryptography, about old ciphers
import pgpy
from pgpy.constants import HashAlgorithm, KeyFlags, PubKeyAlgorithm, SymmetricKeyAlgorithm

print("PGPy13", version("PGPy13"))
key = pgpy.PGPKey.new(PubKeyAlgorithm.RSAEncryptOrSign, 2048)
key.add_uid(
    pgpy.PGPUID.new("Partner"),
    usage={KeyFlags.Sign, KeyFlags.EncryptCommunications, KeyFlags.EncryptStorage},
    hashes=[HashAlgorithm.SHA256],
    ciphers=[SymmetricKeyAlgorithm.AES256],
)
GPG = ["gpg", "--homedir", "home", "--batch", "--quiet", "--trust-model", "always"]
subprocess.run([*GPG, "--import"], input=bytes(key), check=True)
ASCII, OTHER = b'part,note\r\nA1,"x\ry"\r\n', b'part,note\r\nA1,"\xe9\ry"\r\n'


def decrypted(message):
    encrypted = bytes(key.pubkey.encrypt(message))
    run = subprocess.run([*GPG, "--decrypt"], input=encrypted, capture_output=True, check=True)
    return run.stdout


seen = {
    "bytes": decrypted(pgpy.PGPMessage.new(ASCII)) == ASCII,
    "bytes, one not ASCII": decrypted(pgpy.PGPMessage.new(OTHER)) == OTHER,
    "bytes, format b": decrypted(pgpy.PGPMessage.new(ASCII, format="b")) == ASCII,
}
print(ASCII, "becomes", decrypted(pgpy.PGPMessage.new(ASCII)))
print("unchanged:", seen)
surprise = list(seen.values()) == [False, True, True]
sys.exit(None if surprise else "the behaviour has changed")
PY
