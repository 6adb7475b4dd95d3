"""The people of the demo: names that fit their country, titles, and where their mail goes."""

import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from demandcenter.demo_world.companies import Company
from demandcenter.demo_world.names import COUNTRIES, Country, slug
from demandcenter.demo_world.rhythm import Urn
from demandcenter.demo_world.warmth import Behind, Profile
from funnel.accounts import FREE_MAIL
from funnel.models import Person

PRIVATE_MAIL = 0.07  # of inquiries; nothing tells their company
DUPLICATES = 0.06  # of these, somebody whom we know by work mail too

# title, function, seniority, weight
TITLES = (
    ("Head of Operations", "Operations", "Head", 7.0),
    ("VP Operations", "Operations", "VP", 3.0),
    ("Plant Manager", "Operations", "Head", 9.0),
    ("Production Engineer", "Engineering", "Staff", 9.0),
    ("Process Engineer", "Engineering", "Staff", 8.0),
    ("Head of Automation", "Engineering", "Head", 6.0),
    ("Automation Engineer", "Engineering", "Staff", 9.0),
    ("Maintenance Manager", "Maintenance", "Manager", 10.0),
    ("Maintenance Planner", "Maintenance", "Staff", 5.0),
    ("Reliability Engineer", "Maintenance", "Staff", 5.0),
    ("Head of Plant IT", "IT", "Head", 5.0),
    ("IT Architect", "IT", "Staff", 7.0),
    ("CIO", "IT", "C-level", 0.4),
    ("OT Security Manager", "Security", "Manager", 5.0),
    ("Chief Information Security Officer", "Security", "C-level", 0.3),
    ("Energy Manager", "Energy", "Manager", 4.0),
    ("Digitalisation Lead", "Management", "Manager", 6.0),
    ("Managing Director", "Management", "C-level", 0.4),
    ("Chief Operating Officer", "Management", "C-level", 0.3),
    ("Purchasing Manager", "Purchasing", "Manager", 3.0),
    ("Consultant", "Other", "Staff", 2.5),
    ("Student", "Other", "Staff", 1.2),
)
_TITLES = Urn([(title, title[3]) for title in TITLES])
_COUNTRIES = Urn([(country, country.weight) for country in COUNTRIES])


@dataclass(slots=True, eq=False)
class Human:
    """Somebody who may come more than once. trips: how many so far; solutions: what they asked for already.

    free_since: when their last trip ended, by local time; None while one goes on. behind: what the model knows of them.
    quiet: once in work they do little on their own account, so that something else can make another MQL of them.
    """

    key: str
    country: Country
    company: Company | None
    first_name: str
    last_name: str
    title: str
    email: str
    phone: str = ""
    function: str = ""
    seniority: str = ""
    written_company: str = ""
    id: int = 0
    trips: int = 0
    solutions: set[str] = field(default_factory=set)
    free_since: datetime | None = None
    behind: Behind = field(default_factory=Behind)
    profile: Profile | None = None
    quiet: bool = False


class Crowd:
    """Makes people, one after the other."""

    def __init__(self, companies: list[Company], dice: random.Random) -> None:
        self.companies = companies
        self.dice = dice
        self.made = 0
        self._lately: list[Human] = []

    def somebody_new(self) -> Human:
        """A person of some company; the most wanted companies have the most people. Some write from private mail."""
        dice = self.dice
        if dice.random() < PRIVATE_MAIL:
            if self._lately and dice.random() < DUPLICATES:
                return self.again_in_private(dice.choice(self._lately))
            return self._private()
        company = self.companies[int(len(self.companies) * dice.random() ** 1.5)]
        human = self.of(company)
        self._lately.append(human)
        del self._lately[:-200]
        return human

    def of(self, company: Company, name: tuple[str, str] | None = None, title: str = "") -> Human:
        """A new person of this company; name and title as given, or any."""
        dice, country = self.dice, company.country
        chosen = next((known for known in TITLES if known[0] == title), None) or _TITLES.draw(dice)
        first, last = name or country.person_name(company.place, company.known)
        company.known += name is None
        return Human(
            key=self._key(),
            country=country,
            company=company,
            first_name=first,
            last_name=last,
            title=title or chosen[0],
            function=chosen[1],
            seniority=chosen[2],
            email=f"{_local(first, last, country)}@{company.domain}",
            phone=country.phone_number(dice) if country.phone and dice.random() < 0.45 else "",
            written_company=company.name if dice.random() < 0.9 else company.name.rpartition(" ")[0],
        )

    def private(self, name: tuple[str, str], title: str, country: Country) -> Human:
        """Somebody of whom nothing but a private address is known."""
        return Human(
            key=self._key(),
            country=country,
            company=None,
            first_name=name[0],
            last_name=name[1],
            title=title,
            email=self._private_mail(*name, country),
        )

    def again_in_private(self, human: Human) -> Human:
        """The same human with another address: a duplicate to find and merge."""
        return Human(
            key=self._key(),
            country=human.country,
            company=None,
            first_name=human.first_name,
            last_name=human.last_name,
            title=human.title if self.dice.random() < 0.6 else "",
            function=human.function,
            seniority=human.seniority,
            email=self._private_mail(human.first_name, human.last_name, human.country),
            phone=human.phone,
            written_company=human.company.name if human.company else "",
        )

    def _private(self) -> Human:
        country = _COUNTRIES.draw(self.dice)
        name = self.dice.choice(country.first), self.dice.choice(country.last)
        title = self.dice.choice(("Student", "Consultant", "", "", "Process Engineer", "Plant Manager"))
        return self.private(name, title, country)

    def _private_mail(self, first: str, last: str, country: Country) -> str:
        """An address at a free-mail provider that nobody is likely to have."""
        return f"{_local(first, last, country)}.demo{self.made}@{self.dice.choice(country.mail)}"

    def _key(self) -> str:
        self.made += 1
        return f"person-{self.made:07}"


def _local(first: str, last: str, country: Country) -> str:
    return f"{slug(first, country.language)}.{slug(last, country.language)}"


def values(human: Human) -> dict[str, Any]:
    """What conditions may ask of the human, by the names of fields (funnel.fields)."""
    company, domain = human.company, human.email.partition("@")[2]
    found: dict[str, Any] = {
        "person.title": human.title,
        "person.country": human.country.code,
        "person.language": human.country.language,
        "person.company": human.written_company,
        "person.email_domain": domain,
        "person.free_mail": domain in FREE_MAIL,
        "person.opted_out": False,
        "person.do_not_call": False,
        "account.matched": company is not None,
    }
    found |= {f"attribute.{name}": value for name, value in _attributes(human).items()}
    if company is not None:
        found |= {
            "account.industry": company.industry,
            "account.employees": company.employees,
            "account.country": company.country.code,
            "account.segment": company.segment,
            "account.tier": company.tier,
            "account.kind": company.kind,
            "account.region": company.country.region,
        }
    return found


def _attributes(human: Human) -> dict[str, str]:
    return {"function": human.function, "seniority": human.seniority} if human.function else {}


def row(human: Human, created_at: datetime) -> dict:
    """The columns of the person, all but the keys of other systems."""
    company = human.company
    return {
        "id": human.id,
        "email": human.email,
        "first_name": human.first_name,
        "last_name": human.last_name,
        "title": human.title,
        "company": human.written_company,
        "phone": human.phone,
        "country": human.country.code,
        "city": company.city if company else "",
        "language": human.country.language,
        "account_id": company.id if company else None,
        "account_match": (Person.Match.DOMAIN if company else Person.Match.NONE).value,
        "attributes": _attributes(human),
        "created_at": created_at,
    }
