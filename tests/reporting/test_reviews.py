"""Reviews of marketing and sales: minutes that two people write, figures that stay, actions that come back."""

from datetime import date, timedelta

import pytest
from django.db import InternalError, transaction
from django.urls import reverse
from django.utils import timezone

from funnel.access import Role
from funnel.versions import PolicyProblem
from reporting.agreements import reviews, stretches
from reporting.models import Review, ReviewAction
from routing.day import ratings
from routing.sla import versions as sla
from tests import factories as make
from tests.form_data import form_data
from tests.reporting.agreeing import NOW, promise, signed

DAY = timedelta(days=1)
Q1 = {"starts_on": date(2026, 1, 1), "ends_on": date(2026, 3, 31)}


def begun(*people, on: date = date(2026, 4, 10), **period) -> Review:
    return reviews.begin(held_on=on, attendees=people, user=people[0], now=NOW, **(period or Q1))


def page_of(review: Review) -> str:
    return reverse("reporting:review", args=[review.pk])


def test_a_closed_review_keeps_its_figures_whatever_comes_in_later(client, elif_, hanna, copy) -> None:
    """Two MQLs of February; a third one of February is learnt of after the review was closed."""
    signed(elif_, hanna, promise(value=3), promise("kept:accept", 0.8), at=NOW - 200 * DAY)
    february = NOW.replace(month=2, day=10)
    for _ in range(2):
        lead = make.lead(stages={"mql": february})
    ratings.rate(lead.pk, stars=2, why="bad_data", user=make.user(Role.SDR_MANAGER), now=february + DAY)
    policy = sla.draft(user=hanna, name="Promises", why="Mondays are full")
    sla.add_promises(policy, {kind: sla.STANDARD[kind] for kind in list(sla.STANDARD)[:1]})
    sla.publish(policy, user=hanna, now=february)
    review = begun(elif_, hanna)
    with pytest.raises(PolicyProblem, match="Write down what was said first"):
        reviews.close(review, " ", revision=1, copy=copy, user=elif_, now=NOW)
    closed = reviews.close(review, "Too few.", revision=1, copy=copy, user=elif_, now=NOW)

    make.lead(stages={"mql": february})
    copy.refresh(now=True)
    closed.refresh_from_db()
    marketing = closed.pack["halves"][0]["rows"][0]
    assert [(cell["words"], cell["value"], cell["verdict"]) for cell in marketing["cells"]] == [
        ("Jan 2026", 0, "missed"), ("Feb 2026", 2, "missed"), ("Mar 2026", 0, "missed"),
    ]  # fmt: skip
    assert closed.pack["ratings"]["all"] == {
        "name": "All leads", "ratings": 1, "mean": 2.0, "poor": 1, "why": "Contact data are wrong"
    }  # fmt: skip
    (change,) = [one for one in closed.pack["changes"] if one["what"] == "Promises"]
    assert (change["by"], change["why"], change["on"]) == ("Hanna Solberg", "Mondays are full", "2026-02-10")
    with pytest.raises(InternalError), transaction.atomic():
        Review.objects.update(minutes="It was better than that.")
    with pytest.raises(PolicyProblem, match="closed, so its minutes stay"):
        reviews.write_minutes(closed, "No", revision=2, user=hanna, now=NOW)
    client.force_login(make.user(Role.AE))
    shown = client.get(page_of(closed)).content.decode()
    assert "figures as of then" in shown and "Too few." in shown and "Mondays are full" in shown
    assert client.get(f"/api/reviews/{closed.pk}/").json()["pack"] == closed.pack


def test_of_two_windows_one_wins_and_the_other_loses_nothing(client, elif_, hanna) -> None:
    review = begun(elif_, hanna)
    address = reverse("reporting:review-minutes", args=[review.pk])
    client.force_login(elif_)
    opened = form_data(client.get(page_of(review)).content.decode())
    client.force_login(hanna)
    assert client.post(address, {"minutes": "Hanna's", "revision": opened["revision"]}).status_code == 302
    client.force_login(elif_)
    lost = client.post(address, {"minutes": "Elif's words", "revision": opened["revision"]})
    page = lost.content.decode()
    assert lost.status_code == 409 and "Hanna Solberg has changed the minutes" in page
    assert "Hanna&#x27;s" in page and "Elif&#x27;s words" in page
    late = {"minutes": "Elif's end", "revision": opened["revision"]}
    closing = client.post(reverse("reporting:review-close", args=[review.pk]), late)
    assert closing.status_code == 409 and "Elif&#x27;s end" in closing.content.decode()
    review.refresh_from_db()
    assert (review.minutes, review.closed_at) == ("Hanna's", None)
    assert client.post(address, form_data(page) | {"revision": "2"}).status_code == 302
    review.refresh_from_db()
    assert (review.minutes, review.revision, review.minutes_by) == ("Elif's words", 3, elif_)


def test_what_is_not_done_comes_back_at_the_next_review(client, elif_, hanna) -> None:
    jonas = make.user(Role.SDR)
    first = begun(elif_, hanna)
    late = reviews.add_action(first, text="Call them", owner=jonas, due_on=date(2026, 4, 20), user=None, now=NOW)
    done = reviews.add_action(first, text="Count them", owner=elif_, due_on=date(2026, 4, 20), user=None, now=NOW)
    reviews.settle(done, done=True, user=elif_, now=NOW.replace(month=4, day=19))
    second = begun(elif_, hanna, on=date(2026, 7, 10), starts_on=date(2026, 4, 1), ends_on=date(2026, 6, 30))
    own = reviews.add_action(second, text="Write them", owner=hanna, due_on=date(2026, 7, 20), user=None, now=NOW)
    assert list(reviews.carried_to(second)) == [late] and list(reviews.carried_to(first)) == []
    with pytest.raises(PolicyProblem, match="on the day of the review or later"):
        reviews.add_action(second, text="Too early", owner=hanna, due_on=date(2026, 7, 1), user=None, now=NOW)
    client.force_login(elif_)
    assert "overdue" in client.get(page_of(second)).content.decode()

    address = reverse("reporting:review-action-done", args=[late.pk])
    client.force_login(make.user(Role.SDR))
    said = client.post(address, follow=True).content.decode()
    assert "says when this is done" in said and reviews.open_actions().count() == 2
    client.force_login(jonas)
    back = client.post(address, {"back": "//elsewhere.example/"})
    assert back.headers["Location"] == f"{page_of(first)}#actions"
    assert list(reviews.open_actions()) == [own]
    late.refresh_from_db()
    assert late.done_by == jonas
    client.force_login(make.user(Role.EXECUTIVE))
    assert client.post(reverse("reporting:review-action-drop", args=[own.pk])).status_code == 403


def test_a_quarter_that_is_over_asks_for_its_review(elif_, hanna) -> None:
    today = date(2026, 4, 3)
    assert reviews.unreviewed(today) is None, "nothing was promised in it"
    signed(elif_, hanna, at=NOW.replace(month=3, day=30))
    quarter = reviews.unreviewed(today)
    assert quarter and stretches.words(quarter) == "Q1 2026"
    first = begun(elif_, on=date(2026, 3, 2), starts_on=date(2026, 2, 1), ends_on=date(2026, 2, 28))
    assert reviews.unreviewed(today) == quarter, "that one was about February"
    later = begun(elif_, on=today)
    assert reviews.unreviewed(today) is None
    assert list(reviews.latest(5)) == [later, first]


def test_a_review_is_begun_and_filled_over_the_pages(client, elif_, hanna) -> None:
    client.force_login(elif_)
    address = reverse("reporting:review-new")
    typed = form_data(client.get(address).content.decode()) | {"attendees": [elif_.pk, hanna.pk]}
    refused = client.post(address, typed | {"held_on": "2020-01-01"})
    assert refused.status_code == 422 and "A review looks back" in refused.content.decode()
    assert client.post(address, {**typed, "attendees": []}).status_code == 422
    client.post(address, typed)
    review = Review.objects.get()
    assert set(review.attendees.all()) == {elif_, hanna} and review.held_on == timezone.localdate()
    shown = client.get(page_of(review)).content.decode()
    assert "With Elif Aydın, Hanna Solberg" in shown and "No agreement is in force" in shown
    add = reverse("reporting:review-action", args=[review.pk])
    wrong = client.post(add, {"text": "Ask", "owner": hanna.pk, "due_on": "soon"})
    assert wrong.status_code == 422 and 'value="Ask"' in wrong.content.decode()
    client.post(add, {"text": "Ask", "owner": hanna.pk, "due_on": str(timezone.localdate() + DAY)})
    panel = client.post(add, {"text": ""}, headers={"HX-Request": "true"})
    assert (
        panel.status_code == 422 and 'id="actions"' in panel.content.decode() and "<html" not in panel.content.decode()
    )
    close = reverse("reporting:review-close", args=[review.pk])
    closed = client.post(close, {"minutes": "Said.", "revision": 1}, follow=True)
    assert "its figures and minutes stay as they are" in closed.content.decode()
    page = client.get(reverse("reporting:agreement")).content.decode()
    assert page_of(review) in page and "Ask" in page
    client.post(reverse("reporting:review-action-drop", args=[ReviewAction.objects.get().pk]))
    assert ReviewAction.objects.count() == 1, "of a closed review nothing is taken out"
