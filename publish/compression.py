"""Writes and reads gzip and zip: the same content gives the same bytes."""

import gzip
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from runtime.exits import Refused
from runtime.files import atomic_write
from store.feeds.declaration import Compression

_LEVEL = 6  # the default of gzip and zip; 9 takes twice the time for 1 % less
_BLOCK = 1 << 20


def compress(compression: Compression, source: Path, path: Path) -> None:
    """Write the file `source` compressed to `path`, whole or not at all.

    No clock, user or machine is in it: a zip has its earliest time, 1980-01-01, and
    gzip has none.

    Raises:
        OSError: the disk is full.
    """
    with (
        atomic_write(path) as part,
        source.open("rb") as plain,
        part.open("wb") as out,
        _writer(compression, source, out) as target,
    ):
        shutil.copyfileobj(plain, target, _BLOCK)


@contextmanager
def _writer(
    compression: Compression, source: Path, out: IO[bytes]
) -> Iterator[IO[bytes]]:
    if compression.format == "gzip":
        with gzip.GzipFile("", "wb", _LEVEL, out, mtime=0) as target:
            yield cast(IO[bytes], target)
        return
    member = zipfile.ZipInfo(source.name)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.create_system, member.external_attr = 3, 0o644 << 16  # a file of Unix
    member.file_size = source.stat().st_size  # says whether it needs ZIP64
    with zipfile.ZipFile(out, "w") as archive, archive.open(member, "w") as target:
        yield target


@contextmanager
def content(compression: Compression, path: Path) -> Iterator[IO[bytes]]:
    """Open what is inside a compressed file.

    Raises:
        Refused: it is no such file, or is damaged; in the block too.
    """
    try:
        if compression.format == "gzip":
            with gzip.open(path) as inside:
                yield cast(IO[bytes], inside)
            return
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            if len(members) != 1:
                raise Refused(f"{path}: expected one file in it, found {len(members)}")
            with archive.open(members[0]) as inside:
                yield inside
    except (gzip.BadGzipFile, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise Refused(
            f"{path}: expected a {compression.format} file, found: {error}"
        ) from None
