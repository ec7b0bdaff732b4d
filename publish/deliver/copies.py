"""Makes what travels of what was judged: compressed or a workbook, then encrypted."""

import os
from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any

from publish import compression, encryption, workbook
from publish.deliver.attempt import check_unchanged
from runtime.exits import Refused
from runtime.files import HashedFile, write_bytes
from store.feeds import Feed
from store.feeds.declaration import Marker


def make_copies(
    root: Path, feed: Feed, files: Mapping[Path, HashedFile]
) -> dict[Path, HashedFile]:
    """Make what travels, once: each try, and `publish resend`, send these bytes.

    Args:
        root: of the project, which has the key.
        feed: the declaration.
        files: what was judged, the file itself last.

    Returns:
        What travels, in the same order; what leaves as it is stays the same. A marker
        follows.

    Raises:
        Refused: a file was written since it was hashed, the key cannot be used, or
            what was compressed is not what was judged.
    """
    *_, file = files
    copies = {}
    for path, hashed in files.items():
        copy = _copy(root, feed, path, hashed, path == file)
        check_unchanged(path, hashed)
        copies[copy] = hashed if copy == path else HashedFile.read(copy)
    if feed.travel.marker:
        marker = file.with_name(feed.travel.marked(file.name))
        write_bytes(marker, _marker(feed.travel.marker, copy))
        copies[marker] = HashedFile.read(marker)
    return copies


def described(feed: Feed, files: Mapping[Path, HashedFile]) -> dict[str, Any]:
    """Return what ledger and receipt say of the file that travels: `sent`.

    {} if it leaves as it was judged.
    """
    travel = feed.travel
    if not travel.is_changed:
        return {}
    path, hashed = [*files.items()][-2 if travel.marker else -1]
    sent = {"name": path.name, "bytes": hashed.bytes, "sha256": hashed.sha256}
    if travel.compression:
        sent["compressed"] = travel.compression.format
    if travel.workbook:
        sent["workbook"] = travel.workbook.sheet
    if travel.encryption:
        sent["encrypted_for"] = encryption.spelled(travel.encryption.fingerprint)
    return {"sent": sent}


def _marker(marker: Marker, path: Path) -> bytes:
    """Return what is in the marker of a file: a line of sha256sum, or nothing."""
    if marker.content == "empty":
        return b""
    with path.open("rb") as handle:
        digest = file_digest(handle, marker.content).hexdigest()
    return f"{digest}  {path.name}\n".encode()


def _copy(
    root: Path, feed: Feed, path: Path, hashed: HashedFile, is_file: bool
) -> Path:
    """Write what travels of one file beside it; return its path."""
    travel = feed.travel
    name = travel.packed(path.name) if is_file else path.name
    copy = path.with_name(travel.encrypted(name))
    if name == path.name:
        if travel.encryption:
            encryption.encrypt(root, travel.encryption, path, copy)
    elif travel.encryption is None:
        _pack(feed, path, hashed, copy)
    else:
        # Named as what a killed command left, which others know and remove.
        packed = path.with_name(f".{name}.{os.getpid()}.part")
        try:
            _pack(feed, path, hashed, packed)
            encryption.encrypt(root, travel.encryption, packed, copy)
        finally:
            packed.unlink(missing_ok=True)
    return copy


def _pack(feed: Feed, path: Path, hashed: HashedFile, copy: Path) -> None:
    """Compress a file, or write it as a workbook, and read that back."""
    if feed.travel.workbook:
        workbook.write(feed, feed.travel.workbook, path, copy)
    if declared := feed.travel.compression:
        compression.compress(declared, path, copy)
        with compression.content(declared, copy) as inside:
            actual = file_digest(inside, "sha256").hexdigest()  # type: ignore[arg-type]
        if actual != hashed.sha256:
            raise Refused(
                f"{copy}: expected the content {hashed.sha256}, which was judged, "
                f"found {actual}. Nothing was sent."
            )
