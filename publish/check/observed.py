"""What was seen of a server: plain facts, None where it could not be found out."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Observed:
    """Facts of one check, filled in as they are found; `report.schema.json` has them.

    Attributes:
        addresses: that the host's name resolves to.
        connect_ms: until the TCP connection stood.
        greeting: the server's first line.
        encrypted: whether password and file are.
        tls: such as "TLSv1.3".
        cipher: of the control connection.
        certificate: issuer, subject, names, not_after, days_left.
        certificate_checked: False where DEST_<NAME>_TLS_VERIFY is 0.
        host_key: fingerprint, for sftp.
        logged_in: and the folder exists.
        features: names in the answer to FEAT.
        session_reuse: whether data connections must resume the TLS session.
        put: a file may be sent.
        size: it is told, and is what was sent.
        size_ascii: SIZE is answered in ASCII type too.
        list: the folder may be listed, and shows what is there.
        list_facts: the listing tells size and time in a form made for machines.
        hash: the algorithm of the hash that was told, and was right.
        hash_right: False where a hash was told that is not that of the file.
        remove: an own file may be removed.
        zero_bytes: an empty file is taken.
        rename: a file may get a name that is free.
        replace: a file may get a name that another file has.
        delete_then_rename: it may where the other one was removed before.
        put_over: what an upload onto an existing name does: "replaces", "refused",
            "other name".
        odd_names: names with the letters that the feeds need come back as sent.
        big: one MiB was stored.
        free_bytes: on the disk of the folder.
        clock_offset_seconds: the server's clock minus ours.
        latency_ms: median of a question and its answer.
        throughput_mib_s: of one MiB, its set-up included.
        said: the server's own words, by finding.
    """

    addresses: list[str] = field(default_factory=list)
    connect_ms: float | None = None
    greeting: str | None = None
    encrypted: bool | None = None
    tls: str | None = None
    cipher: str | None = None
    certificate: dict[str, Any] | None = None
    certificate_checked: bool | None = None
    host_key: str | None = None
    logged_in: bool = False
    features: list[str] = field(default_factory=list)
    session_reuse: bool | None = None
    put: bool | None = None
    size: bool | None = None
    size_ascii: bool | None = None
    list: bool | None = None
    list_facts: bool | None = None
    hash: str | None = None
    hash_right: bool | None = None
    remove: bool | None = None
    zero_bytes: bool | None = None
    rename: bool | None = None
    replace: bool | None = None
    delete_then_rename: bool | None = None
    put_over: str | None = None
    odd_names: bool | None = None
    big: bool | None = None
    free_bytes: int | None = None
    clock_offset_seconds: int | None = None
    latency_ms: float | None = None
    throughput_mib_s: float | None = None
    said: dict[str, str] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return the facts for JSON."""
        return {**asdict(self), "said": {k: v for k, v in self.said.items() if v}}
