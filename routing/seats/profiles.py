"""What reps serve: solutions, regions, segments and languages, and whether they share whom they meet."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from funnel.models import Region, Rep, Solution
from routing.factors import Profile, folded, language_of
from routing.models import Served

FRESH: Final = timedelta(weeks=4)  # so long a call sheet says whom somebody meets

_REPS: Final = """
SELECT r.id, r.hired_on, c.read_at >= %s FROM funnel_rep r
LEFT JOIN routing_callsheet c ON c.rep_id = r.id WHERE r.id = ANY(%s)
"""
_SERVED: Final = "SELECT rep_id, solution_id, region_id, segment, language FROM routing_served WHERE rep_id = ANY(%s)"


def profiles_of(rep_ids: Collection[int], *, now: datetime) -> dict[int, Profile]:
    """The profile of each rep. Two queries."""
    ids = list(rep_ids)
    served: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_SERVED, [ids])
        for rep_id, *thing in cursor.fetchall():
            served[rep_id].append(tuple(thing))
        cursor.execute(_REPS, [now - FRESH, ids])
        return {
            rep_id: _profile(served[rep_id], hired_on=hired_on, shares=bool(shares))
            for rep_id, hired_on, shares in cursor.fetchall()
        }


def _profile(served: Iterable[tuple[Any, ...]], **known: Any) -> Profile:
    columns = list(zip(*served, strict=True)) or [(), (), (), ()]
    solutions, regions, segments, languages = columns
    return Profile(
        solutions=frozenset(solutions) - {None},
        regions=frozenset(regions) - {None},
        segments=frozenset(map(folded, segments)) - {""},
        languages=frozenset(map(language_of, languages)) - {""},
        **known,
    )


@transaction.atomic
def set_profile(
    rep: Rep,
    *,
    solutions: Iterable[Solution],
    regions: Iterable[Region],
    segments: Iterable[str],
    languages: Iterable[str],
) -> None:
    """Let the rep serve just this; nothing of a kind is all of it."""
    Served.objects.filter(rep=rep).delete()
    Served.objects.bulk_create(
        [
            *(Served(rep=rep, solution=solution) for solution in solutions),
            *(Served(rep=rep, region=region) for region in regions),
            *(Served(rep=rep, segment=segment) for segment in _clean(segments)),
            *(Served(rep=rep, language=language) for language in _clean(languages)),
        ]
    )


def _clean(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in words if word.strip()))
