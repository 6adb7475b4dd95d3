"""How a page looks: accessible by WCAG 2.2 AA, as far as axe-core can tell, within the window, and as a picture."""

from collections.abc import Sequence
from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.waiting import wait_until

RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
AXE = """
async ([within, rules]) => {
  const found = await axe.run(within ?? document, {runOnly: rules, resultTypes: ["violations"]});
  return found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html}`));
}
"""
WIDE, NARROW = 1440, 390
# What is there in both widths is seen in both themes; where much is there in one width only, ask for all of them.
CORNERS = (("light", WIDE), ("dark", NARROW))
SHAPES = (*CORNERS, ("light", NARROW), ("dark", WIDE))
DRAWN = "[...document.querySelectorAll('.fig')].every(f => ['drawn', 'empty'].includes(f.dataset.state))"
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


def violations(page: Page, within: str | None = None) -> list[str]:
    """What breaks a rule, as "rule: element". within: a selector; None looks at the whole page."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return page.evaluate(AXE, [within, RULES])


def drawn(page: Page) -> None:
    """Wait until every figure stands."""
    assert wait_until(lambda: page.evaluate(DRAWN)), "a figure was not drawn"


def looks_right(
    page: Page, pictures: Path, name: str, *, shapes: Sequence[tuple[str, int]] = CORNERS, full_page: bool = True
) -> None:
    """The page as it stands is accessible and does not scroll sideways, in each shape; it is light and wide then."""
    for scheme, width in shapes:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(TWO_FRAMES)  # by then scripts know of it
        drawn(page)
        # Figures follow the window, a moment later.
        assert wait_until(lambda: page.evaluate(FITS)), f"{name} scrolls sideways, {width} wide"
        page.screenshot(path=pictures / f"{name}-{scheme}-{width}.png", full_page=full_page)
        assert violations(page) == [], (name, scheme, width)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": WIDE, "height": 900})
