"""What the templates' tags and filters write, and that every template keeps to the rules of the page."""

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import time_machine
from django.conf import settings
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone, translation

from demandcenter.middleware import viewer_zone
from funnel.path import Exit, Stage
from funnel.templatetags import dc

TEMPLATES = sorted((Path(settings.BASE_DIR) / "templates").rglob("*.html"))
SPRITE = Path(settings.BASE_DIR) / "static/vendor/icons/sprite.svg"
MOMENT = dt.datetime(2026, 11, 17, 9, 41, 52, tzinfo=dt.UTC)


def written(value: object) -> str:
    return str(value).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("filter_", "value", "expected"),
    [
        (dc.count, 1234, "1,234"),
        (dc.count, 0, "0"),
        (dc.count, None, "no data"),
        (dc.percent, 0.144, "14.4 %"),
        (dc.percent, 0.00803, "0.80 %"),
        (dc.percent, 0, "0.0 %"),
        (dc.percent, 1, "100.0 %"),
        (dc.percent, None, "no data"),
        (dc.percent, float("nan"), "no data"),
        (dc.days, 9.4, "9.4 d"),
        (dc.days, 1, "1.0 d"),
        (dc.days, 0.3, "7.2 h"),
        (dc.days, 0.01, "14 min"),
        (dc.days, 0.0001, "under 1 min"),
        (dc.days, 0, "0 min"),
        (dc.days, 1096, "1,096.0 d"),
        (dc.days, dt.timedelta(hours=36), "1.5 d"),
        (dc.days, pd.NaT, "no data"),
        (dc.days, None, "no data"),
        (dc.money, 64000, "€64,000"),
        (dc.money, Decimal("1234.50"), "€1,234.50"),
        (dc.money, -12, "−€12"),
        (dc.money, None, "no data"),
        (dc.money_short, 4_310_000, "€4.31 M"),
        (dc.money_short, 64_000, "€64 k"),
        (dc.money_short, 999_600, "€1.00 M"),
        (dc.money_short, 950, "€950"),
        (dc.money_short, -4_310_000, "−€4.31 M"),
        (dc.initials, "Elif Aydın", "EA"),
        (dc.initials, "Ana Maria de Sousa", "AS"),
        (dc.initials, "elif", "E"),
        (dc.initials, "", ""),
        (dc.language_name, "no", "Norwegian"),
        (dc.language_name, "pt_BR", "Brazilian Portuguese"),
        (dc.language_name, "xx", "xx"),
    ],
)
def test_values_are_written_for_people(filter_, value, expected) -> None:
    assert written(filter_(value)) == expected


def test_money_names_a_currency_without_a_sign_by_its_code() -> None:
    assert written(dc.money(12, "CHF")) == "CHF 12"
    assert written(dc.money(12, "USD")) == "$12"


def test_percent_takes_the_decimals_it_is_told() -> None:
    assert written(dc.percent(0.9, 0)) == "90 %"


def test_numbers_follow_the_language() -> None:
    with translation.override("de"):
        assert written(dc.count(1234)) == "1.234"
        assert written(dc.percent(0.144)) == "14,4 %"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.138, 0.151, "13.8–15.1 %"), (0.0065, 0.0099, "0.65–0.99 %"), (None, None, "no data")],
)
def test_an_interval_names_both_ends(low, high, expected) -> None:
    assert written(dc.interval(low, high)) == expected


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (108, 100, "▲up 8.0 % from 100"),
        (95, 100, "▼down 5.0 % from 100"),
        (5, 0, "from 0"),
        (5, None, "nothing to compare with"),
    ],
)
def test_a_change_says_its_direction_and_from_what(now, before, expected) -> None:
    assert re.sub(r"<[^>]+>", "", written(dc.change(now, before))) == expected


@pytest.mark.parametrize(
    ("shape", "expected"),
    [("full", "17 Nov 2026, 10:41"), ("date", "17 Nov 2026"), ("time", "10:41"), ("short", "17 Nov, 10:41")],
)
def test_a_moment_is_written_in_the_viewers_zone(shape, expected) -> None:
    with timezone.override(ZoneInfo("Europe/Vienna")):
        html = dc.when(MOMENT, shape)
    assert f">{expected}</time>" in html
    assert 'title="Tue 17 Nov 2026, 10:41:52 CET"' in html or "Europe/Vienna" in html
    assert 'datetime="2026-11-17T10:41:52+01:00"' in html


def test_a_brief_moment_names_the_year_only_where_it_is_another_one() -> None:
    with time_machine.travel("2026-12-20"):
        assert ">17 Nov</time>" in dc.when(MOMENT, "brief")
    with time_machine.travel("2027-01-01"):
        assert ">17 Nov 2026</time>" in dc.when(MOMENT, "brief")


def test_a_moment_ago_is_marked_for_the_script_and_readable_without_it() -> None:
    html = dc.when(MOMENT, "ago")
    assert "data-ago" in html
    assert ">17 Nov 2026, 09:41</time>" in html


def test_a_date_has_no_zone_and_nothing_is_a_dash() -> None:
    with timezone.override(ZoneInfo("Pacific/Auckland")):
        assert dc.when(dt.date(2026, 11, 17)) == '<time datetime="2026-11-17">17 Nov 2026</time>'
    assert dc.when(None) == "–"


@pytest.mark.parametrize(
    ("cookie", "zone"),
    [
        ("Europe%2FVienna", "Europe/Vienna"),
        ("", settings.TIME_ZONE),
        ("../../etc/passwd", settings.TIME_ZONE),
        ("Mars/Olympus", settings.TIME_ZONE),
    ],
)
def test_the_viewers_zone_comes_from_the_cookie_and_only_for_the_request(cookie, zone) -> None:
    request = RequestFactory().get("/")
    request.COOKIES["dc_zone"] = cookie
    seen = viewer_zone(lambda _: timezone.get_current_timezone_name())(request)  # type: ignore[arg-type, return-value]
    assert seen == zone
    assert timezone.get_current_timezone_name() == settings.TIME_ZONE


def test_every_stage_has_its_colour_and_every_exit_the_colour_of_leaving() -> None:
    tokens = (Path(settings.BASE_DIR) / "static/css/tokens.css").read_text()
    colours = [dc.stage_css(stage) for stage in Stage.values]
    assert colours == ["inq", "mql", "sal", "sql", "opp", "won"]
    assert all(f"--dc-{colour}:" in tokens for colour in colours)
    assert {dc.stage_css(exit_) for exit_ in Exit.values if exit_ != Exit.WON} == {"left"}


def test_a_stage_is_a_dot_with_its_label_and_its_words() -> None:
    assert dc.stage_dot("mql") == (
        '<span class="stg" title="Marketing qualified lead"><i class="dot c-mql"></i>MQL</span>'
    )
    assert dc.stage_label("no_decision") == "No decision"


def test_an_icon_is_decoration_unless_it_has_a_label() -> None:
    assert 'aria-hidden="true"' in dc.icon("check")
    assert 'role="img" aria-label="Failed"' in dc.icon("check", label="Failed")


def test_bars_stay_within_their_track() -> None:
    assert 'width="100.00"' in dc.bar(1.7, "bad")
    assert 'width="0.00"' in dc.bar(None)
    parts = dc.split_bar([(0.25, "inq"), (0.75, "open")], label="a quarter went on")
    assert 'x="0.00" width="24.70"' in parts
    assert 'x="25.00" width="74.70"' in parts
    assert 'aria-label="a quarter went on"' in parts


def test_a_figures_numbers_cannot_end_their_script_block() -> None:
    html = dc.figure({"data": [{"name": "</script><b>&"}]}, id="f", label="x")
    assert html.count("</script>") == 1
    assert "\\u003C/script\\u003E\\u003Cb\\u003E\\u0026" in html
    assert '{"data": []}' in dc.figure(None, id="f", label="x")


def render(text: str, **context: object) -> str:
    return Template("{% load dc %}" + text).render(Context(context))


def test_a_number_explains_itself_with_what_it_has() -> None:
    number = {"id": "n", "title": "Time to SAL", "definition": "Median of the converters.", "days": 0.3, "n": 640}
    html = written(render("{% include '_number_pop.html' with n=number %}", number=number))
    assert html.count("7.2 h") == 2
    assert "of 640" in html
    assert "interval" not in html

    unknown = {"id": "n", "title": "Win rate", "definition": "Won of decided.", "rate": None, "k": 0, "n": 0}
    assert "no data" in render("{% include '_number_pop.html' with n=number %}", number=unknown)


def test_a_missing_page_is_not_offered_in_the_navigation() -> None:
    assert render("{% nav_item 'nowhere:at-all' 'Nowhere' 'x' %}").strip() == ""


def test_the_navigation_marks_the_page_and_the_section() -> None:
    match = SimpleNamespace(view_name="admin:index")
    here = render("{% nav_item 'admin:index' 'Admin' 'settings' %}", request=SimpleNamespace(resolver_match=match))
    assert 'class="item on"' in here
    assert 'aria-current="page"' in here
    match.view_name = "admin:app_list"
    within = render(
        "{% nav_item 'admin:index' 'Admin' 'settings' also='admin:app_list admin:x' %}",
        request=SimpleNamespace(resolver_match=match),
    )
    assert 'class="item on"' in within
    assert "aria-current" not in within


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_keep_to_the_rules_of_the_page(template: Path) -> None:
    """Icons exist in the sprite; nothing stands inline that the Content Security Policy would refuse."""
    text = template.read_text()
    known = set(re.findall(r'<symbol id="ti-([\w-]+)"', SPRITE.read_text()))
    named = set(re.findall(r'{% icon "([\w-]+)"', text)) | set(re.findall(r'icon_name="([\w-]+)"', text))
    named |= set(re.findall(r'{% nav_item "[\w:-]+" "[^"]+" "([\w-]+)"', text))
    assert named - known == set(), "add them to tools/vendor/icons.txt and rebuild"
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"\son[a-z]+\s*=|hx-on|javascript:|js:", text)
    assert not re.search(r"<style|<script(?![^>]*(src=|application/json))", text)
