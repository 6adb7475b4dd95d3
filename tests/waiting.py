"""Waiting for what other processes do."""

import time
from collections.abc import Callable

PATIENCE = 120.0  # seconds, on a machine that does much else; on a free one hardly any are needed


def wait_until(holds: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return False
