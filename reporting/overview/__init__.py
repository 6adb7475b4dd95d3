"""The Overview put together: which figure, of which cohort and window, stands on which tile.

Period volumes stand beside the conversion of the last mature cohort (domain.md 3.5); each chart has one basis and says
which.
"""

from dataclasses import dataclass

from reporting.facts import Copy
from reporting.filters import View
from reporting.overview.asking import Asker
from reporting.overview.by import By, by_dimension
from reporting.overview.funnel import Funnel, funnel
from reporting.overview.left import Left, left
from reporting.overview.strip import Tile, strip
from reporting.overview.times import Times, times
from reporting.overview.trend import Trend, trend

__all__ = ["Board", "assemble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Everything on the page below the filters."""

    view: View
    strip: tuple[Tile, ...]
    trend: Trend
    funnel: Funnel
    times: Times
    left: Left
    by: By

    @property
    def is_blank(self) -> bool:
        """No lead reached any stage in the period."""
        return not any(tile.count for tile in self.strip)

    @property
    def summary(self) -> str:
        """The whole view as words."""
        said = str(self.view.period)
        if self.view.before:
            said += f", compared with {self.view.before}"
        if self.view.is_narrowed:
            said += f"; only {self.view.filter_words()}"
        return said


def assemble(copy: Copy, view: View, *, by: str, zone: str) -> Board:
    """The Overview for one view, the same for everybody. zone: where days, weeks and months are cut."""
    ask = Asker(copy, view, zone)
    # The maturity of cohorts moves with the day, not only with the facts.
    key = ("overview", view.query(by=by), zone, ask.now.date(), view.period)

    def make() -> Board:
        tiles = strip(ask)
        return Board(
            view=view,
            strip=tiles,
            trend=trend(ask),
            funnel=funnel(ask),
            times=times(ask, tiles),
            left=left(ask),
            by=by_dimension(ask, by),
        )

    board: Board = copy.answer(key, make)
    return board
