"""Keys of a partner, made and used by GnuPG, which shares no code with Sequoia."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass
class GnuPG:
    """A home of GnuPG with secret keys that have no passphrase.

    Attributes:
        home: the folder; short, because gpg-agent makes a socket in it.
    """

    home: Path

    def run(self, *words: object, given: str = "", day: str = "") -> bytes:
        """Run gpg, on another day if one is named; return what it printed."""
        clock = ["--faked-system-time", f"{day}T000000!"] if day else []
        done = subprocess.run(
            ["gpg", "--homedir", self.home, "--batch", "--quiet", *clock,
             "--pinentry-mode", "loopback", "--passphrase", "", *map(str, words)],
            input=given.encode(), capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def make(self, name: str, ends: str = "never", day: str = "") -> str:
        """Make a key that only certifies; return its fingerprint."""
        user = f"{name}@partner.example"
        self.run("--quick-gen-key", user, "ed25519", "cert", ends, day=day)
        listed = self.run("--list-keys", "--with-colons", user).decode()
        match = re.search(r"^fpr:+(\w+):", listed, re.MULTILINE)
        assert match
        return match[1]

    def add(
        self, key: str, use: str = "encr", ends: str = "never", day: str = ""
    ) -> None:
        """Add a subkey."""
        kind = "cv25519" if use == "encr" else "ed25519"
        self.run("--quick-add-key", key, kind, use, ends, day=day)

    def revoke(self, key: str) -> None:
        """Revoke a key by the certificate that was made with it."""
        text = (self.home / f"openpgp-revocs.d/{key}.rev").read_text()
        self.run("--import", given=text.replace(":-----BEGIN", "-----BEGIN"))

    def revoke_subkey(self, key: str) -> None:
        """Revoke the first subkey."""
        commands = "key 1\nrevkey\ny\n0\n\ny\nsave\n"
        self.run("--command-fd", 0, "--edit-key", key, given=commands)

    def export(self, key: str, file: Path, what: str = "--export") -> Path:
        """Write a key to a file."""
        file.write_bytes(self.run("--armor", what, key))
        return file

    def decrypt(self, content: bytes) -> bytes:
        """Decrypt a message."""
        file = self.home / "message"
        file.write_bytes(content)
        return self.run("--decrypt", file)

    def close(self) -> None:
        """End its agent."""
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=True)
