"""Hashes that FTP servers offer, and how they tell them."""

import re
from collections.abc import Mapping

from publish.deliver.digests import ALGORITHMS, Digest

# Commands of older servers, by algorithm; HASH (a draft) is asked before them.
_COMMANDS = {
    "SHA-256": "XSHA256",
    "SHA-512": "XSHA512",
    "SHA-1": "XSHA1",
    "MD5": "XMD5",
    "CRC32": "XCRC",
}
_DIGITS = {"SHA-256": 64, "SHA-512": 128, "SHA-1": 40, "MD5": 32, "CRC32": 8}


def offered(features: Mapping[str, str]) -> tuple[str | None, str]:
    """Choose the strongest algorithm that FEAT offers, and its command."""
    # HASH SHA-1*;SHA-256;MD5 (the star marks what is used unless OPTS says other)
    listed = features.get("HASH", "").upper().replace("*", "").split(";")
    for algorithm in ALGORITHMS:
        if algorithm in (word.strip() for word in listed):
            return algorithm, "HASH"
        if _COMMANDS[algorithm] in features:
            return algorithm, _COMMANDS[algorithm]
    return None, ""


def digest_in(reply: str, algorithm: str, name: str) -> Digest | None:
    """Find the hash in a reply, whose words may come in any order around it."""
    digits = _DIGITS[algorithm]
    # A file's name may look like a hash; a CRC may have lost its leading zeros.
    text = re.sub(r"(?m)^\d{3}[ -]", "", reply).replace(name, " ")
    form = r"[0-9A-F]{1,8}" if algorithm == "CRC32" else rf"[0-9A-F]{{{digits}}}"
    found = [w for w in text.split() if re.fullmatch(form, w, re.IGNORECASE)]
    return Digest.of(algorithm, found[-1]) if found else None
