"""Campaigns as a table: what each brought in, what became of it, and what it cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from funnel.intervals import wilson
from funnel.models import Campaign, Stage
from reporting import metrics, numbers
from reporting.numbers import Number
from reporting.overview import queries
from reporting.overview.asking import STEPS, Asker, glossary
from reporting.queries import OPENED

STEP = STEPS[0]
PAGE = 50
NO_CAMPAIGN = "No campaign"
LATER = tuple(stage for stage in Stage if stage != Stage.INQUIRY)
DEFAULT_SORT = "opened"
SORTS = {
    "name": "Campaign",
    "opened": "Leads opened",
    "mql": "MQL",
    "won": "Won",
    "rate": "To MQL",
    "cost": "Cost",
    "per_mql": "Cost per MQL",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What was spent in the period. amounts: by currency; a sum over several of them would mean nothing."""

    amounts: tuple[tuple[str, Decimal], ...] = ()

    @property
    def single(self) -> tuple[str, Decimal] | None:
        return self.amounts[0] if len(self.amounts) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A campaign; id None is what has none. reached: leads opened in the period, by the stages they reached since.

    k of n: those old enough that became MQL in time. narrowed: only a part of its leads is counted, all of its cost.
    """

    id: int | None
    name: str
    channel: str
    runs: tuple[Any, Any]
    reached: Mapping[str, int]
    k: int
    n: int
    cost: Cost
    narrowed: bool = False

    @property
    def opened(self) -> int:
        return self.reached.get(OPENED, 0)

    @property
    def per_mql(self) -> Decimal | None:
        """Null without a result, where money of several currencies was spent, and where the leads are narrowed."""
        mqls = self.reached.get(Stage.MQL, 0)
        return self.cost.single[1] / mqls if self.cost.single and mqls and not self.narrowed else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A row with its number and the addresses behind its counts."""

    row: Row
    rate: Number
    opened_url: str
    reached: list[tuple[Stage, int, str]]
    leads_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the page is asked for besides the view: a text in the name, the order, the page."""

    text: str = ""
    sort: str = DEFAULT_SORT
    page: int = 1

    def pairs(self) -> dict[str, str]:
        """Its part of the address, the page left out."""
        found = {"name": self.text} if self.text else {}
        return found | ({"sort": self.sort} if self.sort != DEFAULT_SORT else {})


def read_asked(parameters: QueryDict) -> Asked:
    """What the address asks for; an order or page that makes no sense is the usual one."""
    sort, page = parameters.get("sort", ""), parameters.get("page", "")
    return Asked(
        text=parameters.get("name", "").replace("\0", "").strip()[:200],
        sort=sort if sort in SORTS else DEFAULT_SORT,
        page=int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 1,
    )


def rows(ask: Asker, asked: Asked) -> list[Row]:
    """Every campaign that matches, in the order asked for. A constant number of queries, however many there are."""
    brought = queries.brought(ask.copy, ask.query(), "campaign")
    rates, costs = _rates(ask), _costs(ask)
    channels = ask.view.where.get("channel", ())
    found = []
    for campaign in _campaigns(asked.text):
        key = campaign["name"] if campaign["id"] else None
        if channels and campaign["channel__name"] not in channels and key not in brought:
            continue
        k, n = rates.get(key, (0, 0))
        row = Row(
            id=campaign["id"],
            name=campaign["name"],
            channel=campaign["channel__name"] or "",
            runs=(campaign["starts_on"], campaign["ends_on"]),
            reached=brought.get(key, {}),
            k=k,
            n=n,
            cost=costs.get(campaign["id"], Cost()),
            narrowed=ask.view.is_narrowed,
        )
        if row.id or row.opened or row.cost.amounts:
            found.append(row)
    return _sorted(found, asked.sort)


def _campaigns(text: str) -> list[dict[str, Any]]:
    """The campaigns whose name contains the text, and, without a text, what has none."""
    columns = ("id", "name", "channel__name", "starts_on", "ends_on")
    nothing: dict[str, Any] = dict.fromkeys(columns) | {"name": NO_CAMPAIGN}
    chosen = Campaign.objects.filter(name__icontains=text) if text else Campaign.objects.all()
    return [*chosen.values(*columns), *([] if text else [nothing])]


def _rates(ask: Asker) -> dict[str | None, tuple[int, int]]:
    query = ask.query(by=("campaign",), window=STEP.window)
    frame = metrics.conversion(ask.copy, query, from_stage=STEP.start, to_stage=STEP.end)
    columns = (frame["campaign"], frame["numerator"], frame["denominator"])
    return {name: (int(k), int(n)) for name, k, n in zip(*columns, strict=True)}


def _costs(ask: Asker) -> dict[int | None, Cost]:
    found: dict[int | None, list[tuple[str, Decimal]]] = {}
    for campaign, currency, amount in queries.costs(ask.copy, ask.view.period.start, ask.view.period.end):
        found.setdefault(campaign, []).append((currency, amount))
    return {campaign: Cost(amounts=tuple(amounts)) for campaign, amounts in found.items()}


def shown(ask: Asker, found: Iterable[Row]) -> list[Shown]:
    """Rows as a page shows them."""
    return [_shown(ask, row, number) for number, row in enumerate(found)]


def _shown(ask: Asker, row: Row, number: int) -> Shown:
    key = row.name if row.id else None
    narrowed = Asker(ask.copy, ask.view.choosing("campaign", [key]), ask.zone)
    period = ask.view.period
    return Shown(
        row=row,
        rate=_rate(narrowed, row.name, row.k, row.n, number=number),
        opened_url=narrowed.drill(period, show="opened", stage=Stage.INQUIRY, part="all"),
        reached=[
            (stage, row.reached.get(stage, 0), narrowed.drill(period, show="opened", stage=stage, part="reached"))
            for stage in LATER
        ],
        leads_url=f"{reverse('routing:leads')}?campaign={row.id or 'none'}",
    )


def _rate(ask: Asker, name: str, k: int, n: int, *, number: int) -> Number:
    low, high = wilson(k, n)
    period = ask.view.period
    step: dict[str, Any] = {"show": "step", "stage": STEP.start, "to": STEP.end, "window": STEP.window}
    return numbers.rate(
        id=f"rate-{number}",
        title=f"{name}: {STEP.words}, cohort, {STEP.window} days",
        definition=f"Of the inquiries that came in in the period and are {STEP.window} days old, those that became "
        f"MQL within {STEP.window} days, as a share.",
        k=k,
        n=n,
        low=low,
        high=high,
        cohort=f"came in {period.when}",
        maturity="Younger inquiries are left out",
        links=[(f"Open {k:,}", ask.drill(period, **step, part="yes")), glossary("conversion")],
    )


def _sorted(rows: Iterable[Row], sort: str) -> list[Row]:
    """By name from A, by a figure from the greatest (cost per MQL from the least), those without it last."""
    if sort == "name":
        return sorted(rows, key=lambda row: (row.id is None, row.name.casefold()))
    keys: dict[str, Any] = {
        "opened": lambda row: row.opened,
        "mql": lambda row: row.reached.get(Stage.MQL, 0),
        "won": lambda row: row.reached.get(Stage.WON, 0),
        "rate": lambda row: row.k / row.n if row.n >= numbers.FEW_BELOW else None,  # too few to rank: last
        "cost": lambda row: row.cost.single[1] if row.cost.single else None,
        "per_mql": lambda row: -row.per_mql if row.per_mql is not None else None,
    }
    key = keys[sort]
    return sorted(rows, key=lambda row: (key(row) is None, -(key(row) or 0), row.name.casefold()))


def page_of(found: Sequence[Row], number: int) -> tuple[Sequence[Row], int]:
    """The rows of a page and its number; one past the end is the last."""
    last = max(1, -(-len(found) // PAGE))
    number = min(max(number, 1), last)
    return found[(number - 1) * PAGE : number * PAGE], number


def said(found: Sequence[Row], number: int) -> str:
    """1–50 of 120 campaigns."""
    if len(found) <= PAGE:
        return f"{len(found):,} campaign" + ("" if len(found) == 1 else "s")
    first = (number - 1) * PAGE
    return f"{first + 1:,}–{min(first + PAGE, len(found)):,} of {len(found):,} campaigns"


def table(found: Iterable[Row]) -> tuple[list[str], list[list[Any]]]:
    """The rows for a file. Costs of several currencies stand side by side, never added."""
    heading = ["campaign", "channel", "starts_on", "ends_on", "opened", *(stage.value for stage in LATER)]
    heading += ["to_mql", "of", "rate", "low", "high", "cost", "cost_per_mql"]
    rows = [
        [
            row.name,
            row.channel,
            *row.runs,
            row.opened,
            *(row.reached.get(stage, 0) for stage in LATER),
            row.k,
            row.n,
            row.k / row.n if row.n else None,
            *wilson(row.k, row.n),
            " + ".join(f"{amount} {currency}" for currency, amount in row.cost.amounts),
            row.per_mql and round(row.per_mql, 2),
        ]
        for row in found
    ]
    return heading, rows
