"""The scoring lab over HTTP: who may look and who may act, what is shown, what opens, and what is refused."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel.models import Person, Region, Solution
from reporting.facts import Reading
from reporting.lab import views
from reporting.models import Comparison
from scoring import reviews, services, simulation
from scoring.models import ScoringModel, Simulation, Status
from tests import factories as make
from tests.reporting.laboratory import (
    DAY,
    END,
    HISTORY,
    START,
    comparison,
    inquiry,
    many_leads,
    many_seen,
    part,
    saw,
    version,
)

pytestmark = pytest.mark.django_db
LAB = "/scoring/lab"


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "today", lambda: END + 3 * DAY)


@pytest.fixture
def elif_(client: Client) -> Client:
    client.force_login(make.user("Marketing operations", username="elif", first_name="Elif", last_name="Aydın"))
    return client


@pytest.fixture
def live() -> ScoringModel:
    return version().active()


@pytest.fixture
def draft(live: ScoringModel) -> ScoringModel:
    made = services.draft(from_model=live, user=None, name="Ours")
    made.rules.filter(name="Webinar attended").update(points=8)
    return made


@pytest.fixture
def compared(live: ScoringModel, draft: ScoringModel) -> Comparison:
    """300 leads of all kinds under both."""
    made = comparison(live, draft)
    leads = many_leads(300, seed=5)
    many_seen(made.live, leads, seed=1, threshold=40)
    many_seen(made.draft, leads, seed=2, threshold=55)
    return made


def text(response) -> str:
    return " ".join(
        unescape(re.sub(r"<script.*?</script>|<[^>]+>", " ", response.content.decode(), flags=re.S)).split()
    )


def form_of(draft: ScoringModel, **changes: str) -> dict[str, str]:
    """The edit form as it stands, with some fields typed anew."""
    data = {"threshold": f"{draft.threshold:g}", "exit_level": "80", "cooldown_days": "30"}
    data |= {f"cap-{row.pk}": "" if row.cap is None else f"{row.cap:g}" for row in draft.categories.all()}
    data |= {f"half-{row.pk}": f"{row.half_life_days:g}" for row in draft.categories.filter(axis="interest")}
    data |= {f"points-{row.pk}": f"{row.points:g}" for row in draft.rules.all()}
    return data | changes


class TestWho:
    @pytest.mark.parametrize("role", ["Marketing operations", "Administrator", "SDR manager", "Executive"])
    def test_roles_that_see_everything_may_look(self, client, live, role):
        client.force_login(make.user(role))
        assert client.get(LAB).status_code == 200
        assert "Scoring lab" in text(client.get("/leads/"))

    @pytest.mark.parametrize("role", ["SDR", "Account executive", None])
    def test_others_may_not_and_are_not_offered_it(self, client, live, role):
        client.force_login(make.user(role))
        assert client.get(LAB).status_code == client.get(f"{LAB}/people?of=live").status_code == 403
        assert "Scoring lab" not in text(client.get("/leads/"))

    @pytest.mark.parametrize("role", ["SDR manager", "Executive", "SDR"])
    def test_only_who_may_edit_scoring_acts(self, client, live, draft, role):
        client.force_login(make.user(role))
        for act in ("new-draft", "edit", "simulate", "cancel", "publish", "step-back"):
            assert client.post(f"{LAB}/{act}", {"why": "Because"}).status_code == 403
        draft.refresh_from_db()
        assert draft.status == Status.DRAFT
        assert not Simulation.objects.exists()

    def test_who_may_not_act_is_offered_no_act(self, client, compared):
        client.force_login(make.user("Executive"))
        shown = client.get(f"{LAB}?{HISTORY}").content.decode()
        assert "Who flips" in shown
        assert not re.search(r'action="/scoring/lab/', shown)

    def test_without_a_log_in_one_logs_in_first(self, client, live):
        assert client.get(LAB).status_code == 302


class TestWhatIsShown:
    def test_without_a_draft_it_says_what_to_do(self, elif_, live):
        assert "Nothing to compare yet" in text(elif_.get(LAB))

    def test_without_any_version_too(self, elif_):
        assert "No scoring version yet" in text(elif_.get(LAB))

    def test_a_draft_that_was_not_simulated_can_be_edited_and_published(self, elif_, draft):
        shown = text(elif_.get(LAB))
        assert "Not simulated over this history yet" in shown
        assert "Save and simulate" in shown
        assert "Publish now" in shown

    def test_every_number_opens_as_many_people_as_it_says(self, elif_, compared):
        page = elif_.get(f"{LAB}?{HISTORY}")
        assert page.status_code == 200
        links = re.findall(r'<a href="([^"]+/people[^"]+)">Open ([\d,]+)', page.content.decode())
        assert len(links) > 40
        for url, number in {(unescape(url), int(number.replace(",", ""))) for url, number in links}:
            shown = elif_.get(url)
            assert f". {number:,} lead" in text(shown), url
            assert shown.content.decode().count('class="who-c"') == min(number, 50), url

    def test_the_list_goes_on_page_by_page_and_back(self, elif_, compared):
        first = elif_.get(f"{LAB}/people?{HISTORY}&of=inquiries")
        older = re.search(r'rel="next" href="([^"]+)"', first.content.decode())
        second = elif_.get(unescape(older[1]))
        newer = re.search(r'rel="prev" href="([^"]+)"', second.content.decode())
        people = [re.findall(r'href="(/leads/\d+/?)"', page.content.decode()) for page in (first, second)]
        assert people[0] and people[1] and not set(people[0]) & set(people[1])
        assert re.findall(r'href="(/leads/\d+/?)"', elif_.get(unescape(newer[1])).content.decode()) == people[0]

    def test_a_point_of_either_figure_opens_as_many_people_as_it_says(self, elif_, compared):
        board = elif_.get(f"{LAB}?{HISTORY}").context["board"]
        weeks, curve = board.weeks.data[2], board.thresholds.data[1]
        fullest = max(range(26), key=lambda week: weeks.y[week])
        points = [(weeks.customdata[fullest], weeks.y[fullest])]
        points += [(curve.customdata[at], curve.y[at] * 26) for at in (0, 40, -1)]
        for url, people in points:
            assert f". {round(people):,} lead" in text(elif_.get(url)), url
        assert curve.y[0] > curve.y[40] > curve.y[-1] > 0 and weeks.y[fullest] > 0

    def test_the_page_asks_the_same_number_of_questions_of_few_and_of_many(self, elif_, live, draft, monkeypatch):
        made, asked = comparison(live, draft), []
        for way in ("rows", "columns"):
            ask = getattr(Reading, way)
            monkeypatch.setattr(Reading, way, lambda *its, ask=ask: asked.append(its[1]) or ask(*its))

        def questions() -> tuple[int, int]:
            """Of PostgreSQL and of the copy, once it has both replays."""
            elif_.get(f"{LAB}?{HISTORY}")
            asked.clear()
            with CaptureQueriesContext(connection) as captured:
                elif_.get(f"{LAB}?{HISTORY}")
            return len([one for one in captured if "COPY" not in one["sql"]]), len(asked)

        leads = many_leads(150, seed=3)
        for side, seed in ((made.live, 1), (made.draft, 2)):
            many_seen(side, leads[:20], seed=seed, threshold=45)
        few = questions()
        for side, seed in ((made.live, 1), (made.draft, 2)):
            many_seen(side, leads[20:], seed=seed, threshold=45)
        assert questions() == few
        assert few[0] < 50 and 0 < few[1] < 20

    def test_who_flips_says_what_tipped_it_and_what_became_of_them(self, elif_, live, draft):
        made = comparison(live, draft)
        alone = part(made.draft, live, *_change(draft, live))
        sql = make.lead(stages={"inquiry": START + DAY, "mql": START + 2 * DAY, "sql": START + 20 * DAY})
        other = make.lead(stages={"inquiry": START + DAY})
        saw(made.live, sql, at=START + 2 * DAY, interest=43.1, grade="B", band=2)
        saw(made.draft, sql, interest=35.2, grade="C", band=3)
        saw(made.live, other, at=START + 3 * DAY)
        saw(made.draft, other)
        saw(alone, other, at=START + 3 * DAY)
        saw(alone, sql)
        shown = text(elif_.get(f"{LAB}?{HISTORY}"))
        assert "B2 43.1 C3 35.2 Webinar attended 15 → 8 SQL on 22 Mar, would be lost" in shown
        assert "Only all changes together Still an inquiry" in shown
        assert "2 − 2 + 0 = 0" in shown
        assert "Leaving, outcome known: 1 / 1 came to SQL within 60 days" in shown
        narrowed = text(elif_.get(f"{LAB}?{HISTORY}&became=never"))
        assert "SQL on 22 Mar" not in narrowed
        assert "Still an inquiry" in narrowed
        assert f"Webinar attended 15 8 {-1 / 26:+.1f}".replace("-", "−") in shown

    def test_filters_narrow_everything(self, elif_, live, draft):
        region = Region.objects.create(name="DACH")
        made = comparison(live, draft)
        for place in (region, None, None):
            saw(made.live, make.lead(at=START + DAY, region=place), at=START + 2 * DAY)
        assert "3 → 0 in 26 weeks" in text(elif_.get(f"{LAB}?{HISTORY}"))
        assert "1 → 0 in 26 weeks" in text(elif_.get(f"{LAB}?{HISTORY}&region=DACH"))
        assert "2 → 0 in 26 weeks" in text(elif_.get(f"{LAB}?{HISTORY}&region="))
        assert "a part of the leads has no capacity" in text(elif_.get(f"{LAB}?{HISTORY}&region=DACH"))

    def test_a_draft_for_a_solution_is_held_against_what_decides_there_and_counts_its_leads(self, elif_, live, draft):
        edge = Solution.objects.create(name="Edge")
        ScoringModel.objects.filter(pk=draft.pk).update(solution=edge)
        made = comparison(live, draft)
        for solution in (edge, None):
            saw(made.live, make.lead(at=START + DAY, solution=solution), at=START + 2 * DAY)
        shown = text(elif_.get(f"{LAB}?{HISTORY}"))
        assert "is meant for Edge: only those leads are counted." in shown
        assert "1 → 0 in 26 weeks" in shown
        assert "; only Edge. 1 lead." in text(elif_.get(f"{LAB}/people?{HISTORY}&of=live"))

    @pytest.mark.parametrize(
        ("address", "said"),
        [
            ("of=nobody", "does not say whom to show (of=nobody)"),
            ("of=live&week=26", "There is no week “26”"),
            ("of=live-at&points=many", "The threshold “many” is no number"),
            ("of=live&part=some", "There is no part “some”"),
            ("of=live&below=x", "below is “x”; it is a number"),
        ],
    )
    def test_an_address_that_names_nobody_is_told(self, elif_, compared, address, said):
        response = elif_.get(f"{LAB}/people?{HISTORY}&{address}")
        assert response.status_code == 400
        assert said in text(response)

    def test_an_unknown_version_is_told_and_the_usual_one_shown(self, elif_, compared):
        shown = text(elif_.get(f"{LAB}?{HISTORY}&draft=99"))
        assert "There is no version 99" in shown
        assert "Who flips" in shown


def _change(draft: ScoringModel, live: ScoringModel) -> tuple[str, dict]:
    (change,) = simulation.changes(draft, live)
    return change.words, change.data


class TestDrafting:
    def test_a_new_draft_begins_as_the_version_that_decides(self, elif_, live):
        response = elif_.post(f"{LAB}/new-draft")
        made = ScoringModel.objects.get(status=Status.DRAFT)
        assert response["Location"] == f"{LAB}?draft={made.version}&live={live.version}#draft"
        assert (made.created_by.username, made.rules.count()) == ("elif", live.rules.count())

    def test_what_is_typed_is_saved(self, elif_, draft):
        web = draft.categories.get(name="Web")
        rule, form = draft.rules.get(name="Webinar attended"), draft.rules.get(name="Form")
        typed = {"threshold": "44", f"points-{rule.pk}": "7.5", f"cap-{web.pk}": "", f"half-{web.pk}": "21"}
        response = elif_.post(f"{LAB}/edit", form_of(draft, **typed, **{f"remove-{form.pk}": "on"}))
        assert response.status_code == 302
        draft.refresh_from_db()
        web.refresh_from_db()
        assert (draft.threshold, draft.exit_ratio, web.cap, web.half_life_days) == (44, 0.8, None, 21)
        assert list(draft.rules.values_list("name", "points")) == [("Webinar attended", 7.5)]

    @pytest.mark.parametrize(
        ("field", "typed", "said"),
        [
            ("threshold", "high", "The threshold is a number of points from 0 on."),
            ("exit_level", "120", "The exit level is a share of the threshold: 0 to 100 per cent."),
            ("cooldown_days", "1.5", "The cool-down is a whole number of days, 0 to 3,650."),
            ("half-{web}", "3", "A half-life is 7 to 36,500 days; blank: no decay."),
            ("cap-{web}", "-1", "A cap is 0 or more; blank: no cap."),
            ("points-{rule}", "", "Points are a number within ±10,000."),
        ],
    )
    def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(self, elif_, draft, field, typed, said):
        ids = {"web": draft.categories.get(name="Web").pk, "rule": draft.rules.get(name="Form").pk}
        name = field.format(**ids)
        response = elif_.post(f"{LAB}/edit", form_of(draft, **{"cooldown_days": "45", name: typed}))
        assert response.status_code == 422
        assert said in text(response)
        assert f'name="{name}" value="{typed}"' in response.content.decode() or not typed
        assert 'aria-invalid="true"' in response.content.decode()
        draft.refresh_from_db()
        assert draft.cooldown_days == 30

    def test_a_published_version_is_not_edited(self, elif_, live):
        response = elif_.post(f"{LAB}/edit?draft={live.version}&live={live.version}", form_of(live, threshold="1"))
        assert response.status_code == 302
        live.refresh_from_db()
        assert live.threshold == 40
        assert "Only a draft can be edited" in text(elif_.get(LAB))


class TestSimulating:
    def test_both_versions_and_each_change_are_asked_for(self, elif_, live, draft):
        elif_.post(f"{LAB}/simulate?{HISTORY}")
        made = Comparison.objects.get()
        assert (made.live.model, made.draft.model, made.asked_by.username) == (live, draft, "elif")
        assert [part.change["words"] for part in made.draft.parts.all()] == [
            "Rule “Webinar attended” gives 8 points instead of 15"
        ]
        shown = elif_.get(f"{LAB}?{HISTORY}")
        assert "Waiting for a worker. You can leave this page" in text(shown)
        assert elif_.get(f"{LAB}/progress?{HISTORY}").status_code == 200

    def test_once_it_is_worked_the_page_is_fetched_anew_and_shows_it(self, elif_, live, draft):
        inquiry(make.person(), at=START + DAY, touches=["form", "webinar"])
        elif_.post(f"{LAB}/simulate?{HISTORY}")
        simulation.work()
        assert elif_.get(f"{LAB}/progress?{HISTORY}")["HX-Refresh"] == "true"
        shown = text(elif_.get(f"{LAB}?{HISTORY}"))
        assert "on 1 person" in shown
        assert "Run again" not in shown

    def test_asked_twice_it_is_simulated_once(self, elif_, live, draft):
        elif_.post(f"{LAB}/simulate?{HISTORY}")
        elif_.post(f"{LAB}/simulate?{HISTORY}")
        assert Comparison.objects.count() == 1
        assert Simulation.objects.count() == 3

    def test_it_can_be_cancelled_and_tried_again(self, elif_, live, draft):
        elif_.post(f"{LAB}/simulate?{HISTORY}")
        elif_.post(f"{LAB}/cancel?{HISTORY}")
        assert set(Simulation.objects.values_list("status", flat=True)) == {"cancelled"}
        assert "was cancelled" in text(elif_.get(f"{LAB}?{HISTORY}"))
        elif_.post(f"{LAB}/simulate?{HISTORY}")
        assert Simulation.objects.filter(status="waiting").count() == 3

    def test_a_failure_is_said_plainly_and_what_was_before_is_shown(self, elif_, compared):
        failed = comparison(compared.live.model, compared.draft.model)
        Simulation.objects.filter(pk=failed.draft_id).update(status="failed", problem="The disk is full.")
        shown = text(elif_.get(f"{LAB}?{HISTORY}"))
        assert (
            f"The simulation of v{failed.draft.model.version} failed. The disk is full. Shown is the one before."
            in shown
        )
        assert "Who flips" in shown

    def test_a_draft_that_changed_since_is_marked(self, elif_, compared):
        draft = compared.draft.model
        assert "changed since this was simulated" not in text(elif_.get(f"{LAB}?{HISTORY}"))
        draft.rules.filter(name="Form").update(points=1)
        shown = text(elif_.get(f"{LAB}?{HISTORY}"))
        assert f"v{draft.version} changed since this was simulated." in shown
        assert "Run again" in shown

    def test_a_draft_that_cannot_be_is_refused_with_the_reason(self, elif_, draft):
        ScoringModel.objects.filter(pk=draft.pk).update(threshold=500)
        elif_.post(f"{LAB}/simulate?{HISTORY}")
        assert not Comparison.objects.exists()
        assert "The caps let interest reach 100 at most, below the threshold of 500" in text(elif_.get(LAB))


class TestPublishing:
    def test_with_who_and_why_it_decides_once_everybody_is_scored(self, elif_, live, compared):
        draft = compared.draft.model
        Person.objects.create(first_name="Pat")
        elif_.post(f"{LAB}/publish?{HISTORY}", {"why": "Webinars made wrong-profile rejects."})
        draft.refresh_from_db()
        assert (draft.status, draft.published_by.username, draft.why) == (
            Status.PUBLISHED, "elif", "Webinars made wrong-profile rejects.",
        )  # fmt: skip
        assert draft.activate_when_filled and not draft.active
        compared.refresh_from_db()
        assert compared.published_at is not None
        assert "published on this" in text(elif_.get(LAB))

    def test_without_anybody_to_score_it_decides_at_once_and_one_step_goes_back(self, elif_, live, draft):
        ScoringModel.objects.filter(pk=live.pk).update(activated_at=timezone.now() - timedelta(days=1))
        elif_.post(f"{LAB}/publish", {"why": "Better."})
        draft.refresh_from_db()
        assert draft.active
        shown = text(elif_.get(LAB))
        assert f"One step back to v{live.version}" in shown
        elif_.post(f"{LAB}/step-back")
        live.refresh_from_db()
        assert live.active

    def test_it_says_who_reviewed_a_version_and_by_when_it_is_due(self, elif_, live, draft):
        assert "Review due 91 days after it begins to decide" in text(elif_.get(LAB))
        elif_.post(f"{LAB}/publish", {"why": "Better."})
        here = f"{LAB}?draft={draft.version}&live={live.version}"
        assert "nobody has reviewed it so far" in text(elif_.get(here))
        draft.refresh_from_db()
        henrik = make.user("SDR manager", username="henrik", first_name="Henrik", last_name="Solberg")
        on = timezone.localdate() + timedelta(days=30)
        reviews.review(draft, user=henrik, note="Rejects fell.", now=timezone.now(), next_on=on)
        shown = text(elif_.get(here))
        assert re.search(r"Reviewed Henrik Solberg, .{4,30}: Rejects fell\.", shown)
        assert f"Review due on {on:%-d %b}" in shown

    def test_without_a_reason_it_is_not_published(self, elif_, draft):
        response = elif_.post(f"{LAB}/publish", {"why": " "})
        assert response.status_code == 422
        assert "Say what changes and why" in text(response)
        draft.refresh_from_db()
        assert draft.status == Status.DRAFT

    def test_a_draft_that_cannot_be_says_why(self, elif_, draft):
        ScoringModel.objects.filter(pk=draft.pk).update(threshold=500)
        response = elif_.post(f"{LAB}/publish", {"why": "Higher."})
        assert response.status_code == 422
        assert "The caps let interest reach 100 at most" in text(response)

    def test_what_will_happen_is_counted_and_opens(self, elif_, live, draft):
        made = comparison(live, draft)
        waiting, coming = make.mql(at=START + DAY), make.lead(at=START + DAY)
        saw(made.live, waiting, at=START + 2 * DAY)
        saw(made.draft, waiting)
        saw(made.draft, coming, at=START + 2 * DAY)
        page = elif_.get(f"{LAB}?{HISTORY}")
        assert "1 undecided MQL would not have qualified and is kept." in text(page)
        assert "1 open inquiry would have become MQL only under it" in text(page)
        for name, lead in (("open-kept", waiting), ("open-soon", coming)):
            assert (
                reverse("routing:lead", args=[lead.pk])
                in elif_.get(f"{LAB}/people?{HISTORY}&of={name}").content.decode()
            )
