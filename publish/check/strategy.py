"""What follows from the facts: how files are delivered, and what nobody can promise."""

from collections.abc import Iterator, Sequence

from publish.check.findings import findings
from publish.check.need import Need
from publish.check.observed import Observed
from publish.check.report import Finding, Report, server_of
from publish.transport import Destination
from runtime.exits import Stop, Temporary

# What the sizes and hashes of a server are worth.
_STRONG = ("SHA-256", "SHA-512")


def judge(
    to: Destination,
    folder: str,
    need: Need,
    seen: Observed,
    ended: Stop | None,
    left: Sequence[str],
    at: str,
) -> Report:
    """Weigh what was seen.

    Args:
        to: the destination.
        folder: of the exposures.
        need: what the feeds of the folder ask for.
        seen: the facts.
        ended: what ended the check before all was tried.
        left: own files that may still be there.
        at: when, UTC.
    """
    found = [*findings(to, need, seen)]
    if left:
        words = f"could not be removed: {', '.join(left)}. Ask the partner to"
        found.append(Finding("traces", "bad", words))
    elif seen.put:
        found.append(Finding("traces", "good", "all files of this check were removed"))
    verdict, message = _verdict(found, ended)
    ready = verdict == "ready"
    return Report(
        destination=to.name,
        folder=folder,
        server=server_of(to),
        feeds=need.feeds,
        at=at,
        verdict=verdict,
        message=message,
        strategy=tuple(_strategy(need, seen)) if ready else (),
        not_promised=tuple(_not_promised(to, seen)) if ready else (),
        findings=tuple(found),
        left=tuple(left),
        observed=seen,
    )


def _verdict(found: Sequence[Finding], ended: Stop | None) -> tuple[str, str]:
    if isinstance(ended, Temporary):
        return "unreachable", str(ended)
    if ended is not None:
        return "not acceptable", str(ended)
    bad = [f"{finding.says}." for finding in found if finding.grade == "bad"]
    if bad:
        return "not acceptable", " ".join([*bad, *_mend(found)])
    return "ready", ""


def _mend(found: Sequence[Finding]) -> Iterator[str]:
    ids = {finding.id for finding in found if finding.grade == "bad"}
    if ids & {"rename", "replace"}:
        yield (
            "Ask the partner to let a rename replace a file (ProFTPD: AllowOverwrite "
            "on; Pure-FTPd: without -G; OpenSSH: posix-rename)."
        )
    if "replace" in ids:
        yield "Or declare rename: delete-then-rename, with its moment without a file."
    if ids & {"put", "remove", "rename"}:
        yield "Expected are the rights to write, rename and delete in the folder."


def _strategy(need: Need, seen: Observed) -> Iterator[str]:
    yield (
        "A file is sent under a name of its own that ends in .part, and takes its name "
        "only after it was checked."
    )
    if seen.hash:
        yield f"Its size and {seen.hash} are compared with what was sent."
    else:
        yield "Its size is compared with what was sent."
    if seen.replace:
        yield "Files are replaced by rename: a reader sees the old one or the new one."
        if need.rename == "delete-then-rename":
            yield "The declared rename: delete-then-rename is not needed here."
    elif need.rename == "delete-then-rename":
        yield "A file is deleted before the new one takes its name, as declared."
    else:
        yield "Nothing is replaced: each file has a new name."
    if seen.session_reuse:
        yield "Data connections resume the TLS session, as this server demands."


def _not_promised(to: Destination, seen: Observed) -> Iterator[str]:
    if not seen.hash:
        yield (
            "This server cannot hash: damage after the transfer that keeps the size "
            "would not be seen."
        )
    elif seen.hash not in _STRONG:
        yield f"{seen.hash} shows accidents; it does not show a change on purpose."
    if to.scheme == "ftp":
        yield "Nothing is encrypted: who stands between can read and change all of it."
    elif seen.certificate_checked is False:
        yield "The certificate is not checked: another server may take the files."
    if not seen.replace:
        yield (
            "A name that exists cannot be replaced in one step: between deleting and "
            "renaming, and after a crash there, no file stands under it."
        )
    if seen.list is False:
        yield "The folder cannot be listed: old parts of ours are not found."
    if seen.free_bytes is None:
        yield "Free space is not told: whether a file fits, only sending shows."
    yield (
        "Whether filters of names take the final name was not tried: files of a check "
        "end in .part, so that no pick-up job takes them."
    )
