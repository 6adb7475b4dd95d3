"""The companies of the demo's market."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from demandcenter.demo_world.campaigns import load
from demandcenter.demo_world.names import COUNTRIES, Country, company_names, slug
from demandcenter.demo_world.reference import SEATS, SOURCE, Ids
from demandcenter.demo_world.rhythm import Urn, about
from funnel import staging
from funnel.ingest import LARGEST_CHUNK
from funnel.models import Account

LEADS_EACH = 4.5
MOST = 50_000
SEGMENTS = ((1000, "Enterprise"), (200, "Mid-market"), (0, "Small business"))
FIT = {1: 1.3, 2: 1.08, 3: 0.82}  # how the inquiries of each tier fare


@dataclass(slots=True, eq=False)
class Company:
    """A company. known: how many people of it there are; people: ids of those who wrote last, for deals."""

    place: int
    country: Country
    employees: int
    tier: int
    city: str
    name: str = ""
    domain: str = ""
    industry: str = ""
    kind: str = "prospect"
    parent: str = ""
    owner: str = ""
    id: int = 0
    known: int = 0
    people: list[int] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"account-{self.place:06}"

    @property
    def segment(self) -> str:
        return next(name for least, name in SEGMENTS if self.employees >= least)


def market(leads: int, dice: random.Random, *, taken: Sequence[Company] = ()) -> list[Company]:
    """As many companies as fit to a number of leads, the most wanted first; those in `taken` are there already."""
    count = min(max(30, round(leads / LEADS_EACH)), MOST)
    countries = Urn([(country, country.weight) for country in COUNTRIES])
    names = {country.code: company_names(country, dice) for country in COUNTRIES}
    domains = {company.domain for company in taken}
    companies = list(taken)
    while len(companies) < count:
        country = countries.draw(dice)
        name, industry = next(names[country.code])
        domain = domain_of(name, country)
        if domain not in domains:
            domains.add(domain)
            company = _company(len(companies), country, dice, count=count)
            company.name, company.domain, company.industry = name, domain, industry
            companies.append(company)
    return companies


def domain_of(name: str, country: Country) -> str:
    """The company's e-mail domain, in the zone that the Internet keeps for examples (RFC 2606)."""
    for form in country.forms:
        name = name.removesuffix(f" {form}")
    return f"{slug(name, country.language)}.example"


def _company(place: int, country: Country, dice: random.Random, *, count: int) -> Company:
    """A company without a name yet; place and count say how wanted it is."""
    tier = 1 if place < count * 0.09 else 2 if place < count * 0.36 else 3
    employees = int(min(max(12, about(dice, (1500, 420, 130)[tier - 1], 0.9)), 60_000))
    owners = [seat.name for seat in SEATS if seat.kind == "ae" and country.region in seat.regions]
    company = Company(
        place=place,
        country=country,
        employees=employees if employees < 100 else round(employees, -1),
        tier=tier,
        city=dice.choice(country.cities),
        kind=dice.choices(("prospect", "customer", "partner", "competitor"), (0.93, 0.05, 0.015, 0.005))[0],
        owner=dice.choice(owners) if tier < 3 else "",
    )
    if tier == 3 and dice.random() < 0.05:
        company.parent = f"account-{dice.randrange(max(1, int(count * 0.09))):06}"
    return company


def write(companies: Sequence[Company], ids: Ids, *, now: datetime) -> None:
    """Load the companies through the product's own writer, and note their ids."""
    for start in range(0, len(companies), LARGEST_CHUNK):
        part = companies[start : start + LARGEST_CHUNK]
        load("accounts", [_row(company) for company in part], now=now)
        known = staging.find(
            "funnel_accountkey", "external_id", {company.key for company in part}, "account_id", source=SOURCE
        )
        for company in part:
            company.id = known[company.key]


def _row(company: Company) -> dict:
    return {
        "external_id": company.key,
        "name": company.name,
        "domains": company.domain,
        "kind": company.kind,
        "parent": company.parent or None,
        "tier": company.tier,
        "industry": company.industry,
        "employees": company.employees,
        "country": company.country.code,
        "city": company.city,
        "region": company.country.region,
        "segment": company.segment,
        "owner": company.owner or None,
    }


def mark_customers() -> None:
    """Who has bought is a customer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE funnel_account a SET kind = %s WHERE a.kind = %s AND EXISTS "
            "(SELECT FROM funnel_opportunity o WHERE o.account_id = a.id AND o.state = 'won')",
            [Account.Kind.CUSTOMER.value, Account.Kind.PROSPECT.value],
        )
