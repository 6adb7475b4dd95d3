"""Running something at the same time on other connections to the database."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections

from tests.waiting import PATIENCE


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run the works at the same time, each on a connection of its own. Returns what they return; the first error is
    raised, and so is that one does not end.
    """
    barrier = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)
    errors: list[BaseException] = []

    def run(number: int, work: Callable[[], Any]) -> None:
        try:
            barrier.wait(PATIENCE)
            results[number] = work()
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads), "it did not end"
    if errors:
        raise errors[0]
    return results
