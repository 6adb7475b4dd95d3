"""What people of the demo do of their own accord, handed in through the same door as every other system's touches."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from django.db.models import QuerySet

from demandcenter.demo_world.campaigns import OFFERS
from demandcenter.demo_world.names import BY_CODE, slug
from demandcenter.demo_world.people import TITLES
from demandcenter.demo_world.reference import SOURCE
from demandcenter.demo_world.rhythm import Urn
from funnel import ingest
from funnel.ingest import Row
from funnel.models import Account, Lead, Person, Stage
from scoring.models import Score
from scoring.scopes import scopes_now

HERS = ("DACH", "Nordics")  # the regions of Mara's team


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


class Visitors:
    """The demo's people, one touch at a time, at the moment that `now` gives. Every deed says in words what it was."""

    def __init__(self, dice: random.Random, *, now: Callable[[], datetime], key: str) -> None:
        self.dice, self.now = dice, now
        self._numbers = count(1)
        self._key = f"{key}-{now():%Y%m%d%H%M%S}"

    def somebody_known(self) -> str:
        lead = self._one(self._inquiries())
        return self._touch(lead.person, _VISITS.draw(self.dice), lead) if lead else self.somebody_new()

    def somebody_warm(self) -> str:
        """Somebody near the threshold does what may well lift them over it."""
        scores = Score.objects.filter(model=scopes_now().general, allowed=True, grade__in=["A", "B"], band=3)
        warm = self._inquiries().filter(person__in=scores.values("person"))
        if self.dice.random() < 0.6:
            warm = warm.filter(region__name__in=HERS)
        lead = self._one(warm)
        return self._touch(lead.person, _STRONG.draw(self.dice), lead) if lead else ""

    def demo_request(self) -> str:
        return self._newcomer(_ASKED) if self.dice.random() < 0.5 else self.demo_request_here()

    def demo_request_here(self) -> str:
        """Somebody of a region of Mara's team wants a demo."""
        lead = self._one(self._inquiries().filter(region__name__in=HERS, person__scores__grade__in=["A", "B"]))
        return self._touch(lead.person, _ASKED, lead) if lead else self._newcomer(_ASKED)

    def somebody_new(self) -> str:
        return self._newcomer(_CAME_IN)

    def _inquiries(self) -> QuerySet[Lead]:
        return Lead.objects.open().filter(stage=Stage.INQUIRY, person__account__kind=Account.Kind.PROSPECT)

    def _one(self, leads: QuerySet[Lead]) -> Lead | None:
        count = leads.count()
        found = leads.select_related("person__account", "solution").order_by("pk")
        return found[self.dice.randrange(count)] if count else None

    def _newcomer(self, deed: Deed) -> str:
        accounts = Account.objects.filter(kind=Account.Kind.PROSPECT, country__in=BY_CODE)
        known = accounts.filter(domains__isnull=False).distinct().order_by("pk")
        count = known.count()
        if not count:
            return ""
        account = known[self.dice.randrange(count)]
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
            "external_id": f"{self._key}-{next(self._numbers)}",
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
