"""Protocols to a partner's folder: one interface, chosen by the scheme of the URL."""

from publish.transport.connection import Connection, Entry
from publish.transport.destination import Destination
from publish.transport.digests import Digest, Sent

__all__ = ["Connection", "Destination", "Digest", "Entry", "Sent", "connect"]


def connect(destination: Destination, folder: str) -> Connection:
    """Connect to the folder of an exposure at a destination.

    Raises:
        Refused, Temporary: see `Connection`.
        Misuse: the package of an extra is not installed.
    """
    # Imported here, so that SSH and S3 are loaded only where they are used.
    if destination.scheme == "file":
        from publish.transport.folder import Folder

        return Folder(destination, folder)
    if destination.scheme == "sftp":
        from publish.transport.sftp import Sftp

        return Sftp(destination, folder)
    if destination.scheme == "s3":
        from publish.transport.s3 import S3

        return S3(destination, folder)
    from publish.transport.ftp import Ftp

    return Ftp(destination, folder)
