"""How long whole answers of pages take, through middleware and views as in production, without a socket."""

from collections.abc import Callable, Iterator
from functools import partial

from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from demandcenter.benchmark import scenery
from demandcenter.benchmark.measuring import Effort, Finding, Target, percentile, seconds

VISITS = 30
WARM_UP = 3


def measure(
    area: str, name: str, user: User, address: str, *, leads: int, slowest: float, few: str = ""
) -> Iterator[Finding]:
    """The median and the 95th percentile of a page in ms, against the longest that it may take.

    few: an address of the same page with fewer rows; the number of queries has to be the same then. Raises
    RuntimeError for a page that does not answer.
    """
    client, effort = scenery.client(user), Effort(leads)

    def visit(where: str) -> None:
        response = client.get(where)
        if response.status_code != 200:
            raise RuntimeError(f"{where} answered {response.status_code}.")

    warm_up = effort.of(WARM_UP, least=0)
    visits = range(warm_up + effort.of(VISITS, least=1))
    taken = [seconds(partial(visit, address)) * 1000 for _ in visits][warm_up:]
    for share in (0.5, 0.95):
        yield Finding(
            area=area, name=f"{name}, p{share * 100:.0f}", unit="ms", leads=leads, ours=percentile(taken, share),
            comparison=slowest, against="the longest that it may take", target=Target("at most", 1),
        )  # fmt: skip
    if few:
        queries = [_count_queries(partial(visit, where)) for where in (address, few)]
        yield Finding(
            area=area, name=f"{name}, queries", unit="queries", leads=leads, ours=queries[0], comparison=queries[1],
            against="the same with fewer rows", target=Target("at most", 1),
        )  # fmt: skip


def _count_queries(work: Callable[[], None]) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)
