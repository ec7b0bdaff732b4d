"""How a file reaches a partner: one small interface, chosen by the scheme of a URL."""

from publish.transport.connection import Connection, Entry
from publish.transport.destination import Destination
from publish.transport.digests import Digest, Sent

__all__ = ["Connection", "Destination", "Digest", "Entry", "Sent", "connect"]


def connect(destination: Destination, folder: str) -> Connection:
    """Open `folder` (of the exposure) at a destination.

    Raises:
        Refused, Temporary: see `Connection`.
    """
    # Here, so that each transport may import this module's values, and SSH is loaded
    # only where it is spoken.
    if destination.scheme == "file":
        from publish.transport.folder import Folder

        return Folder(destination, folder)
    if destination.scheme == "sftp":
        from publish.transport.sftp import Sftp

        return Sftp(destination, folder)
    from publish.transport.ftp import Ftp

    return Ftp(destination, folder)
