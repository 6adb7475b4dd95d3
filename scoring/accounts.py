"""What the people of an account come to together: measured set by set, kept in AccountScore, told as it changes.

The pipeline says whose people were scored (`note`), a row each in AccountNews, in its own transaction; `score` works
those accounts, and those whose time has come, in another. So batches that have people of one account in common never
wait for each other, and a hundred touches of one company are one look at it. Only an account's own people count: a
group of companies is the sum of nothing, its parts decide apart.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from django.db import connection, transaction

from scoring.account_measures import Ids, Measured, measure
from scoring.models import AccountScore
from scoring.policy import Policy, general_policy

# Somebody who has moved leaves an account behind that is to be looked at too.
_NOTE: Final = """
INSERT INTO scoring_accountnews (account_id)
SELECT account_id FROM funnel_person WHERE id = ANY(%(people)s) AND account_id IS NOT NULL
UNION
SELECT account_id FROM funnel_personhistory WHERE pgh_obj_id = ANY(%(moved)s) AND account_id IS NOT NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an account stands at a moment; see AccountScore. since: since when it is over its threshold, if it is."""

    account_id: int
    engagement: float
    threshold: float
    over: bool
    since: datetime | None
    breadth: int
    people: int
    depth: float
    week: float
    weeks_before: float
    last_at: datetime | None


def note(people: Collection[int], *, moved: Collection[int] = ()) -> None:
    """Say that these people were scored, in that transaction. moved: those whose account may have been another.

    One statement.
    """
    if people:
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, {"people": list(people), "moved": list(moved)})


def note_all() -> None:
    """Have every account with people scored anew: another version decides. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO scoring_accountnews (account_id) "
            "SELECT DISTINCT account_id FROM funnel_person WHERE account_id IS NOT NULL"
        )


@transaction.atomic
def score(*, now: datetime, limit: int) -> int:
    """Score accounts with news and accounts whose review is due, at most about `limit`. Returns how many.

    Of its own transaction. Accounts that somebody else scores are left for the next time. The number of statements does
    not grow with that of accounts or people. Without a version that decides, nothing is done and nothing lost.
    """
    policy = general_policy()
    wanted = _wanted(now, limit) if policy else []
    if policy is None or not wanted:
        return 0
    accounts = _take(wanted)
    if len(accounts):
        _write(policy, measure(policy, accounts, now=now), now=now)
    return len(accounts)


def put_off(*, now: datetime, until: datetime) -> int | None:
    """Take the account that is worked first out of the way: it failed. Returns it; None where nothing is due.

    In the caller's transaction. It is looked at again then, or with its next news.
    """
    wanted = _wanted(now, 1)
    if not wanted:
        return None
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM scoring_accountnews WHERE account_id = %s", [wanted[0]])
    AccountScore.objects.filter(pk=wanted[0]).update(next_review_at=until)
    return wanted[0]


def standings(account_ids: Collection[int], *, now: datetime) -> dict[int, Standing]:
    """Where accounts stand now, by id, without writing anything. None of those without anybody who is scored.

    A constant number of statements.
    """
    policy = general_policy()
    if policy is None or not account_ids:
        return {}
    found = measure(policy, np.array(sorted(set(account_ids)), dtype=np.int64), now=now)
    since = since_of(account_ids)
    return {
        int(found.accounts[place]): standing_of(found, place, since=since) for place in np.unique(found.groups).tolist()
    }


def since_of(account_ids: Collection[int]) -> dict[int, datetime | None]:
    """Since when those of these accounts are over their threshold that were when they were scored last. One query."""
    return dict(AccountScore.objects.filter(pk__in=account_ids, over=True).values_list("pk", "over_since"))


def standing_of(found: Measured, place: int, *, since: dict[int, datetime | None]) -> Standing:
    """One of the accounts measured. since: since when those are over that were over when they were scored last."""
    pk, together, over = int(found.accounts[place]), found.engagement, bool(found.over[place])
    return Standing(
        account_id=pk,
        engagement=float(together.score[place]),
        threshold=float(found.thresholds[place]),
        over=over,
        since=since.get(pk) if over else None,
        breadth=int(together.breadth[place]),
        people=int(together.people[place]),
        depth=float(together.depth[place]),
        week=float(found.weeks[place, 0]),
        weeks_before=float(found.weeks[place, 1]),
        last_at=_moment(found.last_at[place]),
    )


# --- the queue and the table -------------------------------------------------------------------------------------


def _wanted(now: datetime, limit: int) -> list[int]:
    """Accounts with news, the oldest first, then those that are due."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_id FROM scoring_accountnews ORDER BY id LIMIT %s", [limit])
        wanted = dict.fromkeys(pk for (pk,) in cursor.fetchall())
    due = AccountScore.objects.filter(next_review_at__lte=now).order_by("next_review_at")
    wanted |= dict.fromkeys(due.values_list("pk", flat=True)[:limit])
    return list(wanted)[:limit]


def _take(wanted: list[int]) -> Ids:
    """Lock these accounts, as far as nobody else holds them, in id order, and take their news out of the queue."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM funnel_account WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED", [wanted]
        )
        held = [pk for (pk,) in cursor.fetchall()]
        # A statement of its own: what was committed before we held the account, this one sees; and nobody has gone
        # without leaving news behind.
        cursor.execute(
            """
            DELETE FROM scoring_accountnews n WHERE n.account_id = ANY(%(wanted)s) AND (n.account_id = ANY(%(held)s)
                OR NOT EXISTS (SELECT FROM funnel_account a WHERE a.id = n.account_id))
            """,
            {"wanted": wanted, "held": held},
        )
    return np.array(held, dtype=np.int64)


_WRITE: Final = """
WITH told AS (
    SELECT * FROM unnest(
        %(account)s::bigint[], %(engagement)s::float8[], %(breadth)s::integer[], %(people)s::integer[],
        %(depth)s::float8[], %(week)s::float8[], %(weeks_before)s::float8[], %(last_at)s::float8[],
        %(threshold)s::float8[], %(over)s::boolean[], %(next_at)s::float8[]
    ) t (account_id, engagement, breadth, people, depth, week, weeks_before, last_at, threshold, over, next_at)
), before AS (
    SELECT account_id, over, over_since FROM scoring_accountscore WHERE account_id = ANY(%(account)s)
), written AS (
    INSERT INTO scoring_accountscore AS score (account_id, model_id, engagement, breadth, people, depth, week,
        weeks_before, last_at, threshold, over, over_since, scored_at, next_review_at)
    SELECT t.account_id, %(model)s, t.engagement, t.breadth, t.people, t.depth, t.week, t.weeks_before,
           to_timestamp(nullif(t.last_at, 'NaN')), t.threshold, t.over,
           CASE WHEN t.over THEN coalesce(b.over_since, %(now)s) END, %(now)s,
           to_timestamp(nullif(t.next_at, 'NaN'))
    FROM told t LEFT JOIN before b USING (account_id) ORDER BY t.account_id
    ON CONFLICT (account_id) DO UPDATE SET model_id = excluded.model_id, engagement = excluded.engagement,
        breadth = excluded.breadth, people = excluded.people, depth = excluded.depth, week = excluded.week,
        weeks_before = excluded.weeks_before, last_at = excluded.last_at, threshold = excluded.threshold,
        over = excluded.over, over_since = excluded.over_since, scored_at = excluded.scored_at,
        next_review_at = excluded.next_review_at
)
INSERT INTO scoring_accountscorechange (account_id, model_id, occurred_at, recorded_at, over, engagement, threshold)
SELECT t.account_id, %(model)s, %(now)s, %(now)s, t.over, t.engagement, t.threshold
FROM told t LEFT JOIN before b USING (account_id)
WHERE t.over <> coalesce(b.over, false) ORDER BY t.account_id
"""


def _write(policy: Policy, found: Measured, *, now: datetime) -> None:
    """Keep the scores, and a change where an account came over its threshold or fell below. The accounts are held."""
    together = found.engagement
    columns: dict[str, Any] = {
        "account": found.accounts,
        "engagement": together.score,
        "breadth": together.breadth,
        "people": together.people,
        "depth": together.depth,
        "week": found.weeks[:, 0],
        "weeks_before": found.weeks[:, 1],
        "last_at": found.last_at,
        "threshold": found.thresholds,
        "over": found.over,
        "next_at": found.next_at,
    }
    params = {name: values.tolist() for name, values in columns.items()} | {"model": policy.id, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, params)


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if np.isfinite(seconds) else None
