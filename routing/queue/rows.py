"""What a row of the queue shows of a lead: clock, grade, the strongest reasons, the account around it, the last touch.

Everything is read for the leads of one page at once: the number of queries does not depend on how many there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from funnel.models import Account, Lead
from funnel.templatetags.dc import money_short
from routing.acts.viewer import Viewer
from routing.assignment.explain import why_nobody
from routing.hours.countdown import Face, face, moment_words
from routing.hours.zones import There, there
from routing.leads.grades import Grade, grades_of
from routing.models import Assignment
from routing.queue.waiting import Place
from routing.wording import touch_words
from scoring.by_lead import reasons_of
from scoring.explain import Reason

ACTIVE_WITHIN = timedelta(days=30)
MOST_ACTIVE = 9

_WITH_ROW = ("person", "account__owner", "solution", "owner", "pool", "region")


@dataclass(frozen=True, slots=True)
class Around:
    """What happens around a lead. deal: amount, currency, owner's name, how many; passes: of the same person before."""

    deal_amount: Any = None
    deal_currency: str = ""
    deal_owner: str = ""
    deals: int = 0
    active: int = 0
    passes: int = 0
    last_exit: str = ""
    last_reason: str = ""
    last_closed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the queue. there: the time where they are; because: why nobody could take it, on the list of those;
    may_*: what is offered here; covering: the first name of its owner, for whom the viewer stands in.
    """

    lead: Lead
    company: str
    clock: Face | None
    also: Face | None
    grade: Grade | None
    reasons: Sequence[Reason]
    headline: str
    context: str
    last_words: str
    last_at: str
    there: There
    because: str
    may_act: bool
    may_claim: bool
    may_log: bool = False
    covering: str = ""


def rows_of(places: Sequence[Place], viewer: Viewer, *, now: datetime, unrouted: bool = False) -> list[Row]:
    """The rows of these places, in their order, without leads that are gone. A constant number of queries."""
    ids = [place.lead_id for place in places]
    leads = Lead.objects.select_related(*_WITH_ROW).in_bulk(ids)
    around, last = _around(ids, now=now), _last_touches([place.person_id for place in places])
    grades, reasons = grades_of(leads.values()), reasons_of(leads.values(), now=now)
    because = _why_unrouted(ids) if unrouted else {}
    rows = []
    for place in places:
        lead = leads.get(place.lead_id)
        if lead is None:
            continue
        near = around.get(lead.pk, Around())
        words, at = last.get(lead.person_id, ("Nothing yet", None))
        rows.append(
            Row(
                lead=lead,
                company=company_of(lead),
                clock=_first_face(place, now),
                also=face(place.accept, now=now) if place.hot and place.accept else None,
                grade=grades.get(lead.pk),
                reasons=reasons.get(lead.pk, []),
                headline=headline(lead, near, viewer),
                context=context(lead, near),
                last_words=words,
                last_at=moment_words(at, now=now) if at else "",
                there=there(lead.person.country, lead.person.phone, now=now),
                because=because.get(lead.pk, ""),
                may_act=lead.stage == "mql" and viewer.may_act_on(lead.owner_id),
                may_claim=viewer.may_claim(lead.pool_id),
                covering=lead.owner.name.partition(" ")[0] if lead.owner and lead.owner_id in viewer.covers else "",
                may_log=viewer.may_log(lead.owner_id),
            )
        )
    return rows


def _first_face(place: Place, now: datetime) -> Face | None:
    running = place.hot or place.accept
    return face(running, now=now) if running else None


def company_of(lead: Lead) -> str:
    """The company's name with its country, as far as it is known."""
    name = lead.account.name if lead.account else lead.person.company
    country = (lead.account.country if lead.account else "") or lead.person.country
    return ", ".join(part for part in (name, country) if part) or "No company known"


def headline(lead: Lead, around: Around, viewer: Viewer) -> str:
    """The one thing about the account that changes what to do next."""
    mine = ", you own it" if viewer.rep_id and lead.account and lead.account.owner_id == viewer.rep_id else ""
    if around.deals:
        amount = f" {money_short(around.deal_amount, around.deal_currency)}" if around.deal_amount is not None else ""
        more = f", {around.deals} in all" if around.deals > 1 else ""
        return f"Open deal{amount}{f', {short_name(around.deal_owner)}' if around.deal_owner else ''}{more}"
    if lead.account and lead.account.kind == Account.Kind.CUSTOMER:
        return f"Customer{mine}"
    if around.passes and around.last_exit:
        when = f" in {around.last_closed:%b %Y}" if around.last_closed else ""
        reason = f": {around.last_reason}" if around.last_reason else ""
        return f"{around.last_exit.replace('_', ' ').capitalize()}{when}{reason}"
    return f"No open deal{mine}" if lead.account else "No account matched"


def context(lead: Lead, around: Around) -> str:
    """Tier, owner of the account, who else there is active."""
    parts = []
    if lead.account:
        if lead.account.tier:
            parts.append(f"Tier {lead.account.tier}")
        if lead.account.owner:
            parts.append(f"owner {short_name(lead.account.owner.name)}")
        if around.active:
            more = "+" if around.active > MOST_ACTIVE else ""
            others = min(around.active, MOST_ACTIVE)
            parts.append(f"{others}{more} other{'' if others == 1 and not more else 's'} active")
    if around.passes:
        parts.append(f"pass {lead.number}")
    words = ", ".join(parts)
    return words[:1].upper() + words[1:]


def short_name(name: str) -> str:
    """Magnus Lind -> M. Lind."""
    first, blank, rest = name.partition(" ")
    return f"{first[:1]}. {rest}" if blank and rest else name


def _around(lead_ids: Sequence[int], *, now: datetime) -> dict[int, Around]:
    """Open deals and active people of each lead's account, and the person's pass before. One query.

    Active: a touch from them within ACTIVE_WITHIN, told by the `last_at` of their scores; counted to ten at most.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT l.id, d.amount, coalesce(d.currency, ''), coalesce(d.owner, ''), coalesce(d.n, 0), coalesce(o.n, 0),
                   l.number - 1, coalesce(b.exit, ''), coalesce(b.reason, ''), b.closed_at
            FROM funnel_lead l
            LEFT JOIN LATERAL (
                SELECT p.amount, p.currency, r.name AS owner, count(*) OVER () AS n
                FROM funnel_opportunity p LEFT JOIN funnel_rep r ON r.id = p.owner_id
                WHERE p.account_id = l.account_id AND p.state = 'open' ORDER BY p.amount DESC NULLS LAST LIMIT 1
            ) d ON true
            LEFT JOIN LATERAL (
                SELECT count(*) AS n FROM (
                    SELECT FROM funnel_person q
                    WHERE q.account_id = l.account_id AND q.id <> l.person_id
                      AND EXISTS (SELECT FROM scoring_score s WHERE s.person_id = q.id AND s.last_at >= %(since)s)
                    LIMIT 10
                ) x
            ) o ON true
            LEFT JOIN LATERAL (
                SELECT e.exit, r.name AS reason, e.closed_at FROM funnel_lead e
                LEFT JOIN funnel_reason r ON r.id = e.reason_id
                WHERE e.person_id = l.person_id AND e.number < l.number AND e.exit NOT IN ('', 'void', 'merged')
                ORDER BY e.number DESC LIMIT 1
            ) b ON true
            WHERE l.id = ANY(%(ids)s)
            """,
            {"ids": list(lead_ids), "since": now - ACTIVE_WITHIN},
        )
        return {row[0]: Around(*row[1:]) for row in cursor.fetchall()}


def around_of(lead: Lead, *, now: datetime) -> Around:
    """The same for one lead."""
    return _around([lead.pk], now=now).get(lead.pk, Around())


def _last_touches(person_ids: Sequence[int]) -> dict[int, tuple[str, datetime]]:
    """The latest touch of each person that was not taken back, in words, and when. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT p.id, t.type, t.direction, t.occurred_at FROM unnest(%s::bigint[]) p (id)
            CROSS JOIN LATERAL (
                SELECT type, direction, occurred_at FROM funnel_activity
                WHERE person_id = p.id AND voided_at IS NULL ORDER BY occurred_at DESC, id DESC LIMIT 1
            ) t
            """,
            [list(person_ids)],
        )
        return {
            person: (f"Us: {touch_words(type_).lower()}" if direction == "out" else touch_words(type_), at)
            for person, type_, direction, at in cursor.fetchall()
        }


def _why_unrouted(lead_ids: Sequence[int]) -> Mapping[int, str]:
    """Why nobody could take each of these leads, by the latest decision on it. One query."""
    latest = Assignment.objects.filter(lead__in=lead_ids).order_by("lead", "-occurred_at", "-id").distinct("lead")
    told = {lead: (kind, said) for lead, kind, said in latest.values_list("lead", "kind", "explanation")}
    return {lead_id: _unrouted_words(*told.get(lead_id, ("", {}))) for lead_id in lead_ids}


def _unrouted_words(kind: str, explanation: Mapping[str, Any]) -> str:
    if kind == Assignment.Kind.UNROUTED:
        return why_nobody(explanation)
    return "Given back." if kind == Assignment.Kind.RELEASED else "Never routed: it was loaded as an MQL."
