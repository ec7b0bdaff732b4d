"""What may be done with files in a partner's folder, tried with files of our own."""

import os
import statistics
import time
from collections.abc import Callable

from publish.check.asker import Asker
from publish.check.need import Need
from publish.check.observed import Observed
from publish.check.opening import Probe
from publish.check.traces import Traces
from publish.transport import Destination
from runtime.failpoints import failpoint

_MIB = 2**20
_QUESTIONS = 5


class Files:
    """The steps of one check; what they show goes into `Observed`."""

    def __init__(
        self,
        to: Destination,
        folder: str,
        need: Need,
        seen: Observed,
        traces: Traces,
        tell: Callable[[str], object],
    ) -> None:
        self._need, self._seen, self._traces = need, seen, traces
        self._tell = tell
        self._asker = Asker(to, folder, seen.said)

    def run(self) -> None:
        """Try everything; stop sending where nothing may be sent, or removed again.

        Raises:
            Temporary: the server broke off; what was seen until then is kept.
        """
        with self._asker.asking():
            if self._sends() and self._removes():
                self._sends_nothing()
                self._renames()
                self._sends_over()
                self._names_oddly()
                self._sends_much()

    def _sends(self) -> bool:
        self._step("sending a file")
        seen, name, content = self._seen, self._traces.name("1"), b"a,b\r\n1,2\r\n"
        began = time.time()
        seen.put = self._asker.put("put", name, content) is not None
        ended = time.time()
        seen.free_bytes = self._asker.ask("free", lambda at: at.free())
        if not seen.put:
            return False
        seen.size = self._asker.agrees("size", lambda at: at.size(name) == len(content))
        seen.size_ascii = self._asker.ask("size", lambda at: at.size_in_ascii(name))
        there = self._asker.ask("clock", lambda at: at.modified(name))
        if there is not None:
            seen.clock_offset_seconds = _beyond(there.timestamp(), began, ended)
        seen.list = self._asker.agrees("list", lambda at: name in at.list())
        return True

    def _removes(self) -> bool:
        self._step("removing it")
        name = self._traces.name("1")

        def gone(at: Probe) -> bool:
            at.remove(name)
            return at.size(name) is None

        self._seen.remove = self._asker.agrees("remove", gone)
        return self._seen.remove is True

    def _sends_nothing(self) -> None:
        self._step("sending an empty file")
        name = self._traces.name("2")
        if self._asker.put("zero-bytes", name, b"") is None:
            self._seen.zero_bytes = False
        else:
            self._seen.zero_bytes = self._asker.agrees(
                "zero-bytes", lambda at: at.size(name) == 0
            )

    def _renames(self) -> None:
        self._step("renaming")
        seen, old, new = self._seen, self._traces.name("3"), self._traces.name("4")
        if self._asker.put("rename", old, b"old") is None:
            return
        seen.rename = self._moves("rename", old, new, 3)
        if not seen.rename:
            return
        self._step("renaming over a file")
        if self._asker.put("replace", old, b"newer") is None:
            return
        seen.replace = self._moves("replace", old, new, 5)
        if not seen.replace:
            self._asker.ask("delete-then-rename", lambda at: at.remove(new))
            moved = self._moves("delete-then-rename", old, new, 5)
            seen.delete_then_rename = moved

    def _moves(self, finding: str, old: str, new: str, size: int) -> bool:
        def done(at: Probe) -> bool:
            at.rename(old, new)
            return at.size(new) == size and at.size(old) is None

        return self._asker.agrees(finding, done)

    def _sends_over(self) -> None:
        self._step("sending over a file")
        name = self._traces.name("5")
        if self._asker.put("put-over", name, b"old") is None:
            return
        if self._asker.put("put-over", name, b"newer") is None:
            self._seen.put_over = "refused"
            return
        size = self._asker.ask("put-over", lambda at: at.size(name))
        self._seen.put_over = {5: "replaces", 3: "other name"}.get(size or 0)

    def _names_oddly(self) -> None:
        if not self._need.odd:
            return
        self._step("sending a name with odd letters")
        name = self._traces.name(f"6 {self._need.odd}")
        if self._asker.put("odd-names", name, b"odd") is None:
            self._seen.odd_names = False
            return
        listed = self._seen.list
        self._seen.odd_names = self._asker.agrees(
            "odd-names",
            lambda at: at.size(name) == 3 and (not listed or name in at.list()),
        )

    def _sends_much(self) -> None:
        self._step("sending one MiB")
        seen, name, content = self._seen, self._traces.name("7"), os.urandom(_MIB)
        self._asker.ask(
            "big", lambda at: at.size(name)
        )  # connected before the clock runs
        began = time.perf_counter()
        sent = self._asker.put("big", name, content)
        seconds = time.perf_counter() - began
        seen.big = sent is not None and self._asker.agrees(
            "big", lambda at: at.size(name) == _MIB
        )
        if sent is None or not seen.big:
            return
        seen.throughput_mib_s = round(1 / seconds, 2)
        times = []
        for _ in range(_QUESTIONS):
            began = time.perf_counter()
            self._asker.ask("big", lambda at: at.size(name))
            times.append((time.perf_counter() - began) * 1000)
        seen.latency_ms = round(statistics.median(times), 2)
        self._step("asking for its hash")
        digest = self._asker.ask("hash", lambda at: at.hash(name))
        if digest is not None:
            seen.hash_right = sent.agrees(digest) is True
            seen.hash = digest.algorithm if seen.hash_right else None

    def _step(self, words: str) -> None:
        self._tell(words)
        failpoint("in-check")


def _beyond(there: float, began: float, ended: float) -> int:
    """Return how far a time, to the second, lies outside of ours; 0 if it does not."""
    return round(min(there - int(began), 0) + max(there - ended, 0))
