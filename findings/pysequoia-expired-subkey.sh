#!/usr/bin/env bash
# Guess: pysequoia.encrypt refuses a certificate whose only encryption subkey has expired, as GnuPG
#   does and as it does itself for a certificate that has expired.
# Fact: pysequoia 0.1.35 encrypts for the subkey that expired in 2020, and says nothing. It leaves
#   an expired subkey out only where another one is valid. GnuPG answers "Unusable public key".
# Source: pysequoia's src/encrypt.rs, resolve_recipient_keys: where no key is alive, the same search
#   is done again without alive(). RFC 9580, 5.2.3.13: the time after which a key is not valid.
# It needs gpg and gpg-agent, which make the certificate on a day of 2020.
set -euo pipefail
folder=$(mktemp -d)
export GNUPGHOME="$folder/home"
trap 'gpgconf --kill all; rm -rf "$folder"' EXIT
mkdir -m 700 "$GNUPGHOME"
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check pysequoia==0.1.35
in_2020() { gpg --batch --quiet --passphrase '' --faked-system-time 20200101T000000! "$@" 2>/dev/null; }
in_2020 --quick-gen-key partner@example.com ed25519 cert never
fingerprint=$(gpg --list-keys --with-colons | awk -F: '/^fpr/ { print $10; exit }')
in_2020 --quick-add-key "$fingerprint" cv25519 encr 1y
gpg --export >"$folder/key.pgp"
echo hello >"$folder/text"
if gpg --batch --quiet --trust-model always --recipient "$fingerprint" --output "$folder/by_gpg" \
    --encrypt "$folder/text" 2>"$folder/refusal"; then
    echo "gpg encrypts"
else
    echo "gpg refuses: $(head -n 1 "$folder/refusal")"
fi
"$folder/env/bin/python" - "$folder/key.pgp" <<'PY'
import sys
from importlib.metadata import version

from pysequoia import Cert, encrypt

print("pysequoia", version("pysequoia"))
key = Cert.from_file(sys.argv[1])
print("the certificate ends:", key.expiration)
try:
    text = encrypt(b"hello", recipients=[key])
except RuntimeError as error:
    sys.exit(f"the behaviour has changed: {str(error).splitlines()[0]}")
print(f"encrypted for the subkey that expired in 2020: {len(text)} bytes")
PY
