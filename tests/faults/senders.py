"""Other systems at work without a pause: touches are sent, leads accepted, and what got no answer is tried again."""

import http.client
import itertools
import threading
import time
from typing import Self

from tests.faults.installation import Installation

PEOPLE = 4  # a request
PAUSE = 0.1  # seconds


# An MQL of the touches with these keys, which came in a while ago.
_MQL = """
SELECT l.id FROM funnel_lead l JOIN funnel_activity t USING (person_id)
WHERE t.external_id = ANY(%s) AND l.stage = 'mql' ORDER BY l.id LIMIT 1
"""
AGO = 12  # requests


class Sender:
    """Sends demo requests of new people and accepts some of their leads, in a thread of its own.

    acknowledged: the keys that were answered. accepted: the leads whose accepting was.
    """

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.acknowledged: list[str] = []
        self.accepted: list[int] = []
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
            if self._answered("/api/activities/", [_touch(key) for key in keys]):
                self.acknowledged += keys
            for (lead_id,) in self.installation.query(_MQL, self.acknowledged[-AGO * PEOPLE : -AGO * PEOPLE // 2]):
                if self._answered(f"/api/leads/{lead_id}/accept/", {}, repeated=http.client.CONFLICT):
                    self.accepted.append(lead_id)
            time.sleep(PAUSE)

    def _answered(self, address: str, body: object, *, repeated: int = http.client.OK) -> bool:
        """Send until there is an answer; whether it says that it is done. repeated: how a second success answers."""
        for attempt in itertools.count(1):
            try:
                status, answer = self.installation.request("POST", address, body)
            except (OSError, http.client.HTTPException):
                status, answer = 0, None
            if status in (http.client.OK, http.client.CREATED) or (attempt > 1 and status == repeated):
                return True
            if 0 < status < http.client.INTERNAL_SERVER_ERROR:
                self.refused.append(answer)
                return False
            time.sleep(0.1)
        raise AssertionError("it returns")


def _touch(key: str) -> dict:
    return {
        "external_id": key,
        "email": f"{key}@acme.example",
        "type": "demo_request",
        "counts_as_response": True,
        "occurred_at": "2026-06-01T12:00:00Z",
    }
