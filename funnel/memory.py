"""The garbage collector, where it would look through rows again and again."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


def settle() -> None:
    """Let the collector leave out what is loaded by now: it stays as long as the process, and to walk it again after
    every few thousand rows costs more than the rows.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # or DuckDB's library takes what is left over for leaked, and says so at length


@contextmanager
def collector_paused() -> Iterator[None]:
    """A chunk makes some 100,000 objects, in no circles, that live until it is written; looking through them again
    and again for garbage would take a fifth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
