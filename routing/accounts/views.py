"""The pages of accounts: the list, the most engaged first, and one account with why its score is what it is."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from funnel.access import visible_to
from funnel.models import Account
from routing.accounts.listing import AccountFilter, listed, menus
from routing.accounts.page import whole
from routing.leads.menus import address, without_cursor

PAGE = "routing:accounts"


@require_GET
def accounts(request: HttpRequest) -> HttpResponse:
    """Accounts that the viewer may see."""
    account_filter = AccountFilter(request.GET, visible_to(Account.objects.order_by(), request.user))
    values = account_filter.values()
    page = listed(account_filter.qs, values, request.GET, now=timezone.now())
    return render(
        request,
        "routing/accounts.html",
        {
            "rows": page.rows,
            "said": page.said,
            "newer_url": address(request.GET, "newer", page.newer, page=PAGE) if page.newer else "",
            "older_url": address(request.GET, "older", page.older, page=PAGE) if page.older else "",
            "menus": menus(values, request.GET),
            "filter": account_filter,
            "query": without_cursor(request.GET),
        },
    )


@require_GET
def account(request: HttpRequest, pk: int) -> HttpResponse:
    """One account."""
    seen = visible_to(Account.objects.select_related("owner", "region", "parent"), request.user)
    found = get_object_or_404(seen.prefetch_related("domains"), pk=pk)
    return render(request, "routing/account.html", whole(found, request.user, now=timezone.now()))
