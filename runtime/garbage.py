"""Python's garbage collector, which looks only for objects that refer to each other."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection(keeps: bool = False) -> Iterator[None]:
    """Stop the collector in the block: with many new objects it costs a fifth.

    Args:
        keeps: what the block makes stays until the end of the process, as modules do.
            No later search looks at it or at anything older.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        if keeps:
            gc.freeze()
    finally:
        if enabled:
            gc.enable()
