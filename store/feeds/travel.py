"""Names of what travels: the file, then compressed, then encrypted; its manifest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from store.feeds.declaration import Compression, Encryption

_SUFFIXES = {"gzip": ".gz", "zip": ".zip"}


@dataclass(frozen=True, slots=True)
class Travel:
    """How a file leaves. Names may be patterns of names as well.

    Attributes:
        compression, encryption: as declared; None without them.
        has_manifest: whether the manifest goes with it.
    """

    compression: Compression | None = None
    encryption: Encryption | None = None
    has_manifest: bool = False

    @classmethod
    def read(cls, meta: Mapping[str, Any]) -> "Travel":
        """Read the meta of an exposure that has the right shape."""
        compress, encrypt = meta.get("compress"), meta.get("encrypt")
        return cls(
            msgspec.convert(compress, Compression) if compress else None,
            msgspec.convert(encrypt, Encryption) if encrypt else None,
            meta["manifest"] == "deliver",
        )

    def compressed(self, name: str) -> str:
        """Return the name of the compressed file; its own if it is not compressed."""
        if self.compression is None:
            return name
        return name.removesuffix(self.compression.replaces or "") + self._suffix

    def original(self, name: str) -> str:
        """Return the name of the file that a compressed one has in it."""
        if self.compression is None:
            return name
        return name.removesuffix(self._suffix) + (self.compression.replaces or "")

    def encrypted(self, name: str) -> str:
        """Return the name of an encrypted file; its own if nothing is encrypted."""
        return name + self.encryption.suffix if self.encryption else name

    def file(self, name: str) -> str:
        """Return the name under which a file travels."""
        return self.encrypted(self.compressed(name))

    @property
    def _suffix(self) -> str:
        compression = self.compression
        if compression is None:
            return ""
        return compression.suffix or _SUFFIXES[compression.format]

    def names(self, name: str) -> dict[str, str]:
        """Return what leaves with a file, in order: name here to name there."""
        manifest = manifest_name(name)
        first = {manifest: self.encrypted(manifest)} if self.has_manifest else {}
        return {**first, name: self.file(name)}

    def changed(self, name: str) -> dict[str, str]:
        """Return of `names` what leaves with other bytes, hence under another name."""
        return {
            here: there for here, there in self.names(name).items() if here != there
        }


def manifest_name(name: str) -> str:
    """Return the name of the manifest of a file."""
    return name.removesuffix(".csv") + ".manifest.json"
