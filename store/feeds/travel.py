"""Names of what travels: the manifest, the file in its last form, a marker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from store.feeds.declaration import Compression, Encryption, Marker, Workbook

_SUFFIXES = {
    "gzip": ".gz", "zip": ".zip", "sha256": ".sha256", "md5": ".md5", "empty": ".done"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Travel:
    """How a file leaves. Names may be patterns of names as well.

    Attributes:
        compression, workbook, encryption, marker: as declared; None without them.
        has_manifest: whether the manifest goes with it.
    """

    compression: Compression | None = None
    workbook: Workbook | None = None
    encryption: Encryption | None = None
    marker: Marker | None = None
    has_manifest: bool = False

    @classmethod
    def read(cls, meta: Mapping[str, Any]) -> "Travel":
        """Read the meta of an exposure that has the right shape."""
        compress, encrypt = meta.get("compress"), meta.get("encrypt")
        workbook, marker = meta.get("workbook"), meta.get("marker")
        return cls(
            msgspec.convert(compress, Compression) if compress else None,
            msgspec.convert(workbook, Workbook) if workbook is not None else None,
            msgspec.convert(encrypt, Encryption) if encrypt else None,
            msgspec.convert(marker, Marker) if marker else None,
            meta["manifest"] == "deliver",
        )

    @property
    def is_changed(self) -> bool:
        """Whether the file leaves in another form than it was judged."""
        return bool(self.compression or self.workbook or self.encryption)

    def packed(self, name: str) -> str:
        """Return the name of the compressed file or the workbook; else its own."""
        declared = self.compression or self.workbook
        if declared is None:
            return name
        return name.removesuffix(declared.replaces or "") + self._suffix

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
        return self.encrypted(self.packed(name))

    @property
    def _suffix(self) -> str:
        if self.workbook:
            return self.workbook.suffix
        declared = self.compression
        return (declared.suffix or _SUFFIXES[declared.format]) if declared else ""

    def marked(self, name: str) -> str:
        """Return the name of the marker of a file; "" if it has none.

        Args:
            name: of the file here, not as it travels.
        """
        if self.marker is None:
            return ""
        suffix = self.marker.suffix or _SUFFIXES[self.marker.content]
        return self.file(name).removesuffix(self.marker.replaces or "") + suffix

    def changed(self, name: str) -> dict[str, str]:
        """Return what leaves with other bytes: name here to name there."""
        manifest = manifest_name(name)
        there = {manifest: self.encrypted(manifest)} if self.has_manifest else {}
        there[name] = self.file(name)
        return {here: sent for here, sent in there.items() if here != sent}

    def names(self, name: str) -> list[str]:
        """Return the names under which all that belongs to a file travels."""
        manifest = [self.encrypted(manifest_name(name))] if self.has_manifest else []
        marker = [self.marked(name)] if self.marker else []
        return [*manifest, self.file(name), *marker]


def manifest_name(name: str) -> str:
    """Return the name of the manifest of a file."""
    return name.removesuffix(".csv") + ".manifest.json"
