"""The kit of the pages, drawn in a browser under the real Content Security Policy, without server or database."""

import json
import mimetypes
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import plotly.graph_objects as go
import pytest
from csp.utils import build_policy
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.template import engines
from django.test import RequestFactory
from playwright.sync_api import ConsoleMessage, Page, Route

from funnel.access import Role

ORIGIN = "http://localhost"
CSP = build_policy()

KINDS = {
    "scatter": (go.Scatter(x=[1, 2, 3], y=[3, 1, 2]), ".scatterlayer .trace path"),
    "bar": (go.Bar(x=["a", "b"], y=[2, 3]), ".barlayer .point path"),
    "box": (go.Box(y=[1, 2, 3, 4, 9]), ".boxlayer path.box"),
    "funnel": (go.Funnel(y=["Inquiry", "MQL"], x=[100, 14]), ".funnellayer .point path"),
    "heatmap": (go.Heatmap(z=[[1, 2], [3, 4]]), ".heatmaplayer image"),
    "histogram": (go.Histogram(x=[1, 2, 2, 3]), ".barlayer .point path"),
    "indicator": (go.Indicator(mode="gauge+number", value=62), ".indicatorlayer .trace path"),
    "pie": (go.Pie(labels=["x", "y"], values=[2, 3]), ".pielayer .slice path"),
    "sankey": (
        go.Sankey(node={"label": ["A", "B"]}, link={"source": [0], "target": [1], "value": [3]}),
        ".sankey .sankey-link",
    ),
    "table": (go.Table(header={"values": ["A"]}, cells={"values": [[1, 2]]}), ".table .cell-rect"),
    "waterfall": (go.Waterfall(x=["s", "d"], y=[10, -3]), ".waterfalllayer .point path"),
}

Show = Callable[..., Page]


@pytest.fixture
def show(page: Page) -> Iterator[Show]:
    """Open a page made from a template's text; `answers` are the other addresses it may ask (status, body)."""
    complaints: list[str] = []

    def hear(said: ConsoleMessage) -> None:
        if "Content Security Policy" in said.text:
            complaints.append(said.text)

    def open_page(text: str, *, answers: dict[str, tuple[int, str]] | None = None, **context: object) -> Page:
        user = User(username="elif", first_name="Elif", last_name="Aydın")
        user._roles = frozenset({Role.MARKETING_OPS})  # type: ignore[attr-defined]
        request = RequestFactory().get("/")
        template = engines["django"].from_string("{% extends 'base.html' %}{% load dc %}" + text)
        html = template.render({"user": user, "messages": [], **context}, request)

        def serve(route: Route) -> None:
            path = route.request.url.removeprefix(ORIGIN)
            if path.startswith("/static/"):
                found = Path(str(finders.find(path.removeprefix("/static/"))))
                kind = mimetypes.guess_type(found)[0] or "application/octet-stream"
                route.fulfill(body=found.read_bytes(), content_type=kind)
            elif path in (answers or {}):
                status, body = (answers or {})[path]
                route.fulfill(status=status, body=body, content_type="application/json")
            else:
                route.fulfill(body=html, content_type="text/html", headers={"Content-Security-Policy": CSP})

        page.route(f"{ORIGIN}/**", serve)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", hear)
        page.goto(f"{ORIGIN}/")
        return page

    yield open_page
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_bundled_chart_is_drawn_as_its_own_kind(
    show: Show, page: Page, scheme: Literal["light", "dark"], screenshots: Path
) -> None:
    """A kind that is missing from the bundle would be drawn as scatter without a word."""
    figures = [(kind, go.Figure(trace)) for kind, (trace, _) in KINDS.items()]
    page.emulate_media(color_scheme=scheme)
    show(
        "{% block body %}<div class='g-3'>{% for kind, fig in figures %}"
        "<section class='pn'><header><h2>{{ kind }}</h2></header>{% figure fig id=kind label=kind %}</section>"
        "{% endfor %}</div>{% endblock %}",
        figures=figures,
    )
    page.wait_for_function(f"document.querySelectorAll('[data-state=drawn]').length === {len(KINDS)}")
    page.screenshot(path=screenshots / f"kit-charts-{scheme}.png", full_page=True)

    drawn = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.fig')].map(f => [f.dataset.figure, f._fullData[0].type]))"
    )
    assert drawn == {kind: kind for kind in KINDS}
    shapes = {kind: page.locator(f"[data-figure={kind}] {mark}").count() for kind, (_, mark) in KINDS.items()}
    assert all(shapes.values()), shapes


def test_bold_words_in_a_chart_survive_the_security_policy(show: Show) -> None:
    """Plotly writes them as style attributes, which the policy refuses; the bundle does it otherwise."""
    figure = go.Figure(go.Scatter(x=[1], y=[1]), layout={"title": {"text": "<b>131</b> MQL"}})
    page = show("{% block body %}{% figure fig id='f' label='f' %}{% endblock %}", fig=figure)
    weight = page.locator(".gtitle tspan").first.evaluate("element => getComputedStyle(element).fontWeight")
    assert weight == "700"


def test_colours_of_a_chart_follow_the_theme(show: Show) -> None:
    figure = go.Figure(go.Scatter(x=[1, 2], y=[1, 2], mode="lines", line_color="var(--dc-mql)"))
    page = show("{% block body %}{% figure fig id='f' label='f' %}{% endblock %}", fig=figure)
    line = page.locator(".scatterlayer path.js-line")
    assert line.evaluate("element => getComputedStyle(element).stroke") == "rgb(91, 69, 201)"

    page.locator("button.who").click()
    page.get_by_role("button", name="Dark").click()
    page.wait_for_function(
        "getComputedStyle(document.querySelector('.scatterlayer path.js-line')).stroke === 'rgb(154, 134, 255)'"
    )
    page.reload()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"


def test_a_chart_that_fails_says_so_and_can_be_tried_again(show: Show) -> None:
    answers = {"/figure": (500, "")}
    page = show("{% block body %}{% figure_from '/figure' label='Trend' %}{% endblock %}", answers=answers)
    assert "could not be drawn. The server answered 500" in page.locator(".fig-say").inner_text()

    answers["/figure"] = (200, go.Figure(go.Bar(x=["a"], y=[1])).to_json())
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector("[data-state=drawn]")


def test_a_chart_without_data_says_no_data(show: Show) -> None:
    answers = {"/figure": (200, json.dumps({"data": [], "layout": {}}))}
    page = show("{% block body %}{% figure_from '/figure' label='Trend' %}{% endblock %}", answers=answers)
    assert page.locator(".fig-say").inner_text() == "No data for these filters."


NUMBER = {
    "id": "pop-mql",
    "title": "MQL to SAL",
    "definition": "Of the leads raised, the share that sales accepted.",
    "rate": 0.801,
    "k": 1378,
    "n": 1721,
    "low": 0.781,
    "high": 0.819,
    "links": [("Open 1,378", "/leads")],
}


@pytest.mark.parametrize("width", [1440, 390])
def test_a_number_explains_itself_inside_the_window(show: Show, page: Page, width: int, screenshots: Path) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    show(
        "{% block body %}<div class='row-f'><span class='grow'></span>"
        "{% include '_number_pop.html' %}</div>{% endblock %}",
        n=NUMBER,
    )
    button = page.get_by_role("button", name="80.1 %")
    button.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="MQL to SAL")
    assert "1,378 / 1,721" in panel.inner_text()
    assert panel.evaluate("element => element === document.activeElement")
    page.screenshot(path=screenshots / f"kit-number-{width}.png")
    box = panel.bounding_box()
    assert box is not None
    assert box["x"] >= 8 and box["x"] + box["width"] <= width - 8
    assert page.evaluate("document.documentElement.scrollWidth") == width

    page.keyboard.press("Escape")
    assert panel.is_hidden()
    assert button.evaluate("element => element === document.activeElement")
    button.click()
    page.mouse.click(5, 500)
    assert panel.is_hidden()


def test_a_long_menu_is_searched_and_walked_by_keyboard(show: Show) -> None:
    regions = ["All", "DACH", "Nordics", "CEE", "Iberia", "Italy", "France", "Benelux", "Americas", "Pacific"]
    page = show(
        "{% block bar %}<div class='dc-bar'>"
        "{% include '_filter_menu.html' with id='m' name='Region' value='All' options=options %}</div>{% endblock %}",
        options=[(name, f"?region={name}", name == "All") for name in regions],
    )
    page.get_by_role("button", name="Region All").press("Enter")
    page.keyboard.type("i")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == "Iberia"
    page.keyboard.press("Enter")
    page.wait_for_url("**/?region=Iberia")


def test_the_keys_are_shown_and_can_be_switched_off(show: Show) -> None:
    page = show("{% block search %}<input data-search name='q' aria-label='Search'>{% endblock %}")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    page.get_by_label("Single keys work").uncheck()
    page.get_by_role("button", name="Close").click()

    page.keyboard.press("?")
    page.keyboard.press("/")
    assert page.get_by_role("dialog").is_hidden()
    assert page.evaluate("document.activeElement.name") != "q"


def test_a_refused_request_of_htmx_tells_the_person(show: Show) -> None:
    page = show(
        "{% block body %}<button class='ctl' hx-post='/accept' hx-swap='none'>Accept</button>{% endblock %}",
        answers={"/accept": (409, "")},
    )
    with page.expect_request("**/accept") as asked:
        page.get_by_role("button", name="Accept").click()
    assert asked.value.headers["x-csrftoken"]
    toast = page.get_by_role("alert")
    assert toast.inner_text().startswith("That did not work. Somebody else was faster.")
    toast.get_by_role("button").click()
    assert page.get_by_role("alert").count() == 0
