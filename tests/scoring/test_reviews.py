"""Looking again at the version that decides: when it is due, who is told, and what is recorded."""

from datetime import UTC, date, datetime, timedelta

import pytest

from funnel.access import Role
from funnel.versions import PolicyProblem
from routing.messages.notices import latest, tell_of_reviews
from routing.models import Notice
from scoring import services
from scoring.models import ModelReview, ScoringModel
from scoring.reviews import overdue, review
from tests import factories as make

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def model() -> ScoringModel:
    return services.ship(now=NOW)


def test_a_version_is_due_a_quarter_after_it_began_to_decide(model: ScoringModel) -> None:
    assert model.review_on == date(2026, 8, 31)
    assert overdue(date(2026, 8, 30)) == [] and overdue(date(2026, 8, 31)) == [model]


def test_the_time_until_a_review_is_a_setting(settings) -> None:
    settings.SCORING_REVIEW_DAYS = 30
    assert services.ship(now=NOW).review_on == date(2026, 7, 1)


def test_a_review_says_by_whom_and_what_and_sets_the_next_day(model: ScoringModel) -> None:
    elif_ = make.user(Role.MARKETING_OPS)
    review(model, user=elif_, note=" Webinars are too dear. ", now=NOW + timedelta(days=100))
    made = ModelReview.objects.get()
    assert (made.reviewed_by, made.note, made.next_on) == (elif_, "Webinars are too dear.", date(2026, 12, 9))
    assert model.review_on == made.next_on and str(made) == "Review of version 1 on 2026-09-09"


@pytest.mark.parametrize("next_on", [date(2026, 6, 1), date(2029, 1, 1)])
def test_a_review_without_a_note_or_with_a_day_that_cannot_be_is_refused(model: ScoringModel, next_on: date) -> None:
    with pytest.raises(PolicyProblem) as refused:
        review(model, user=None, note="  ", now=NOW, next_on=next_on)
    assert len(refused.value.problems) == 2 and not ModelReview.objects.exists()


def test_only_the_version_that_decides_is_reviewed(model: ScoringModel) -> None:
    draft = services.draft(from_model=model, user=None, name="Next")
    with pytest.raises(PolicyProblem, match="does not decide"):
        review(draft, user=None, note="Fine", now=NOW)


def test_whoever_keeps_the_model_is_told_once_a_due_day(model: ScoringModel) -> None:
    keeper, rep = make.user(Role.MARKETING_OPS), make.user(Role.SDR)
    due = datetime(2026, 8, 31, 6, tzinfo=UTC)
    assert tell_of_reviews(now=due - timedelta(days=1)) == 0
    assert [tell_of_reviews(now=due), tell_of_reviews(now=due + timedelta(days=3))] == [1, 0]
    [told] = latest(keeper)
    assert told.sentence == "Scoring model, version 1, was to be reviewed by 31 Aug 2026. See how good it is."
    assert not latest(rep)
    review(model, user=keeper, note="Fine", now=due, next_on=date(2026, 9, 30))
    assert tell_of_reviews(now=due + timedelta(days=30)) == 1


def test_the_notice_leads_to_the_quality_page(client, model: ScoringModel) -> None:
    keeper = make.user(Role.MARKETING_OPS)
    tell_of_reviews(now=NOW + timedelta(days=200))
    client.force_login(keeper)
    assert client.post(f"/notices/{Notice.objects.get().pk}/read/").url == "/scoring/quality"


def test_a_draft_differs_in_one_rule(model: ScoringModel) -> None:
    rule = model.rules.get(name="Attended a webinar")
    other, without = (services.draft_changed(rule, points=points, user=None) for points in (8, None))
    assert other.rules.get(name=rule.name).points == 8 and other.rules.count() == model.rules.count()
    assert without.rules.count() == model.rules.count() - 1 and without.why == "“Attended a webinar” is gone."
    with pytest.raises(PolicyProblem, match="15 points already"):
        services.draft_changed(rule, points=15, user=None)
