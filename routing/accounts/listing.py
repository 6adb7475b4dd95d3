"""The accounts list as data: what narrows it, a page of rows with where each account stands now, and its menus."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import django_filters as filters
from django.db.models import Count, QuerySet
from django.http import QueryDict

from funnel.keyset import BadCursor, Page, page
from funnel.models import Account, Lead, Opportunity, Region
from funnel.search import SHORTEST, accounts_found
from routing.leads.menus import CURSORS, Menu, address
from scoring.account_terms import TIERS
from scoring.accounts import Standing, standings
from scoring.models import AccountScore

PAGE: Final = 50
MOST_COUNTED: Final = 1000
OVER, UNDER, UNKNOWN = "over", "under", "none"
ENGAGED: Final = [(OVER, "Over the threshold"), (UNDER, "Below it"), (UNKNOWN, "Nobody scored yet")]
NO_TIER: Final = "none"
_TIERS: Final = [*((str(tier), f"Tier {tier}") for tier in TIERS), (NO_TIER, "No tier")]


class AccountFilter(filters.FilterSet):
    """Accounts narrowed by what the query says. `engaged` chooses between those with a score and those without."""

    q = filters.CharFilter(label="How the name begins", method="search", max_length=200)
    engaged = filters.ChoiceFilter(label="Engagement", choices=ENGAGED, method="standing")
    tier = filters.ChoiceFilter(label="Tier", choices=_TIERS, method="of_tier")
    region = filters.ModelChoiceFilter(label="Region", queryset=Region.objects.all())

    class Meta:
        model = Account
        fields: list[str] = []

    def search(self, queryset: QuerySet[Account], _name: str, text: str) -> QuerySet[Account]:
        text = text.replace("\x00", "").strip()
        return queryset.filter(pk__in=accounts_found(text).values("pk")) if len(text) >= SHORTEST else queryset

    def standing(self, queryset: QuerySet[Account], _name: str, value: str) -> QuerySet[Account]:
        return queryset.filter(score=None) if value == UNKNOWN else queryset.filter(score__over=value == OVER)

    def of_tier(self, queryset: QuerySet[Account], _name: str, value: str) -> QuerySet[Account]:
        return queryset.filter(tier=None if value == NO_TIER else int(value))

    def values(self) -> dict[str, Any]:
        """What narrows the list, by parameter; a value that was not understood is left out."""
        self.form.is_valid()
        return {name: value for name, value in self.form.cleaned_data.items() if value not in (None, "")}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list. standing: as it is now; None where nobody is scored. leads, deals: those open."""

    account: Account
    standing: Standing | None
    leads: int
    deals: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the list. said: how many accounts there are."""

    rows: list[Row]
    newer: str
    older: str
    said: str


def listed(found: QuerySet[Account], values: dict[str, Any], query: QueryDict, *, now: datetime) -> Listed:
    """The page that the address asks for: the most engaged first, as they were scored last. About ten queries.

    Without a filter on engagement, accounts of which nobody is scored are left out, unless they are searched for.
    """
    if values.get("engaged") == UNKNOWN or "q" in values:
        shown: Page[Any] = _page(found, query, order=("id",), dress=_dressed)
        accounts = list(shown.rows)
        counted: QuerySet[Any] = found
    else:
        scores = AccountScore.objects.all()
        if found.query.where:
            scores = scores.filter(account__in=found.values("pk"))
        shown = _page(scores, query, order=("engagement", "account_id"), floats=True, dress=_with_account)
        accounts = [row.account for row in shown.rows]
        counted = scores
    return Listed(_rows(accounts, now=now), shown.newer, shown.older, _said(counted))


def _page(queryset: QuerySet, query: QueryDict, **how: Any) -> Page[Any]:
    older, newer = (query.get(name, "") for name in CURSORS)
    try:
        return page(queryset, size=PAGE, older=older, newer=newer, **how)
    except BadCursor:
        return page(queryset, size=PAGE, **how)


def _dressed(rows: QuerySet[Account]) -> QuerySet[Account]:
    return rows.select_related("owner", "region")


def _with_account(rows: QuerySet[AccountScore]) -> QuerySet[AccountScore]:
    return rows.select_related("account__owner", "account__region")


def _rows(accounts: Sequence[Account], *, now: datetime) -> list[Row]:
    ids = [account.pk for account in accounts]
    known = standings(ids, now=now)
    leads = _counts(Lead.objects.filter(account__in=ids, closed_at=None))
    deals = _counts(Opportunity.objects.filter(account__in=ids, state="open"))
    return [Row(one, known.get(one.pk), leads.get(one.pk, 0), deals.get(one.pk, 0)) for one in accounts]


def _counts(rows: QuerySet) -> dict[int, int]:
    return dict(rows.order_by().values("account").annotate(n=Count("pk")).values_list("account", "n"))


def _said(queryset: QuerySet) -> str:
    number = queryset.order_by()[: MOST_COUNTED + 1].count()
    if number > MOST_COUNTED:
        return f"{MOST_COUNTED:,}+ accounts"
    return f"{number:,} account" if number == 1 else f"{number:,} accounts"


def menus(values: dict[str, Any], query: QueryDict) -> list[Menu]:
    """The filter bar."""
    regions = [(str(pk), name) for pk, name in Region.objects.values_list("pk", "name")]
    region = values.get("region")
    chosen = {name: values.get(name) for name in ("engaged", "tier")} | {"region": str(region.pk) if region else None}
    given = {"engaged": ("Engagement", ENGAGED), "tier": ("Tier", _TIERS), "region": ("Region", regions)}
    return [_menu(name, title, choices, chosen[name], query) for name, (title, choices) in given.items()]


def _menu(name: str, title: str, choices: Sequence[tuple[str, str]], chosen: str | None, query: QueryDict) -> Menu:
    options = [("All", address(query, name, "", page="routing:accounts"), chosen is None)]
    options += [(label, address(query, name, key, page="routing:accounts"), key == chosen) for key, label in choices]
    return Menu(name, title, dict(choices)[chosen] if chosen else "All", chosen is not None, options)
