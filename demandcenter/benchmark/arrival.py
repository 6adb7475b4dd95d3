"""From a touch that is sent to its MQL in the queue, with web, worker and beat at work as processes of their own."""

import http.client
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from demandcenter.benchmark import scenery
from demandcenter.benchmark.measuring import Finding, Target, percentile
from demandcenter.benchmark.scenery import SOURCE, Scenery
from demandcenter.processes import ENVIRONMENT, children
from demandcenter.server_process import LOOPBACK, follow_parent, free_port
from demandcenter.supervisor import end_group
from funnel.models import Lead, Stage
from funnel.tokens import create_token

AREA = "queue"
RATE = 100  # touches a second
SECONDS = 30
ASK_EVERY = 20  # touches: one of so many is a stranger's demo request, which makes an MQL
SCORED = 10_000  # of the people, who do the rest
HANDS = 8  # connections that send
LONGEST = 2.0  # seconds
LOOK = 0.05  # seconds between two looks at the queue; what came in between counts as late as the look
PATIENCE = 600.0  # seconds, for processes to come up and for the last MQL on a machine that is busy


def measure(there: Scenery) -> Iterator[Finding]:
    """How long a demo request takes to become an MQL with an owner or a pool, among other people's touches.

    It counts from when the touch should have been sent, so that a web process that falls behind shows too. Touches come
    ten a request, as a website's collector sends them; one a request tells what a request costs.
    """
    there.active = min(there.people, there.effort.of(SCORED, least=100))
    scenery.score(there.active)
    secret = create_token(user=there.company.administrator, name=SOURCE, now=timezone.now()).secret
    with tempfile.TemporaryDirectory() as folder, _product(Path(folder)) as port:
        for each, how, target in ((10, "ten a request", Target("at most", 1)), (1, "one a request", None)):
            _send(there, port, secret, each=each, seconds=there.effort.of(3, least=1))  # a warm-up
            waits = _send(there, port, secret, each=each, seconds=there.effort.of(SECONDS, least=1))
            for share in (0.5, 0.95):
                yield Finding(
                    area=AREA, name=f"from touch to queue at {RATE} touches/s, {how}, p{share * 100:.0f}", unit="s",
                    leads=there.leads, ours=percentile(waits, share), comparison=LONGEST,
                    against="the longest that it may take, with one web process and one worker",
                    target=target,
                )  # fmt: skip


# --- The processes ----------------------------------------------------------------------------------


@contextmanager
def _product(folder: Path) -> Iterator[int]:
    """Web, worker and beat over the scratch servers, as `up` runs them; yields the port of the web process."""
    port = free_port()
    environment = os.environ | ENVIRONMENT | {"DEMAND_DATA_DIR": str(folder)}
    with ExitStack() as stack:
        for child in children(port, folder=folder):
            log = stack.enter_context((folder / f"{child.name}.log").open("wb"))
            process = subprocess.Popen(
                child.command,
                cwd=settings.BASE_DIR,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: follow_parent(signal.SIGTERM),  # noqa: PLW1509 one system call, no lock
            )
            stack.callback(_end, process)
        _wait_for(port, folder)
        yield port


def _end(process: subprocess.Popen[bytes]) -> None:
    end_group(process)
    process.wait()


def _wait_for(port: int, folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=5)) as connection:
            try:
                connection.request("GET", "/healthz")
                if connection.getresponse().status == http.client.OK:
                    return
            except OSError:
                time.sleep(0.2)
    said = "\n".join(log.read_text(errors="replace")[-1000:] for log in sorted(folder.glob("*.log")))
    raise RuntimeError(f"The web process did not come up within {PATIENCE:.0f} s.\n{said}")


# --- Sending and looking ----------------------------------------------------------------------------


def _send(there: Scenery, port: int, secret: str, *, each: int, seconds: float) -> list[float]:
    """Send touches at the rate, so many a request; returns how long each demo request took, in seconds."""
    touches = _touches(there, round(RATE * seconds))
    sender = _Sender([touches[at : at + each] for at in range(0, len(touches), each)], port, secret)
    with sender:
        return _watch(sender)


def _touches(there: Scenery, size: int) -> list[dict[str, Any]]:
    strangers = iter(there.newcomers(-(-size // ASK_EVERY)))
    return [
        _demo_request(next(strangers)) if place % ASK_EVERY == 0 else row
        for place, row in enumerate(there.touches(size))
    ]


def _demo_request(newcomer: dict[str, Any]) -> dict[str, Any]:
    kept = ("external_id", "email", "first_name", "last_name", "title", "channel", "content", "solution", "source")
    return {name: newcomer[name] for name in kept} | {"type": "demo_request", "counts_as_response": True}


class _Sender:
    """Sends requests when each is due, over several connections, during a `with`.

    asked: when whose demo request was due, by e-mail. problems: what went wrong.
    """

    def __init__(self, requests: Sequence[list[dict[str, Any]]], port: int, secret: str) -> None:
        self.requests, self.port = requests, port
        self.headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        start, pause = time.monotonic() + 0.5, len(requests[0]) / RATE
        self.due = [start + number * pause for number in range(len(requests))]
        self.asked = {
            row["email"]: at
            for rows, at in zip(requests, self.due, strict=True)
            for row in rows
            if row["type"] == "demo_request"
        }
        self.problems: list[Exception] = []
        self._turns = count()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(HANDS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._turns = count(len(self.requests))
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        """Send whichever request is next."""
        try:
            with closing(http.client.HTTPConnection(LOOPBACK, self.port, timeout=PATIENCE)) as connection:
                while (number := next(self._turns)) < len(self.requests):
                    time.sleep(max(0.0, self.due[number] - time.monotonic()))
                    self._post(connection, self.requests[number])
        except Exception as problem:  # raised by who watches
            self.problems.append(problem)

    def _post(self, connection: http.client.HTTPConnection, rows: list[dict[str, Any]]) -> None:
        at = {"occurred_at": timezone.now().isoformat()}
        body = json.dumps([at | row for row in rows])
        connection.request("POST", "/api/activities/", body=body, headers=self.headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != http.client.CREATED:
            raise RuntimeError(f"The API answered {answer.status}: {said[:500]!r}")


def _watch(sender: _Sender) -> list[float]:
    """Look at the leads until everybody who asked is somebody's MQL; returns how many seconds each took.

    Raises RuntimeError where one is none a long while after the last request.
    """
    waits, waiting = [], dict(sender.asked)
    theirs = Lead.objects.filter(Q(owner__isnull=False) | Q(pool__isnull=False), stage=Stage.MQL)
    while waiting:
        if sender.problems:
            raise sender.problems[0]
        if time.monotonic() > sender.due[-1] + PATIENCE:
            raise RuntimeError(f"{len(waiting)} of {len(sender.asked)} demo requests are no MQLs yet.")
        time.sleep(LOOK)
        sent = [email for email, at in waiting.items() if at <= time.monotonic()]
        found = list(theirs.filter(person__email__in=sent).values_list("person__email", flat=True))
        now = time.monotonic()
        waits += [now - waiting.pop(email) for email in found]
    return waits
