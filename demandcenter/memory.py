"""Memory of processes that run for long."""

import atexit
import gc


def settle() -> None:
    """Let the garbage collector leave out what is loaded by now: it stays as long as the process, and to walk it again
    after every few thousand rows costs more than the rows.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # or DuckDB's library takes what is left over for leaked, and says so at length
