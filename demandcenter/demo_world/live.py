"""The demo going on: somebody does something every few seconds, and the product makes of it what it would of anybody.

Touches come in through the same door as every other system's; who decides on MQLs are the demo's reps, Mara apart: hers
wait for whoever is trying the demo out.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet

from demandcenter.demo_world.campaigns import OFFERS
from demandcenter.demo_world.names import BY_CODE, slug
from demandcenter.demo_world.people import TITLES
from demandcenter.demo_world.reference import GONE, SOURCE
from demandcenter.demo_world.rhythm import Urn
from demandcenter.demo_world.stories import BUSY, MARA
from funnel import inbox, ingest
from funnel.ingest import Row
from funnel.models import Account, Lead, Person, Reason, Stage, StageEvent
from routing import meetings, services
from routing.acts import Refused
from scoring.models import Score
from scoring.scopes import scopes_now

HERS = ("DACH", "Nordics")  # the regions of Mara's team
PATIENCE = 50  # rows in the inbox before somebody should know that nobody works it
SOON = timedelta(minutes=2)  # how old an MQL is before a rep of the demo looks at it


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody does: type of touch, words, channel, kind of content, whether it is a response."""

    type: str
    words: str
    channel: str = "Website"
    kind: str = ""
    response: bool = False


_VISITS = Urn(
    {
        Deed("page_visit", "visited a page", "Organic search"): 0.3,
        Deed("email_open", "opened the newsletter", "E-mail", "newsletter"): 0.18,
        Deed("email_click", "clicked in a mail", "E-mail", "guide"): 0.14,
        Deed("integrations_visit", "looked at integrations", kind="page"): 0.12,
        Deed("content_download", "downloaded a guide", kind="guide", response=True): 0.16,
        Deed("webinar_registered", "registered for a webinar", "Webinar", "webinar", response=True): 0.1,
    }
)
_STRONG = Urn(
    {
        Deed("pricing_visit", "looked at prices", kind="page"): 0.3,
        Deed("price_calculator", "used the price calculator", kind="calculator", response=True): 0.3,
        Deed("webinar_attended", "attended a webinar", "Webinar", "webinar", response=True): 0.2,
        Deed("content_download", "downloaded a case study", kind="case study", response=True): 0.2,
    }
)
_ASKED = Deed("demo_request", "asked for a demo", kind="form", response=True)
_CAME_IN = Deed("content_download", "came in by a guide", "Paid search", "guide", response=True)


class Live:
    """The demo's people, one deed at a time. Every step says in a line what it did."""

    def __init__(self, dice: random.Random, *, now: Callable[[], datetime]) -> None:
        self.dice, self.now = dice, now
        self._numbers = count(1)
        self._started = f"{now():%Y%m%d%H%M%S}"
        self._seen = StageEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self._told_of_nobody = False
        self._steps: Urn[Callable[[], str]] = Urn(
            {
                self._somebody_known: 0.4,
                self._somebody_warm: 0.25,
                self._somebody_new: 0.12,
                self._demo_request: 0.04,
                self._decision: 0.15,
                self._meeting: 0.04,
            }
        )
        # Whoever watches should not have to wait for the dice.
        self._first = iter([self._somebody_warm, self._demo_request_here, self._somebody_warm, self._decision])

    def step(self) -> Iterator[str]:
        """Do one thing; yields what it was, and what the product made of the things before."""
        did = next(self._first, None) or self._steps.draw(self.dice)
        yield did() or self._somebody_known()
        yield from self._news()

    # --- touches ------------------------------------------------------------------------------------

    def _somebody_known(self) -> str:
        lead = self._one(self._inquiries())
        return self._touch(lead.person, _VISITS.draw(self.dice), lead) if lead else self._somebody_new()

    def _somebody_warm(self) -> str:
        """Somebody near the threshold does what may well lift them over it."""
        scores = Score.objects.filter(model=scopes_now().general, allowed=True, grade__in=["A", "B"], band=3)
        warm = self._inquiries().filter(person__in=scores.values("person"))
        if self.dice.random() < 0.6:
            warm = warm.filter(region__name__in=HERS)
        lead = self._one(warm)
        return self._touch(lead.person, _STRONG.draw(self.dice), lead) if lead else ""

    def _demo_request(self) -> str:
        return self._newcomer(_ASKED) if self.dice.random() < 0.5 else self._demo_request_here()

    def _demo_request_here(self) -> str:
        """Somebody of a region of Mara's team wants a demo."""
        lead = self._one(self._inquiries().filter(region__name__in=HERS, person__scores__grade__in=["A", "B"]))
        return self._touch(lead.person, _ASKED, lead) if lead else self._newcomer(_ASKED)

    def _somebody_new(self) -> str:
        return self._newcomer(_CAME_IN)

    def _inquiries(self) -> QuerySet[Lead]:
        return Lead.objects.open().filter(stage=Stage.INQUIRY, person__account__kind=Account.Kind.PROSPECT)

    def _one(self, leads: QuerySet[Lead]) -> Lead | None:
        return leads.select_related("person__account", "solution").order_by("?").first()

    def _newcomer(self, deed: Deed) -> str:
        account = Account.objects.filter(kind=Account.Kind.PROSPECT, domains__isnull=False).order_by("?").first()
        if account is None or account.country not in BY_CODE:
            return ""
        country = BY_CODE[account.country]
        first, last = self.dice.choice(country.first), self.dice.choice(country.last)
        domain = account.domains.values_list("domain", flat=True).first()
        title, *_rest = self.dice.choice(TITLES[:17])
        local = f"{slug(first, country.language)}.{slug(last, country.language)}"
        about = {"first_name": first, "last_name": last, "title": title, "company": account.name}
        person = Person(email=f"{local}@{domain}", account=account, **about)
        return self._touch(person, deed, None, about | {"country": country.code})

    def _touch(self, person: Person, deed: Deed, lead: Lead | None, about: dict[str, Any] | None = None) -> str:
        """Hand one touch in; returns what it was in words."""
        at = self.now()
        offer = self._offer(deed, lead)
        values = {
            "external_id": f"live-{self._started}-{next(self._numbers)}",
            "email": person.email,
            "type": deed.type,
            "channel": deed.channel,
            "content": offer.name if offer else None,
            "solution": (lead.solution.name if lead and lead.solution else offer and offer.solution) or None,
            "counts_as_response": deed.response,
            "occurred_at": at,
        }
        (outcome,) = ingest.record([Row(1, values | (about or {}))], source=SOURCE, now=at)
        where = f", {person.account}" if person.account else ""
        said = f" “{offer.name}”" if offer and deed.kind in ("guide", "case study", "webinar") else ""
        return f"{person}{where} {deed.words}{said}" if outcome.status == "created" else f"Refused: {outcome.problem}"

    def _offer(self, deed: Deed, lead: Lead | None) -> Any:
        if not deed.kind:
            return None
        found = [offer for offer in OFFERS if offer.kind == deed.kind]
        if deed is _ASKED:
            return next(offer for offer in found if offer.name == "Demo request")
        own = [offer for offer in found if lead and lead.solution and offer.solution in ("", lead.solution.name)]
        return self.dice.choice(own or found)

    # --- what the reps do ---------------------------------------------------------------------------

    def _decision(self) -> str:
        """A rep accepts or rejects an MQL; whoever has too much does not."""
        waiting = Lead.objects.open().filter(stage=Stage.MQL, owner__active=True, owner__user__isnull=False)
        waiting = waiting.filter(stage_since__lt=self.now() - SOON).exclude(owner__name__in=[MARA, BUSY, GONE])
        lead = waiting.select_related("person", "owner__user").order_by("stage_since").first()
        if lead is None or lead.owner is None or lead.owner.user is None:
            return ""
        if self.dice.random() < 0.8:
            return self._act(lead, "accepted", lambda user: services.accept(lead.pk, user=user, now=self.now()))
        reason = Reason.objects.get(kind=Reason.For.REJECT, name="Wrong profile")
        return self._act(
            lead,
            "rejected",
            lambda user: services.reject(lead.pk, user=user, reason_id=reason.pk, text="", now=self.now()),
        )

    def _meeting(self) -> str:
        """A rep has met somebody, which makes an SQL."""
        accepted = Lead.objects.open().filter(stage=Stage.SAL, owner__user__isnull=False, meetings=None)
        lead = accepted.exclude(owner__name=MARA).select_related("person", "owner__user").order_by("?").first()
        return self._act(lead, "met", lambda user: self._meet(lead.pk, user)) if lead else ""

    def _meet(self, lead_id: int, user: User) -> None:
        now = self.now()
        meetings.book(lead_id, starts_at=now - timedelta(minutes=40), user=user, now=now)
        ahead = Lead.objects.get(pk=lead_id).meetings.get(outcome="")
        meetings.record_outcome(ahead.pk, outcome="held", user=user, now=now)

    def _act(self, lead: Lead, verb: str, deed: Callable[[User], object]) -> str:
        owner = lead.owner
        assert owner is not None and owner.user is not None, "asked for above"
        try:
            deed(owner.user)
        except Refused as refused:  # somebody who tries the demo out was faster
            return f"{owner} was too late for {lead.person}: {refused}"
        return f"{owner} {verb} {lead.person}"

    # --- what the product made of it ----------------------------------------------------------------

    def _news(self) -> Iterator[str]:
        """The MQLs that came about since the last step, and whose they are."""
        events = StageEvent.objects.filter(pk__gt=self._seen).order_by("pk")
        for event in events.select_related("lead__person", "lead__owner", "lead__pool"):
            self._seen = event.pk
            if event.to_stage == Stage.MQL:
                lead = event.lead
                whose = (
                    f"for {lead.owner}" if lead.owner else f"in the pool of {lead.pool}" if lead.pool else "nobody's"
                )
                yield f"  → {lead.person} is an MQL, {whose}"
        if not self._told_of_nobody and inbox.backlog().rows > PATIENCE:
            self._told_of_nobody = True
            yield "  Nobody works what comes in: start the product with `make run`."
