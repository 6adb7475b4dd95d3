"""Drafts that somebody looks over and that publish themselves: once, as scheduled, and not as another text."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from demandcenter import pipeline
from funnel import publication
from funnel.access import Role
from funnel.versions import PolicyProblem
from routing.assignment import policies
from routing.models import Notice, RoutingPolicy, RoutingRule
from routing.sla import versions as sla
from scoring import services
from scoring.checks import check
from scoring.models import ScoringModel
from tests import factories as make
from tests.factories import NOW
from tests.form_data import form_data
from tests.threads import at_once

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
SOON = NOW + DAY


@pytest.fixture
def manager(db):
    return make.user(Role.SDR_MANAGER, is_staff=True, username="mo", first_name="Mo", last_name="Berg")


@pytest.fixture
def reviewer(db):
    return make.user(Role.MARKETING_OPS, is_staff=True, username="elif", first_name="Elif", last_name="Aydın")


def drafted(user) -> RoutingPolicy:
    team = make.team()
    make.desk(team)
    draft = policies.draft(user=user, name="Ours", why="A new team")
    RoutingRule.objects.create(routing_policy=draft, name="All", team=team)
    return draft


def scheduled(user, at=SOON) -> RoutingPolicy:
    draft = drafted(user)
    publication.schedule(draft, at=at, problems_of=policies.problems_of, user=user, why="A new team", now=NOW)
    return draft


def told(user) -> list[str]:
    return list(Notice.objects.filter(user=user, kind="version").order_by("pk").values_list("data__event", flat=True))


@pytest.mark.django_db
class TestAtItsMoment:
    def test_it_is_published_once_in_the_name_of_who_scheduled_it(self, manager):
        before = make.routing_policy({"team": make.team()})
        draft = scheduled(manager)
        pipeline.sweep(now=SOON - SECOND)
        draft.refresh_from_db()
        assert draft.status == "draft"
        assert pipeline.sweep(now=SOON + SECOND) == 1
        draft.refresh_from_db()
        before.refresh_from_db()
        assert (draft.status, before.status) == ("published", "retired")
        assert (draft.published_by, draft.published_at, draft.publish_at) == (manager, SOON + SECOND, None)
        assert pipeline.sweep(now=SOON + DAY) == 0 and told(manager) == ["published"]

    def test_every_kind_of_policy_does(self, manager):
        promises = sla.draft(user=manager, name="Ours")
        sla.add_promises(promises, sla.STANDARD)
        model = services.draft(user=manager, name="Ours")
        for draft, problems_of in ((promises, sla.problems_of), (model, check)):
            publication.schedule(draft, at=SOON, problems_of=problems_of, user=manager, why="So", now=NOW)
        pipeline.sweep(now=SOON)
        promises.refresh_from_db()
        model.refresh_from_db()
        assert (promises.status, model.status, model.active) == ("published", "published", True)

    def test_what_cannot_be_published_stays_a_draft_and_says_why(self, client, manager):
        draft = scheduled(manager)
        draft.rules.all().delete()
        pipeline.sweep(now=SOON)
        draft.refresh_from_db()
        assert (draft.status, draft.publish_at) == ("draft", None)
        assert "Without a rule nobody would get a lead" in draft.held_up and told(manager) == ["held_up"]
        client.force_login(manager)
        page = reverse("admin:routing_routingpolicy_change", args=[draft.pk])
        assert "Without a rule nobody would get a lead" in client.get(page).content.decode()
        assert client.post(reverse("routing:read-notice", args=[Notice.objects.latest("pk").pk])).url == page

    def test_a_moment_that_has_passed_and_a_draft_that_cannot_be_are_refused(self, manager):
        draft = drafted(manager)
        for at in (NOW, NOW + 400 * DAY):
            with pytest.raises(PolicyProblem, match="a moment that lies ahead, within a year"):
                publication.schedule(draft, at=at, problems_of=policies.problems_of, user=manager, why="", now=NOW)
        draft.rules.all().delete()
        with pytest.raises(PolicyProblem, match="Without a rule"):
            publication.schedule(draft, at=SOON, problems_of=policies.problems_of, user=manager, why="", now=NOW)


@pytest.mark.django_db
class TestLookedOver:
    def test_until_it_is_approved_it_is_not_published(self, manager, reviewer):
        draft = scheduled(manager)
        publication.ask_for_review(draft, reviewer=reviewer)
        with pytest.raises(PolicyProblem, match="Elif Aydın is to look it over and has not approved it yet"):
            policies.publish(draft, user=manager, now=NOW)
        with pytest.raises(PolicyProblem, match="Only whoever was asked"):
            publication.approve(draft, user=manager, seen=0, now=NOW)
        publication.approve(draft, user=reviewer, seen=0, now=NOW)
        pipeline.sweep(now=SOON)
        draft.refresh_from_db()
        assert (draft.status, draft.reviewer, draft.approved_at) == ("published", reviewer, NOW)

    def test_the_author_is_not_asked(self, manager):
        with pytest.raises(PolicyProblem, match="ask somebody else"):
            publication.ask_for_review(drafted(manager), reviewer=manager)

    def test_whoever_is_asked_now_has_to_approve_it_anew(self, manager, reviewer):
        draft = drafted(None)
        publication.ask_for_review(draft, reviewer=reviewer)
        publication.approve(draft, user=reviewer, seen=0, now=NOW)
        publication.ask_for_review(draft, reviewer=reviewer)
        assert draft.approved_at == NOW, "the same person need not be asked twice"
        publication.ask_for_review(draft, reviewer=manager)
        assert draft.unapproved


@pytest.mark.django_db
class TestInTheAdmin:
    def test_it_is_asked_for_approved_and_scheduled_and_another_text_ends_both(self, client, manager, reviewer):
        draft = drafted(manager)
        page = reverse("admin:routing_routingpolicy_change", args=[draft.pk])
        act = page.removesuffix("change/")
        client.force_login(manager)
        assert "Elif Aydın" in client.get(f"{act}ask_for_review/").content.decode()
        client.post(f"{act}ask_for_review/", {"reviewer": reviewer.pk})
        assert told(reviewer) == ["asked"]
        assert client.post(f"{act}approve_version/").status_code == 403
        soon = timezone.now() + DAY
        when = {"at_0": f"{soon:%Y-%m-%d}", "at_1": f"{soon:%H:%M:%S}", "why": "A new team"}
        assert "Say when it is to publish itself" in client.post(f"{act}schedule_version/", {}).content.decode()
        assert client.post(f"{act}schedule_version/", when).status_code == 302
        client.force_login(reviewer)
        assert "Approve" in client.get(page).content.decode()
        client.post(f"{act}approve_version/", form_data(client.get(f"{act}approve_version/").content.decode()))
        assert told(manager) == ["approved"]
        client.force_login(manager)
        html = client.get(page).content.decode()
        assert "It publishes itself" in html and "approved it" in html
        client.post(page, form_data(html))
        draft.refresh_from_db()
        assert draft.publish_at and draft.approved_at, "nothing was changed"
        answer = client.post(page, form_data(html) | {"name": "Theirs"}, follow=True).content.decode()
        assert "It no longer publishes itself" in answer and "Elif Aydın approved another text" in answer
        draft.refresh_from_db()
        assert (draft.publish_at, draft.approved_at, draft.reviewer) == (None, None, reviewer)

    def test_a_schedule_can_be_ended(self, client, manager):
        draft = scheduled(manager, at=timezone.now() + DAY)
        client.force_login(manager)
        act = reverse("admin:routing_routingpolicy_change", args=[draft.pk]).removesuffix("change/")
        client.post(f"{act}unschedule_version/")
        draft.refresh_from_db()
        assert draft.publish_at is None and draft.status == "draft"
        assert client.post(f"{act}unschedule_version/").status_code == 403


@pytest.mark.django_db
class TestInTheLab:
    def test_it_is_looked_over_and_scheduled(self, client, manager, reviewer):
        services.ship(now=NOW)
        draft = services.draft(user=reviewer, name="Ours")
        lab, here = reverse("reporting:lab"), f"?draft={draft.version}"
        client.force_login(reviewer)
        late = client.post(f"{lab}/schedule{here}", {"why": "Better.", "at": "2020-01-01T08:00"})
        assert late.status_code == 422 and "Choose a moment that lies ahead" in late.content.decode()
        assert (
            "Say when it is to publish itself" in client.post(f"{lab}/schedule{here}", {"why": "So"}).content.decode()
        )
        soon = timezone.now() + DAY
        client.post(f"{lab}/publish{here}", {"why": "Better.", "at": f"{soon:%Y-%m-%dT%H:%M}"})
        draft.refresh_from_db()
        assert draft.status == "draft", "a moment was typed, and Enter pressed"
        client.post(f"{lab}/schedule{here}", {"why": "Better.", "at": f"{soon:%Y-%m-%dT%H:%M}"})
        client.post(f"{lab}/reviewer{here}", {"reviewer": manager.pk})
        draft.refresh_from_db()
        assert (draft.publish_at, draft.why, draft.reviewer) == (
            soon.replace(second=0, microsecond=0),
            "Better.",
            manager,
        )
        refused = client.post(f"{lab}/approve{here}", follow=True).content.decode()
        assert "Only whoever was asked" in refused and "publishes itself on" in refused
        client.force_login(manager)
        assert f"Approve v{draft.version}" in client.get(f"{lab}{here}").content.decode()
        stale = client.post(f"{lab}/approve{here}", {"seen": "7"}, follow=True).content.decode()
        assert "It was changed since you looked at it" in stale
        client.post(f"{lab}/approve{here}", {"seen": "0"})
        assert told(reviewer) == ["approved"] and told(manager) == ["asked"]
        client.force_login(reviewer)
        data = form_data(client.get(f"{lab}{here}").content.decode())
        client.post(f"{lab}/edit{here}", data)
        draft.refresh_from_db()
        assert draft.publish_at and draft.approved_at, "nothing was changed"
        answer = client.post(f"{lab}/edit{here}", data | {"threshold": "39"}, follow=True).content.decode()
        assert "It no longer publishes itself" in answer
        draft.refresh_from_db()
        assert (draft.publish_at, draft.approved_at) == (None, None)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_of_the_schedule_and_people_one_publishes_and_the_others_are_told(self):
        manager = make.user(Role.SDR_MANAGER)
        draft = scheduled(manager)

        def by_hand() -> str:
            try:
                policies.publish(RoutingPolicy.objects.get(pk=draft.pk), user=manager, now=SOON)
            except PolicyProblem as refused:
                return str(refused)
            return "published"

        *people, _swept, _again = at_once(*[by_hand] * 3, *[lambda: pipeline.sweep(now=SOON)] * 2)
        draft.refresh_from_db()
        assert draft.status == "published"
        mine = people.count("published")
        assert mine + told(manager).count("published") == 1
        assert set(people) - {"published"} <= {f"Version {draft.version} is published already."}

    def test_of_two_drafts_published_at_once_the_later_one_decides(self):
        drafts = [drafted(None), drafted(None)]
        at_once(*(lambda one=one: policies.publish(one, user=None, now=NOW) for one in drafts))
        found = RoutingPolicy.objects.filter(pk__in=[one.pk for one in drafts])
        assert sorted(found.values_list("status", flat=True)) == ["published", "retired"]

    def test_drafts_made_at_once_have_numbers_of_their_own(self):
        numbers = at_once(*[lambda: policies.draft(user=None, name="One").version] * 4)
        assert len(set(numbers)) == 4
        models = at_once(*[lambda: services.draft(user=None, name="One").version] * 3)
        assert len(set(models)) == 3 == ScoringModel.objects.count()
