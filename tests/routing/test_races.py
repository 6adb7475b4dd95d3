"""Two people press at once: one wins, the other is told who."""

from collections.abc import Callable

import pytest

from funnel.access import Role
from routing.decisions import services
from tests import factories as make
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 6


def pressed(deed: Callable[[], object]) -> Callable[[], object]:
    """The deed, with a refusal as its answer."""

    def press() -> object:
        try:
            return deed()
        except services.Refused as refusal:
            return refusal

    return press


@pytest.mark.parametrize(("act", "word"), [("accept", "accepted"), ("claim", "claimed")])
def test_one_of_many_wins_and_the_others_are_told(act, word):
    team = make.team()
    lead = make.lead(stages={"inquiry": make.NOW, "mql": make.NOW}, pool=team)
    users = [make.user(Role.SDR, team=team, username=f"Sam {number}") for number in range(PEOPLE)]
    deed = getattr(services, act)
    answers = at_once(*(pressed(lambda user=user: deed(lead.pk, user=user, now=make.NOW)) for user in users))
    winners = [place for place, answer in enumerate(answers) if isinstance(answer, services.Done)]
    lead.refresh_from_db()
    assert [users[place].rep for place in winners] == [lead.owner]
    told = {answer.sentence for place, answer in enumerate(answers) if place not in winners}
    assert told == {f"Sam {winners[0]} {word} this lead at 12:00."}
    assert lead.assignments.count() == 1


def test_many_clicks_of_one_person_are_one_act():
    team = make.team()
    lead = make.lead(stages={"inquiry": make.NOW, "mql": make.NOW}, pool=team)
    user = make.user(Role.SDR, team=team)
    answers = at_once(*[lambda: services.accept(lead.pk, user=user, now=make.NOW)] * PEOPLE)
    assert len({answer.event_id for answer in answers}) == 1
    assert lead.events.filter(to_stage="sal").count() == lead.assignments.count() == 1
