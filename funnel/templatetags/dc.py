"""What every template uses: icons, numbers, times, stages, bars and figures.

The filters take what the metrics hand over (int, float, Decimal, timedelta, None, NaN, NaT) and answer in the viewer's
language and zone. What is missing is "no data", never 0.
"""

import datetime as dt
import json
from decimal import Decimal
from functools import cache
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import dateformat, formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_info

from funnel import access

register = template.Library()

NO_DATA = "no data"
NBSP = "\u00a0"
SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}

# stage or exit -> (colour class, label, label in plain words)
STAGES = {
    "inquiry": ("inq", "Inquiry", "Inquiry"),
    "mql": ("mql", "MQL", "Marketing qualified lead"),
    "sal": ("sal", "SAL", "Sales accepted lead"),
    "sql": ("sql", "SQL", "Sales qualified lead"),
    "opportunity": ("opp", "Opportunity", "Opportunity"),
    "won": ("won", "Won", "Won"),
}


def _missing(value: Any) -> bool:
    """None, an empty text, NaN or NaT (the last two differ from themselves)."""
    return value is None or value == "" or value != value  # noqa: PLR0124


def _number(value: Any, decimals: int) -> str:
    return formats.number_format(round(value, decimals), decimals, force_grouping=True)


# --- Numbers --------------------------------------------------------------------------------------


@register.filter
def count(value: int | None) -> str:
    """1234 -> 1,234."""
    return NO_DATA if _missing(value) else _number(Decimal(str(value)), 0)


@register.filter
def percent(value: float | None, decimals: int | None = None) -> str:
    """A share of 1: 0.144 -> 14.4 %, 0.00803 -> 0.80 % (two decimals below one per cent, if not told otherwise)."""
    if _missing(value):
        return NO_DATA
    share = float(value) * 100  # type: ignore[arg-type]
    if decimals is None:
        decimals = 2 if 0 < abs(share) < 1 else 1
    return f"{_number(share, decimals)}{NBSP}%"


@register.simple_tag
def interval(low: float | None, high: float | None) -> str:
    """The two ends of an interval of shares: 0.138, 0.151 -> 13.8–15.1 %."""
    if _missing(low) or _missing(high):
        return NO_DATA
    decimals = 2 if 0 < float(high) < 0.01 else 1  # type: ignore[arg-type]
    return f"{_number(float(low) * 100, decimals)}–{_number(float(high) * 100, decimals)}{NBSP}%"  # type: ignore[arg-type]


@register.filter
def days(value: float | dt.timedelta | None) -> str:
    """A duration in days or as timedelta: 9.4 -> 9.4 d, 0.3 -> 7.2 h, 0.01 -> 14 min."""
    if _missing(value):
        return NO_DATA
    length = value.total_seconds() / 86400 if isinstance(value, dt.timedelta) else float(value)  # type: ignore[arg-type]
    if abs(length) >= 1:
        return f"{_number(length, 1)}{NBSP}d"
    if abs(length) * 24 >= 1:
        return f"{_number(length * 24, 1)}{NBSP}h"
    minutes = length * 1440
    if 0 < abs(minutes) < 1:
        return f"under 1{NBSP}min"
    return f"{_number(minutes, 0)}{NBSP}min"


@register.filter
def signed(value: float | None, decimals: int = 1) -> str:
    """Points with their sign: 22.6 -> +22.6, -4.41 -> −4.4."""
    if _missing(value):
        return NO_DATA
    number = _number(abs(value), decimals)  # type: ignore[arg-type]
    return f"−{number}" if value < 0 else f"+{number}"  # type: ignore[operator]


def _with_sign(amount: str, currency: str | None) -> str:
    code = currency or settings.CURRENCY
    sign = SIGNS.get(code, f"{code}{NBSP}")
    return f"−{sign}{amount[1:]}" if amount.startswith("-") else f"{sign}{amount}"


@register.filter
def money(value: Decimal | float | None, currency: str | None = None) -> str:
    """1234.5, "EUR" -> €1,234.50; whole amounts without cents; a currency without a sign by its code."""
    if _missing(value):
        return NO_DATA
    amount = Decimal(str(value))
    return _with_sign(_number(amount, 0 if amount == amount.to_integral_value() else 2), currency)


@register.filter
def money_short(value: Decimal | float | None, currency: str | None = None) -> str:
    """4310000, "EUR" -> €4.31 M; 64000 -> €64 k."""
    if _missing(value):
        return NO_DATA
    amount = Decimal(str(value))
    for size, unit, decimals in ((10**9, "B", 2), (10**6, "M", 2), (10**3, "k", 0)):
        if abs(amount) >= size * Decimal("0.9995"):  # what would be rounded up to 1,000 k is already 1.00 M
            return _with_sign(_number(amount / size, decimals), currency) + NBSP + unit
    return _with_sign(_number(amount, 0), currency)


@register.simple_tag
def change(now: float | None, before: float | None) -> SafeString:
    """Against the period before, as the stage strip says it: ▲ 8.0 % from 11,560."""
    if _missing(now) or _missing(before):
        return mark_safe("nothing to compare with")
    if before == 0:
        return mark_safe("from 0")
    share = (float(now) - float(before)) / float(before)  # type: ignore[arg-type]
    arrow, word = ("▲", "up") if share > 0 else ("▼", "down") if share < 0 else ("=", "unchanged,")
    moved = _number(abs(share) * 100, 1)
    return format_html(
        '<b><span aria-hidden="true">{}</span><span class="visually-hidden">{}</span> {}{}%</b> from {}',
        arrow,
        word,
        moved,
        NBSP,
        count(before),  # type: ignore[arg-type]
    )


@register.filter
def get(values: Any, key: Any) -> Any:
    """What a mapping has under a key that is itself a value; None where there is nothing."""
    return values.get(key) if values else None


# --- Times ----------------------------------------------------------------------------------------

SHAPES = {"full": "j M Y, H:i", "date": "j M Y", "day": "D j M Y", "time": "H:i", "short": "j M, H:i", "brief": "j M"}


@register.filter
def when(moment: dt.datetime | dt.date | None, shape: str = "full") -> str:
    """A moment in the viewer's zone with the exact time on hover.

    shape: full, date, day, time, short, brief (the year only where it is another one), or ago ("3 min ago", kept up to
    date by app.js). A plain date has no zone.
    """
    if moment is None or _missing(moment):
        return "–"
    if not isinstance(moment, dt.datetime):
        words = dateformat.format(moment, SHAPES["date"])
        return format_html('<time datetime="{}">{}</time>', moment.isoformat(), words)
    local = timezone.localtime(moment)
    exact = f"{dateformat.format(local, 'D j M Y, H:i:s')} {timezone.get_current_timezone_name()}"
    if shape == "ago":
        words = dateformat.format(local, SHAPES["full"])
        return format_html('<time datetime="{}" title="{}" data-ago>{}</time>', local.isoformat(), exact, words)
    if shape == "brief" and local.year != timezone.localtime().year:
        shape = "date"
    words = dateformat.format(local, SHAPES[shape])
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact, words)


# --- Marks ----------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """An icon of the sprite (tools/vendor/icons.txt lists the names); without a label it is decoration."""
    said = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="ti{}" {}><use href="{}#ti-{}"></use></svg>',
        f" {css}" if css else "",
        said,
        _sprite(),
        name,
    )


@cache  # a page has hundreds of icons
def _sprite() -> str:
    return static("vendor/icons/sprite.svg")


@register.filter
def language_name(code: str) -> str:
    """no -> Norwegian, pt-br -> Brazilian Portuguese; a code that nobody knows stays as it is."""
    try:
        return str(get_language_info(code.replace("_", "-").lower())["name"])
    except KeyError:
        return code


@register.filter
def stage_css(stage: str | None) -> str:
    """The colour's short name (inq, mql, sal, sql, opp, won); everything that left the funnel is "left"."""
    return STAGES[stage][0] if stage in STAGES else "left"


@register.filter
def stage_label(stage: str | None) -> str:
    """mql -> MQL, no_decision -> No decision."""
    return STAGES[stage][1] if stage in STAGES else str(stage or "").replace("_", " ").capitalize()


@register.filter
def stage_words(stage: str | None) -> str:
    """mql -> Marketing qualified lead."""
    return STAGES[stage][2] if stage in STAGES else stage_label(stage)


@register.simple_tag
def stage_dot(stage: str | None, label: str = "") -> SafeString:
    """The coloured square with its label, which says the long form on hover."""
    return format_html(
        '<span class="stg" title="{}"><i class="dot c-{}"></i>{}</span>',
        stage_words(stage),
        stage_css(stage),
        label or stage_label(stage),
    )


def _width(share: float) -> str:
    return f"{min(max(share, 0.0), 1.0) * 100:.2f}"


@register.simple_tag
def bar(share: float | None, kind: str = "acc", height: int = 8, label: str = "") -> SafeString:
    """One bar on its track. share of 1; kind a colour name (acc, mql, bad, warn, good, mark, ink)."""
    width = _width(0.0 if _missing(share) else float(share))  # type: ignore[arg-type]
    inside = format_html(
        '<rect width="100" height="{0}" class="f-track"/><rect width="{1}" height="{0}" class="f-{2}"/>',
        height,
        width,
        kind,
    )
    return _svg_bar(inside, height, label)


@register.simple_tag
def split_bar(parts: list[tuple[float, str]], height: int = 17, label: str = "") -> SafeString:
    """Shares of one whole side by side. parts: (share of 1, colour name), left to right, summing to at most 1."""
    offset = 0.0
    rects = []
    for share, kind in parts:
        # A hair of space after each part, taken from the part, so that neighbours stay apart without colour too.
        rects.append((f"{offset * 100:.2f}", _width(max(share - 0.003, 0)), height, kind))
        offset += share
    inside = format_html_join("", '<rect x="{}" width="{}" height="{}" class="f-{}"/>', rects)
    return _svg_bar(inside, height, label)


def _svg_bar(inside: SafeString, height: int, label: str) -> SafeString:
    said = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="bar" height="{0}" viewBox="0 0 100 {0}" preserveAspectRatio="none" {1}>{2}</svg>',
        height,
        said,
        inside,
    )


# --- Figures --------------------------------------------------------------------------------------

# A closing script tag inside a label must not end the block.
SCRIPT_ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


@register.simple_tag
def figure(fig: Any, id: str, label: str, size: str = "l") -> SafeString:
    """A chart whose numbers travel with the page. fig: plotly figure, its JSON text, or a dict with data and layout.

    label says in words what the chart shows; size: s 150, l 210, m 246, xl 320 pixels high.
    """
    if fig is None:
        text = '{"data": []}'
    elif isinstance(fig, str):
        text = fig
    else:
        text = fig.to_json() if hasattr(fig, "to_json") else json.dumps(fig, allow_nan=False, default=str)
    return format_html(
        '<div class="fig fig-{}" role="img" aria-label="{}" data-figure="{}"></div>'
        '<script type="application/json" id="{}">{}</script>',
        size,
        label,
        id,
        id,
        mark_safe(text.translate(SCRIPT_ESCAPES)),
    )


@register.simple_tag
def figure_from(url: str, label: str, size: str = "l") -> SafeString:
    """A chart whose numbers are fetched from url, which answers with the figure's JSON."""
    return format_html(
        '<div class="fig fig-{}" role="img" aria-label="{}" data-figure-url="{}"></div>', size, label, url
    )


# --- People and navigation ------------------------------------------------------------------------


@register.filter
def initials(name: object) -> str:
    """Elif Aydın -> EA."""
    words = str(name).split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@register.simple_tag
def role_of(user: Any) -> str:
    """The person's role in words (access.py), read once a request."""
    return access.role_of(user)


@register.filter
def sees_everything(user: Any) -> bool:
    """Whether the person sees everybody's leads, not only those of a team."""
    return access.sight_of(user).everything


@register.inclusion_tag("_nav_item.html", takes_context=True)
def nav_item(
    context: dict,
    view: str,
    label: str,
    image: str,
    also: str = "",
    *,
    tally: int | None = None,
    waiting: bool = False,
) -> dict:
    """One line of the navigation.

    also: other views (separated by blanks) on which it stays marked; waiting: notices.js shows what waits there.
    """
    try:
        address = reverse(view)
    except NoReverseMatch:  # a page that this installation does not have is not offered
        return {"address": ""}
    match = getattr(context.get("request"), "resolver_match", None)
    here = match.view_name if match else ""
    return {
        "address": address,
        "label": label,
        "image": image,
        "tally": tally,
        "waiting": waiting,
        "current": here == view,
        "on": here == view or here in also.split(),
    }
