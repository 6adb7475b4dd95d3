"""What signers of the agreement and owners of actions are told, and when it is out of date."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from funnel.access import Role
from reporting import tasks
from reporting.agreements import reviews, telling, versions
from reporting.models import ReviewAction
from routing.messages.notices import unread
from tests import factories as make
from tests.reporting.agreeing import BOTH, NOW, promise, terms

DAY = timedelta(days=1)


def said(user: User) -> list[str]:
    return [told.sentence for told in unread(user)]


def test_signers_are_asked_to_sign_and_told_what_became_of_it(client, elif_, hanna) -> None:
    draft = versions.draft(terms(elif_, hanna), user=elif_, now=NOW)
    assert said(hanna) == ["Version 1 of the agreement of marketing and sales waits for your signature."]
    assert said(elif_) == [], "she wrote it"
    client.force_login(hanna)
    assert client.get(unread(hanna)[0].path).context["agreement"] == draft
    versions.sign(draft, user=hanna, revision=1, now=NOW)
    assert said(hanna) == []
    versions.edit(draft, terms(elif_, hanna, promise(value=9), BOTH[1]), revision=1, user=elif_, now=NOW)
    assert said(hanna) == [
        "Version 1 of the agreement was changed after you had signed it. Read it as it stands now, and sign again."
    ]
    versions.sign(draft, user=elif_, revision=2, now=NOW)
    versions.sign(draft, user=hanna, revision=2, now=NOW)
    assert said(hanna) == []
    assert said(elif_) == ["Version 1 of the agreement of marketing and sales is signed by both sides and in force."]


def test_nobody_is_asked_twice_for_one_signature_or_for_a_draft_that_is_gone(elif_, hanna) -> None:
    author = make.user(Role.ADMINISTRATOR)
    draft = versions.draft(terms(elif_, hanna), user=author, now=NOW)
    for revision in (1, 2):
        changed = versions.edit(draft, terms(elif_, hanna), revision=revision, user=author, now=NOW + DAY)
    assert [len(said(user)) for user in (elif_, hanna, author)] == [1, 1, 0]
    versions.discard(changed, revision=3, now=NOW + DAY)
    assert [said(elif_), said(hanna)] == [[], []]


@pytest.fixture
def action(elif_: User, hanna: User) -> ReviewAction:
    review = reviews.begin(
        held_on=date(2026, 6, 15),
        starts_on=date(2026, 3, 1),
        ends_on=date(2026, 5, 31),
        attendees=[elif_],
        user=elif_,
        now=NOW,
    )
    return reviews.add_action(review, text="Call them", owner=hanna, due_on=date(2026, 6, 20), user=elif_, now=NOW)


def test_an_owner_hears_of_an_action_and_is_reminded_once_on_its_day(client, action, elif_, hanna) -> None:
    assert said(hanna) == ["A review of marketing and sales gave you something to do by 20 Jun 2026."]
    client.force_login(hanna)
    assert client.get(unread(hanna)[0].path).context["review"] == action.review
    own = reviews.add_action(
        action.review, text="Count them", owner=elif_, due_on=date(2026, 6, 20), user=elif_, now=NOW
    )
    assert said(elif_) == [], "she gave it herself"
    assert telling.remind(now=NOW + 4 * DAY) == 0
    assert [telling.remind(now=NOW + 5 * DAY), telling.remind(now=NOW + 6 * DAY)] == [2, 0]
    assert said(elif_) == ["What a review of marketing and sales gave you to do is due by 20 Jun 2026."]
    reviews.settle(own, done=True, user=elif_, now=NOW + 6 * DAY)
    reviews.drop_action(action, now=NOW + 6 * DAY)
    assert [said(elif_), said(hanna)] == [[], []]


def test_the_clock_reminds(action, hanna) -> None:
    action.due_on = timezone.localdate()
    action.save()
    assert [tasks.remind_of_actions(), tasks.remind_of_actions()] == [1, 0]
