"""What may be done with files in a partner's folder, tried with files of our own."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from publish.check.need import Need
from publish.check.observed import Observed
from publish.check.opening import Probe, open_probe
from publish.check.traces import Traces
from publish.deliver import Destination, Sent
from publish.deliver.replies import TemporaryThere
from runtime.exits import Refused, Stop
from runtime.failpoints import failpoint

T = TypeVar("T")
_MIB = 2**20
_QUESTIONS = 5
_AGREED = "the server agreed, but did something else"


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
        self._to, self._folder, self._need = to, folder, need
        self._seen, self._traces, self._tell = seen, traces, tell
        self._connection: Probe | None = None

    def run(self) -> None:
        """Try everything; stop sending where nothing may be sent, or removed again.

        Raises:
            Temporary: the server broke off; what was seen until then is kept.
        """
        with tempfile.TemporaryDirectory() as place:
            self._source = Path(place) / "probe"
            try:
                if self._sends() and self._removes():
                    self._sends_nothing()
                    self._renames()
                    self._sends_over()
                    self._names_oddly()
                    self._sends_much()
            finally:
                self._drop()

    def _sends(self) -> bool:
        self._step("sending a file")
        seen, name, content = self._seen, self._traces.name("1"), b"a,b\r\n1,2\r\n"
        began = time.time()
        seen.put = self._put("put", name, content) is not None
        ended = time.time()
        seen.free_bytes = self._try("free", lambda at: at.free())
        if not seen.put:
            return False
        seen.size = self._agrees("size", lambda at: at.size(name) == len(content))
        seen.size_ascii = self._try("size", lambda at: at.size_in_ascii(name))
        there = self._try("clock", lambda at: at.modified(name))
        if there is not None:
            seen.clock_offset_seconds = _beyond(there.timestamp(), began, ended)
        seen.list = self._agrees("list", lambda at: name in at.list())
        return True

    def _removes(self) -> bool:
        self._step("removing it")
        name = self._traces.name("1")

        def gone(at: Probe) -> bool:
            at.remove(name)
            return at.size(name) is None

        self._seen.remove = self._agrees("remove", gone)
        return self._seen.remove is True

    def _sends_nothing(self) -> None:
        self._step("sending an empty file")
        name = self._traces.name("2")
        if self._put("zero-bytes", name, b"") is None:
            self._seen.zero_bytes = False
        else:
            self._seen.zero_bytes = self._agrees(
                "zero-bytes", lambda at: at.size(name) == 0
            )

    def _renames(self) -> None:
        self._step("renaming")
        seen, old, new = self._seen, self._traces.name("3"), self._traces.name("4")
        if self._put("rename", old, b"old") is None:
            return
        seen.rename = self._moves("rename", old, new, 3)
        if not seen.rename:
            return
        self._step("renaming over a file")
        if self._put("replace", old, b"newer") is None:
            return
        seen.replace = self._moves("replace", old, new, 5)
        if not seen.replace:
            self._try("delete-then-rename", lambda at: at.remove(new))
            moved = self._moves("delete-then-rename", old, new, 5)
            seen.delete_then_rename = moved

    def _moves(self, finding: str, old: str, new: str, size: int) -> bool:
        def done(at: Probe) -> bool:
            at.rename(old, new)
            return at.size(new) == size and at.size(old) is None

        return self._agrees(finding, done)

    def _sends_over(self) -> None:
        self._step("sending over a file")
        name = self._traces.name("5")
        if self._put("put-over", name, b"old") is None:
            return
        if self._put("put-over", name, b"newer") is None:
            self._seen.put_over = "refused"
            return
        size = self._try("put-over", lambda at: at.size(name))
        self._seen.put_over = {5: "replaces", 3: "other name"}.get(size or 0)

    def _names_oddly(self) -> None:
        if not self._need.odd:
            return
        self._step("sending a name with odd letters")
        name = self._traces.name(f"6 {self._need.odd}")
        if self._put("odd-names", name, b"odd") is None:
            self._seen.odd_names = False
            return
        listed = self._seen.list
        self._seen.odd_names = self._agrees(
            "odd-names",
            lambda at: at.size(name) == 3 and (not listed or name in at.list()),
        )

    def _sends_much(self) -> None:
        self._step("sending one MiB")
        seen, name, content = self._seen, self._traces.name("7"), os.urandom(_MIB)
        self._try("big", lambda at: at.size(name))  # connected before the clock runs
        began = time.perf_counter()
        sent = self._put("big", name, content)
        seconds = time.perf_counter() - began
        seen.big = sent is not None and self._agrees(
            "big", lambda at: at.size(name) == _MIB
        )
        if sent is None or not seen.big:
            return
        seen.throughput_mib_s = round(1 / seconds, 2)
        times = []
        for _ in range(_QUESTIONS):
            began = time.perf_counter()
            self._try("big", lambda at: at.size(name))
            times.append((time.perf_counter() - began) * 1000)
        seen.latency_ms = round(statistics.median(times), 2)
        self._step("asking for its hash")
        digest = self._try("hash", lambda at: at.hash(name))
        if digest is not None:
            seen.hash_right = sent.agrees(digest) is True
            seen.hash = digest.algorithm if seen.hash_right else None

    def _put(self, finding: str, name: str, content: bytes) -> Sent | None:
        self._source.write_bytes(content)
        return self._try(finding, lambda at: at.put(self._source, name, _tick))

    def _agrees(self, finding: str, action: Callable[[Probe], bool]) -> bool:
        """Say whether it was done, and was what was asked for."""
        answer = self._try(finding, action)
        if answer is False:
            self._seen.said.setdefault(finding, _AGREED)
        return bool(answer)

    def _try(self, finding: str, action: Callable[[Probe], T]) -> T | None:
        """Do something; None where the server says no, and its words are kept."""
        try:
            if self._connection is None:
                self._connection = open_probe(self._to, self._folder)
            return action(self._connection)
        except Refused as stop:
            self._drop()
            self._seen.said[finding] = self._words(stop)
        except TemporaryThere as stop:
            self._drop()
            # A broken connection, or a server that goes: not an answer to this.
            if stop.reply == 421 or (stop.reply is None and stop.retry == "soon"):
                raise
            self._seen.said[finding] = self._words(stop)
        return None

    def _words(self, stop: Stop) -> str:
        """Return what the server said, without advice for a delivery."""
        text = str(stop).removeprefix(f"{self._to.name}: ")
        for advice in (" This will not pass by itself.", " Try again later."):
            text = text.removesuffix(advice)
        return text.rstrip(".")

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _step(self, words: str) -> None:
        self._tell(words)
        failpoint("in-check")


def _beyond(there: float, began: float, ended: float) -> int:
    """Return how far a time, to the second, lies outside of ours; 0 if it does not."""
    return round(min(there - int(began), 0) + max(there - ended, 0))


def _tick(size: int) -> None:
    failpoint("in-check-stor")
