"""The TLS settings of a destination."""

import ssl

from publish.deliver.destination import Destination
from runtime.command import LOG


def context(destination: Destination) -> ssl.SSLContext:
    """Make them: TLS 1.2 or later, certificate and host name checked.

    One context serves control and data connections: a session belongs to its context.
    """
    made = ssl.create_default_context(
        cafile=str(destination.ca_file) if destination.ca_file else None
    )
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    # For servers that do not take one TLS 1.3 ticket for several data connections.
    if destination.tls_max == "1.2":
        made.maximum_version = ssl.TLSVersion.TLSv1_2
    if not destination.verify:
        LOG.warning(
            f"destination={destination.name} certificate is NOT checked: "
            f"{destination.variable('TLS_VERIFY')} is 0; whoever stands between can "
            "read and change the file"
        )
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made
