"""Another system that sends touches without a pause, and sends again whatever got no answer."""

import http.client
import itertools
import threading
import time
from typing import Self

from tests.faults.installation import Installation

PEOPLE = 4  # a request
PAUSE = 0.1  # seconds


class Sender:
    """Sends demo requests of new people in a thread of its own. `acknowledged` holds the keys that were answered."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.acknowledged: list[str] = []
        self.unanswered = 0
        self.refused: list[object] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        for number in itertools.count():
            if self._stop.is_set():
                return
            keys = [f"{number}-{person}" for person in range(PEOPLE)]
            self._send_until_answered([_touch(key) for key in keys])
            self.acknowledged += keys
            time.sleep(PAUSE)

    def _send_until_answered(self, touches: list[dict]) -> None:
        while True:
            try:
                status, answer = self.installation.request("POST", "/api/activities/", touches)
            except (OSError, http.client.HTTPException):
                status, answer = 0, None
            if status in (http.client.OK, http.client.CREATED):
                return
            if 400 <= status < 500 or status == http.client.MULTI_STATUS:
                self.refused.append(answer)
                return
            self.unanswered += 1
            time.sleep(0.1)


def _touch(key: str) -> dict:
    return {
        "external_id": key,
        "email": f"{key}@acme.example",
        "type": "demo_request",
        "counts_as_response": True,
        "occurred_at": "2026-06-01T12:00:00Z",
    }
