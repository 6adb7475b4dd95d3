"""What publishing a draft would do, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from reporting.lab.bench import Bench
from reporting.lab.page import Board, drills
from scoring.checks import check
from scoring.models import ModelReview, ScoringModel

LATEST_REVIEWS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """A sentence, and the address of the people it is about."""

    words: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WillHappen:
    """What follows from publishing; problems keep a draft from being published."""

    follows: Sequence[Consequence]
    problems: Sequence[str]


def reviews_of(model: ScoringModel) -> list[ModelReview]:
    """The latest reviews of a version, the last one first; none of a draft, for it has decided nothing yet."""
    return list(model.reviews.select_related("reviewed_by")[:LATEST_REVIEWS])


def will_happen(found: Bench, board: Board | None) -> WillHappen:
    """What would follow if the draft were published now. board: what its simulation came to, if there is one."""
    assert found.draft is not None
    follows = [Consequence(words="MQLs that were made stay MQLs.")]
    if board is None:
        follows.append(Consequence(words="What it does to the people in work is known once it was simulated."))
    else:
        drill = drills(found)
        kept, soon = (board.counts[name, "all"] for name in ("open-kept", "open-soon"))
        follows += [
            Consequence(
                words=f"{kept:,} undecided MQL{'' if kept == 1 else 's'} would not have qualified and "
                f"{'is' if kept == 1 else 'are'} kept.",
                url=drill(of="open-kept"),
            ),
            Consequence(
                words=f"{soon:,} open inquir{'y' if soon == 1 else 'ies'} would have become MQL only under it; each is "
                "decided about when something new is known of the person.",
                url=drill(of="open-soon"),
            ),
        ]
    follows.append(Consequence(words="It decides as soon as it has scored everybody."))
    return WillHappen(follows=follows, problems=[*found.draft.unapproved, *check(found.draft)])
