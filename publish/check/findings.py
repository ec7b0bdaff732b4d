"""Facts of a check, each graded and said in a sentence."""

from collections.abc import Callable, Iterator

from publish.check.need import Need
from publish.check.observed import Observed
from publish.check.report import Finding
from publish.transport import Destination

# Days in which a certificate is usually renewed; a later warning is a surprise.
_CERTIFICATE_DAYS = 30
# Nothing of ours depends on the partner's clock, but people read its listings.
_CLOCK_SECONDS = 120
Look = Callable[[Destination, Need, Observed], Iterator[Finding]]


def findings(to: Destination, need: Need, seen: Observed) -> tuple[Finding, ...]:
    """Return what was found out, in the order in which it was looked at."""
    looks: tuple[Look, ...] = (
        _way,
        _trust,
        _session,
        _sending,
        _telling,
        _naming,
        _room,
    )
    return tuple(finding for look in looks for finding in look(to, need, seen))


def _way(to: Destination, need: Need, seen: Observed) -> Iterator[Finding]:
    if seen.addresses:
        yield Finding("name", "good", f"{to.host} is {', '.join(seen.addresses)}")
    if seen.connect_ms is not None:
        yield Finding(
            "connection", "good", f"port {to.port} answers in {seen.connect_ms} ms"
        )
    if seen.logged_in:
        who = f"as {to.user}; " if to.user else ""
        yield Finding("login", "good", f"{who}the folder is there")


def _trust(to: Destination, need: Need, seen: Observed) -> Iterator[Finding]:
    if to.scheme == "ftp":
        yield Finding(
            "encryption", "warn", "none: password and files are sent in clear text"
        )
    elif seen.encrypted:
        how = seen.tls or "SSH"
        yield Finding("encryption", "good", f"{how} {seen.cipher}, files too")
    if seen.host_key:
        yield Finding("host-key", "good", f"{seen.host_key}, as we know it")
    shown = seen.certificate
    if shown is None:
        return
    whose = ", ".join(shown["names"]) or shown["subject"]
    until = f"{shown['days_left']} days left (until {shown['not_after']})"
    words = f"for {whose}, vouched for by {shown['issuer']}, {until}"
    if not seen.logged_in:
        yield Finding("certificate", "note", f"shown: {words}")
    elif not seen.certificate_checked:
        off = to.variable("TLS_VERIFY")
        yield Finding("certificate", "warn", f"NOT checked, {off} is 0; {words}")
    elif shown["days_left"] < _CERTIFICATE_DAYS:
        yield Finding("certificate", "warn", f"ends soon, tell the partner: {words}")
    else:
        yield Finding("certificate", "good", words)


def _session(to: Destination, need: Need, seen: Observed) -> Iterator[Finding]:
    if seen.features:
        yield Finding("features", "note", ", ".join(seen.features))
    said = seen.said.get("session-reuse", "")
    if seen.session_reuse:
        yield Finding(
            "session-reuse", "good", f"demanded, and done; without it: {said}"
        )
    elif seen.session_reuse is False:
        yield Finding("session-reuse", "note", "not demanded; done all the same")
    elif said:
        yield Finding("session-reuse", "note", f"not found out: {said}")


def _sending(to: Destination, need: Need, seen: Observed) -> Iterator[Finding]:
    yield from _answer(seen, "put", seen.put, "a file is taken", "a file is not taken")
    yield from _answer(
        seen, "remove", seen.remove, "an own file can be removed",
        "an own file cannot be removed, so what a broken upload leaves would stay",
    )  # fmt: skip
    yield from _answer(
        seen, "zero-bytes", seen.zero_bytes, "an empty file is taken",
        "an empty file is not taken", "note",
    )  # fmt: skip
    over = {
        "replaces": "an upload onto an existing name replaces it",
        "refused": "an upload onto an existing name is refused",
        "other name": "an upload onto an existing name silently gets another one",
    }
    if seen.put_over:
        words = f"{over[seen.put_over]}; each of ours has a name of its own"
        yield Finding("put-over", "note", words)


def _telling(to: Destination, need: Need, seen: Observed) -> Iterator[Finding]:
    yield from _answer(
        seen, "size", seen.size, "is told, and is right",
        "is not told, or is wrong, so nothing sent could be checked",
    )  # fmt: skip
    if seen.size_ascii is not None:
        kind = "in ASCII type too" if seen.size_ascii else "in binary type only"
        yield Finding(
            "size-ascii", "note", f"SIZE is answered {kind}; we ask in binary"
        )
    how = ", with facts made for machines" if seen.list_facts else ""
    yield from _answer(
        seen, "list", seen.list, f"the folder can be listed{how}",
        "the folder cannot be listed, so old parts of ours are not found", "warn",
    )  # fmt: skip
    if seen.hash_right is False:
        words = "a hash is told that is not the file's: every delivery would be refused"
        yield Finding("hash", "bad", words)
    elif seen.hash:
        yield Finding("hash", "good", f"{seen.hash} is told, and is right")
    elif seen.big:
        yield Finding("hash", "note", seen.said.get("hash", "none is offered"))


def _naming(to: Destination, need: Need, seen: Observed) -> Iterator[Finding]:
    yield from _answer(
        seen, "rename", seen.rename, "a file can be renamed",
        "a file cannot be renamed, so none could take its name after it was checked",
    )  # fmt: skip
    if seen.rename:
        fallback = seen.delete_then_rename and need.rename != "replace"
        harmless = fallback or (need.feeds and not need.replaces)
        yield from _answer(
            seen, "replace", seen.replace, "a rename replaces a file in one step",
            "a rename does not replace a file", "warn" if harmless else "bad",
        )  # fmt: skip
    if need.odd:
        yield from _answer(
            seen, "odd-names", seen.odd_names,
            f"names with {need.odd!r} come back as sent",
            f"names with {need.odd!r}, which feeds have, do not come back as sent",
        )  # fmt: skip


def _room(to: Destination, need: Need, seen: Observed) -> Iterator[Finding]:
    yield from _answer(seen, "big", seen.big, "1 MiB is taken", "1 MiB is not taken")
    if seen.free_bytes is not None:
        free = f"{seen.free_bytes:,} bytes"
        # The file that stands there, and the part beside it.
        tight = need.largest is not None and seen.free_bytes < need.largest
        if tight:
            free += f", and the largest file so far had {need.largest:,}"
        yield Finding("free-space", "bad" if tight else "good", free)
    if seen.clock_offset_seconds is not None:
        off = seen.clock_offset_seconds
        late = abs(off) > _CLOCK_SECONDS
        yield Finding(
            "clock", "warn" if late else "good", f"theirs minus ours: {off:+} s"
        )
    if seen.throughput_mib_s is not None:
        words = f"{seen.throughput_mib_s} MiB/s, an answer takes {seen.latency_ms} ms"
        yield Finding("speed", "note", words)


def _answer(
    seen: Observed, id_: str, yes: bool | None, good: str, bad: str, grade: str = "bad"
) -> Iterator[Finding]:
    if yes is None:
        return
    said = seen.said.get(id_, "")
    words = good if yes else f"{bad}: {said}" if said else bad
    yield Finding(id_, "good" if yes else grade, words)
