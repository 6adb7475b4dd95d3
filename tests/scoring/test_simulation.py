"""A replay of history makes the MQLs that the pipeline made while it happened, whatever happened."""

import multiprocessing
import random
import time as clock
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections

from demandcenter import pipeline
from funnel import inbox
from funnel.models import Activity, Kind, Lead, Person, Solution, Stage, StageEvent
from funnel.stages import Move, move
from funnel.versions import PolicyProblem
from scoring import services, simulation
from scoring.models import Score, ScoreRule, ScoringModel, SimulatedLead, Simulation
from scoring.simulation import results, working
from tests import factories as make
from tests.scoring.models import Model, touch_rule
from tests.waiting import PATIENCE

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
LEAST = 20  # the threshold
TYPES = {"visit": 6, "careers": 2, "download": 6, "guide": 4, "spam": 2, "demo": 1, "other": 4}
TITLES = ("Plant Manager", "Plant Manager", "Plant Manager", "Clerk", "Chief")

pytestmark = pytest.mark.django_db


def is_(field: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": "is", "value": value}


def everything(*, asks_people: bool, threshold: float = LEAST, **fields: Any) -> Model:
    """Half-lives and none, caps, limits a day, windows below zero, silence, fit, gates and hands."""
    model = (
        Model(
            landmark=START - 300 * DAY,
            threshold=threshold,
            cooldown_days=9,
            bands=[[1, 30], [2, 16], [3, 9], [4, 0]],
            **fields,
        )
        .interest("web", half_life=14, cap=18)
        .interest("content", half_life=45, cap=20)
        .interest("lately", cap=12)
        .fit("who", cap=60)
        .rule(touch_rule("web", "visit", 6))
        .rule(touch_rule("web", "careers", -9))
        .rule(touch_rule("content", "download", 9, per_day=2))
        .rule(touch_rule("content", "guide", 5, per_day=1))
        .rule(touch_rule("lately", "visit", 4, per_day=2, window_days=8))
        .rule(touch_rule("lately", "spam", -10, window_days=5))
        .rule({"category": "content", "kind": "inactivity", "points": -4, "after_days": 12, "every_days": 6})
        .rule(fit_rule(is_("person.title", "Plant Manager"), 40))
        .rule(fit_rule(is_("person.title", "Chief"), 70))
        .rule(fit_rule(is_("account.tier", 1), 15))
        .gate("require", {"field": "account.industry", "op": "known"})
        .gate("exclude", is_("person.opted_out", True))
        .gate("fast_track", is_("touch.type", "demo"))
        .gate("fast_track", {"all": [is_("touch.response", True), is_("person.title", "Chief")]})
    )
    if asks_people:
        rule = touch_rule("content", "other", 7)
        rule["condition"] = {"all": [rule["condition"], is_("person.title", "Plant Manager")]}
        model.rule(rule)
    return model


def fit_rule(condition: dict[str, Any], points: float) -> dict[str, Any]:
    return {"category": "who", "kind": "attribute", "condition": condition, "points": points}


class World:
    """Facts as they come in, each worked by the pipeline at its own moment, as are the reviews between them."""

    def __init__(self, *, asks_people: bool, scoped: bool = False) -> None:
        """scoped: a second version decides about pumps, and asks for less."""
        self.now = START
        self.solutions = [Solution.objects.create(name=name).pk for name in ("Pumps", "Valves")]
        self.model = everything(asks_people=asks_people).active()
        self.of_pumps = None
        if scoped:
            more = everything(asks_people=False, threshold=LEAST - 4, solution_id=self.solutions[0]).published()
            ScoringModel.objects.filter(pk=more.pk).update(active=True)
            self.of_pumps = ScoringModel.objects.get(pk=more.pk)
        self.accounts = [make.account(tier=1, industry="Chemicals"), make.account(tier=1)]
        titles = ("Plant Manager", "Clerk", "Chief", "Plant Manager", "Clerk", "Plant Manager")
        self.people = [make.person(title=title, account=self.accounts[n % 2]) for n, title in enumerate(titles)]
        self.sdr: User = make.user("SDR")

    def until(self, moment: datetime) -> None:
        """Let time go on: what falls due is worked when it does."""
        while (due := self._due()) and due <= moment:
            self.now = max(self.now, due)
            pipeline.sweep(now=self.now)
        self.now = moment

    def _due(self) -> datetime | None:
        reviews = Score.objects.filter(next_review_at__gt=self.now).order_by("next_review_at")
        moments = [at for at in reviews.values_list("next_review_at", flat=True)[:1] if at]
        days = Lead.objects.filter(exit="recycled", revisit_on__gt=self.now.date(), revisited_on=None)
        moments += [datetime.combine(day, time(), UTC) for day in days.values_list("revisit_on", flat=True) if day]
        return min(moments, default=None)

    # --- what can happen -------------------------------------------------------------------------------------------

    def touch(self, who: int, type_: str, age: timedelta, response: bool, about: int | None, theirs: bool) -> None:
        row = make.touch(
            person=self.people[who], type=type_, occurred_at=self.now - age, recorded_at=self.now,
            counts_as_response=response, direction="in" if theirs else "out",
            solution_id=None if about is None else self.solutions[about],
        )  # fmt: skip
        inbox.add("activity", [(self.people[who].pk, row.pk)])

    def void(self, number: int) -> None:
        standing = Activity.objects.filter(voided_at=None).order_by("pk")
        if standing:
            row = standing[number % len(standing)]
            Activity.objects.filter(pk=row.pk).update(voided_at=self.now)
            services.rebuild([row.person_id] if row.person_id else [])

    def moves(self, number: int, kind: str, to_stage: str = "", revisit: int | None = None) -> None:
        """Somebody moves one of the leads, where the path allows it."""
        leads = Lead.objects.order_by("pk")
        if leads:
            lead = leads[number % len(leads)]
            if kind == Kind.REOPEN and self._others_open(lead):
                return
            wish = Move(
                lead_id=lead.pk, kind=kind, to_stage=to_stage, occurred_at=self.now, cause=f"user:{self.now}",
                actor_id=self.sdr.pk,
            )  # fmt: skip
            (moved,) = move([wish], now=self.now)
            if moved.done and revisit is not None:
                Lead.objects.filter(pk=lead.pk).update(revisit_on=(self.now + revisit * DAY).date(), revisited_on=None)

    def undo(self, number: int) -> None:
        events = StageEvent.objects.exclude(kind=Kind.VOID).exclude(to_stage=Stage.INQUIRY).order_by("pk")
        if events:
            event = events[number % len(events)]
            wish = Move(
                lead_id=event.lead_id, kind=Kind.VOID, occurred_at=self.now, cause=f"undo:{event.pk}",
                supersedes_id=event.pk, actor_id=self.sdr.pk,
            )  # fmt: skip
            if not self._others_open(event.lead):
                move([wish], now=self.now)

    def _others_open(self, lead: Lead) -> bool:
        same = Lead.objects.filter(person=lead.person_id, solution=lead.solution_id, closed_at=None)
        return same.exclude(pk=lead.pk).exists()

    def becomes(self, who: int, **fields: Any) -> None:
        person = self.people[who]
        with self._kept("person"):
            Person.objects.filter(pk=person.pk).update(**fields)
        inbox.add("person", [(person.pk, person.pk)])

    def industry(self, number: int, name: str) -> None:
        account = self.accounts[number]
        with self._kept("account"):
            type(account).objects.filter(pk=account.pk).update(industry=name)
        inbox.add("person", [(person.pk, person.pk) for person in self.people if person.account_id == account.pk])

    @contextmanager
    def _kept(self, what: str) -> Iterator[None]:
        """The history keeps the database's time; here it is the world's."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT coalesce(max(pgh_id), 0) FROM funnel_{what}history")
            (last,) = cursor.fetchone()
            yield
            cursor.execute(f"UPDATE funnel_{what}history SET pgh_created_at = %s WHERE pgh_id > %s", [self.now, last])


def history(dice: random.Random, length: int) -> Iterator[tuple[timedelta, str, tuple[Any, ...], dict[str, Any]]]:
    """Facts with the time between them."""
    for _ in range(length):
        gap = timedelta(seconds=dice.choice([40, 3_000, 20_000, 90_000, 90_000, 200_000, 700_000]))
        who, number = dice.choice([0, 0, 1, 2, 3, 4, 5]), dice.randrange(1000)
        what = dice.choices(["touch", "void", "moves", "undo", "becomes", "industry"], weights=[64, 4, 18, 3, 6, 3])[0]
        if what == "touch":
            age = dice.choice([0, 0, 0, 0, 0.02, 0.4, 2, 9, 40, 36_500, -0.001, -1]) * DAY
            about = dice.choice([None, None, 0, 0, 1])
            (type_,) = dice.choices([*TYPES], weights=[*TYPES.values()])
            yield (
                gap,
                what,
                (
                    who,
                    dice.choices([*TYPES], weights=[*TYPES.values()])[0],
                    age,
                    dice.random() < 0.6,
                    about,
                    dice.random() < 0.9,
                ),
                {},
            )
        elif what == "moves":
            kinds = [Kind.RECYCLE, Kind.RECYCLE, Kind.DISQUALIFY, Kind.ADVANCE, Kind.ADVANCE, Kind.REOPEN, Kind.REGRESS]
            kind = dice.choice([*kinds, Kind.EXPIRE, Kind.LOST])
            stages = {Kind.ADVANCE: ["mql", "sal", "sal", "sql"], Kind.REOPEN: ["inquiry", "mql"]}
            stage = dice.choice(stages.get(kind, ["inquiry"])) if kind in (*stages, Kind.REGRESS) else ""
            yield gap, what, (number, kind.value, stage, dice.choice([None, None, 4, 15])), {}
        elif what == "becomes":
            field = dice.choice(["title", "title", "opted_out"])
            yield gap, what, (who,), {field: dice.choice(TITLES) if field == "title" else dice.random() < 0.3}
        elif what == "industry":
            yield gap, what, (dice.choice([0, 1]), dice.choice(["", "Chemicals", "Chemicals", "Metals"])), {}
        else:
            yield gap, what, (number,), {}


def play(world: World, seed: int, length: int = 80) -> None:
    for gap, what, arguments, fields in history(random.Random(seed), length):
        world.until(world.now + gap)
        getattr(world, what)(*arguments, **fields)
        pipeline.drain(now=world.now)
    world.until(world.now + 20 * DAY)


def really_made(model: ScoringModel) -> dict[int, tuple[datetime, str, int | None]]:
    """The first MQL that the version made of each lead: when, by what, by which touch."""
    made: dict[int, tuple[datetime, str, int | None]] = {}
    events = StageEvent.objects.filter(policy=model.policy, to_stage=Stage.MQL, cause__startswith="mql:")
    for event in events.exclude(cause__startswith="mql:revisit").order_by("recorded_at", "id"):
        _mql, what, touch, *rest = event.cause.split(":")
        by = "hand" if rest[-1:] == ["fast_track"] else "score"
        made.setdefault(event.lead_id, (event.occurred_at, by, int(touch) if what == "activity" else None))
    return made


def replayed(run: Simulation) -> dict[int, tuple[datetime, str, int | None]]:
    found = SimulatedLead.objects.filter(simulation=run, mql_at__isnull=False)
    return {row.lead_id: (row.mql_at, row.by, row.touch) for row in found if row.mql_at}


def run(model: ScoringModel, *, ends_at: datetime, starts_at: datetime = START - DAY, **more: Any) -> Simulation:
    asked = simulation.ask(model=model, starts_at=starts_at, ends_at=ends_at, user=None, now=ends_at, **more)
    simulation.work()
    asked.refresh_from_db()
    assert (asked.status, asked.problem) == ("done", "")
    return asked


@pytest.mark.parametrize("seed", [0, 3, 4])
def test_a_replay_of_the_version_that_decided_makes_its_mqls_again(seed: int) -> None:
    world = World(asks_people=seed % 2 == 1)
    play(world, seed)
    made = really_made(world.model)
    found = replayed(run(world.model, ends_at=world.now))
    assert found == made
    assert "score" in {by for _at, by, _touch in made.values()}


@pytest.mark.parametrize("seed", [11])
def test_each_of_several_versions_makes_its_own_mqls_again(seed: int) -> None:
    world = World(asks_people=False, scoped=True)
    play(world, seed)
    assert world.of_pumps
    for model in (world.model, world.of_pumps):
        made = really_made(model)
        assert replayed(run(model, ends_at=world.now)) == made
        assert made


# --- what else a replay is -----------------------------------------------------------------------------------------


def small() -> tuple[World, Any]:
    """Somebody with two visits and a download, each not enough alone, and an inquiry from the first of them."""
    world = World(asks_people=False)
    for days, type_ in ((0, "download"), (1, "visit"), (1, "visit")):
        world.until(world.now + days * DAY)
        world.touch(0, type_, timedelta(), True, 0, True)
        pipeline.drain(now=world.now)
    world.until(world.now + DAY)
    return world, Lead.objects.get()


def test_an_mql_says_what_each_rule_gave_at_its_moment() -> None:
    world, lead = small()
    row = run(world.model, ends_at=world.now).leads.get()
    (event,) = StageEvent.objects.filter(lead=lead, to_stage="mql")
    assert (row.lead_id, row.mql_at, row.by) == (lead.pk, event.occurred_at, "score")
    assert row.interest == pytest.approx(event.score) == row.peak
    rules = {rule.pk: rule for rule in world.model.rules.select_related("category")}
    assert {rules[pk].category.axis for pk in row.rule_ids} == {"fit", "interest"}
    by_axis = dict.fromkeys(("fit", "interest"), 0.0)
    for pk, points in zip(row.rule_ids, row.points, strict=True):
        by_axis[rules[pk].category.axis] += points
    assert (by_axis["interest"], by_axis["fit"]) == (pytest.approx(row.interest), row.fit) == (row.interest, 55)
    assert (row.grade, row.band) == ("B", 2)


def test_who_never_gets_there_has_a_peak_and_who_never_could_has_none() -> None:
    world = World(asks_people=False)
    for who in (0, 1, 4):  # a plant manager, a clerk elsewhere, and a clerk of the wanted account
        world.touch(who, "download", timedelta(), True, 0, True)
    pipeline.drain(now=world.now)
    world.until(world.now + DAY)
    done = run(world.model, ends_at=world.now)
    found = {row.person_id: row for row in done.leads.all()}
    assert [found[world.people[who].pk].mql_at for who in (0, 1, 4)] == [None] * 3
    manager, elsewhere, clerk = (found[world.people[who].pk] for who in (0, 1, 4))
    assert manager.peak == manager.interest == pytest.approx(9 * 0.5 ** (9 / 24 / 45)), "a day counts from its start"
    assert elsewhere.peak is None, "the account's industry is not known"
    assert clerk.peak is None, "no cell of the grade says MQL"
    assert clerk.interest == manager.interest and not clerk.rule_ids


def test_the_past_before_the_window_counts_and_what_comes_after_does_not() -> None:
    world, lead = small()
    (event,) = StageEvent.objects.filter(lead=lead, to_stage="mql")
    before = run(world.model, ends_at=event.occurred_at)
    assert before.leads.get().mql_at is None
    assert run(world.model, starts_at=event.occurred_at, ends_at=world.now).leads.get().mql_at == event.occurred_at
    assert not run(world.model, starts_at=event.occurred_at + timedelta(hours=1), ends_at=world.now).leads.exists()


def test_what_time_brings_after_the_stretch_is_not_of_it() -> None:
    world = World(asks_people=False)
    for type_ in ("visit", "visit", "guide", "spam"):
        world.touch(0, type_, timedelta(), True, 0, True)
    pipeline.drain(now=world.now)
    world.until(world.now + DAY)
    assert run(world.model, ends_at=world.now).leads.get().mql_at is None, "points below zero count for five days"
    world.until(world.now + 5 * DAY)
    assert replayed(run(world.model, ends_at=world.now)) == really_made(world.model) != {}


@pytest.mark.django_db(transaction=True)
def test_a_replay_killed_in_a_chunk_goes_on_before_it_and_comes_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(asks_people=False)
    play(world, seed=3, length=40)
    whole = run(world.model, ends_at=world.now)
    monkeypatch.setattr(working, "CHUNK", 2)
    again = simulation.ask(model=world.model, starts_at=START - 2 * DAY, ends_at=world.now, user=None, now=world.now)
    write, calls, fork = results.write, count(1), multiprocessing.get_context("fork")
    in_the_middle = fork.Event()

    def standing_still(*arguments: Any) -> None:
        write(*arguments)
        if next(calls) == 2:
            in_the_middle.set()
            clock.sleep(PATIENCE)

    monkeypatch.setattr(results, "write", standing_still)
    connections.close_all()  # two processes cannot share one
    worker = fork.Process(target=simulation.work, daemon=True)
    worker.start()
    assert in_the_middle.wait(PATIENCE)
    worker.kill()
    worker.join()
    monkeypatch.setattr(results, "write", write)
    again.refresh_from_db()
    assert (again.status, again.people) == ("running", 2)
    assert again.person_to and not again.leads.filter(person__gt=again.person_to).exists()
    while simulation.work() > 0:
        pass
    again.refresh_from_db()
    assert (again.status, again.people) == ("done", again.people_in_all) == ("done", whole.people_in_all)
    assert told(again) == told(whole)


def told(run: Simulation) -> list[tuple[Any, ...]]:
    fields = ("lead", "mql_at", "by", "touch", "interest", "fit", "grade", "band", "peak", "rule_ids", "points")
    return list(run.leads.order_by("lead").values_list(*fields))


def test_a_replay_that_fails_says_why_and_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _lead = small()
    write = results.write

    def failing(held: Simulation, *arguments: Any) -> None:
        if held.pk == first.pk:
            raise ZeroDivisionError("by nought")
        write(held, *arguments)

    monkeypatch.setattr(results, "write", failing)
    window = {"starts_at": START - DAY, "user": None, "now": world.now}
    first = simulation.ask(model=world.model, ends_at=world.now, **window)
    second = simulation.ask(model=world.model, ends_at=world.now - DAY, **window)
    simulation.work()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("failed", "done")
    assert "ZeroDivisionError" in first.problem and "nought" not in first.problem
    assert simulation.latest(world.model) == second
    again = simulation.ask(model=world.model, ends_at=world.now, **window)
    assert again.pk != first.pk, "it can be asked for again"


def test_what_is_there_is_given_again_and_a_draft_that_was_edited_is_stale() -> None:
    world, _lead = small()
    draft = services.draft(from_model=world.model, user=None, name="Draft")
    done = run(draft, ends_at=world.now)
    assert (
        simulation.ask(model=draft, starts_at=done.starts_at, ends_at=done.ends_at, user=world.sdr, now=world.now)
        == done
    )
    assert simulation.digest_of(draft) == simulation.digest_of(world.model)
    assert not simulation.is_stale(done)
    ScoringModel.objects.filter(pk=draft.pk).update(threshold=19)
    assert simulation.is_stale(done)
    assert run(draft, ends_at=world.now) != done


def test_a_draft_edited_while_it_is_replayed_fails_with_a_sentence() -> None:
    world, _lead = small()
    draft = services.draft(from_model=world.model, user=None, name="Draft")
    asked = simulation.ask(model=draft, starts_at=START, ends_at=world.now, user=None, now=world.now)
    ScoringModel.objects.filter(pk=draft.pk).update(threshold=19)
    simulation.work()
    asked.refresh_from_db()
    assert (asked.status, asked.problem) == (
        "failed", "The draft was edited while it was being replayed. Ask for it again."
    )  # fmt: skip


def test_what_cannot_be_replayed_is_refused_in_sentences() -> None:
    world, _lead = small()
    window = {"model": world.model, "user": None, "now": world.now}
    with pytest.raises(PolicyProblem, match="must end after it begins"):
        simulation.ask(starts_at=world.now, ends_at=world.now - DAY, **window)
    with pytest.raises(PolicyProblem, match="must end by now"):
        simulation.ask(starts_at=START, ends_at=world.now + DAY, **window)
    draft = services.draft(from_model=world.model, user=None, name="Draft")
    ScoringModel.objects.filter(pk=draft.pk).update(threshold=1_000)
    with pytest.raises(PolicyProblem, match="below the threshold"):
        simulation.ask(**{**window, "model": draft}, starts_at=START, ends_at=world.now)


def test_one_that_was_cancelled_is_not_worked() -> None:
    world, _lead = small()
    asked = simulation.ask(model=world.model, starts_at=START, ends_at=world.now, user=None, now=world.now)
    simulation.cancel(asked)
    assert asked.status == "cancelled"
    assert simulation.work() == 0


def test_each_change_is_told_and_replayed_alone() -> None:
    world, lead = small()
    draft = services.draft(from_model=world.model, user=None, name="Draft")
    ScoringModel.objects.filter(pk=draft.pk).update(threshold=40)
    by_points = {rule.points: rule for rule in draft.rules.all()}
    by_points[-9].delete()
    ScoreRule.objects.filter(pk=by_points[9].pk).update(points=12)
    draft.categories.filter(name="web").update(cap=30)
    ScoreRule.objects.create(
        model=draft, category=draft.categories.get(name="web"), name="More for visits", points=30,
        condition=is_("touch.type", "visit"),
    )  # fmt: skip
    found = simulation.changes(draft, world.model)
    assert [change.words for change in found] == [
        "The threshold is 40 instead of 20",
        "Category “web” counts at most 30 points instead of 18",
        f"Rule “{by_points[9].name}” gives 12 points instead of 9",
        "Rule “More for visits” is added, 30 points: Type of touch is “visit”",
        f"Rule “{by_points[-9].name}” is gone",
    ]
    assert simulation.changes(world.model, world.model) == []
    whole = run(draft, ends_at=world.now, each_change=True)
    parts = {part.change["words"]: part for part in whole.parts.all()}
    assert parts.keys() == {change.words for change in found}
    assert {part.status for part in parts.values()} == {"done"}
    made = {words: part.leads.get().mql_at for words, part in parts.items()}
    (event,) = StageEvent.objects.filter(lead=lead, to_stage="mql")
    at = event.occurred_at
    assert [made[change.words] for change in found] == [None, at, at - DAY, at - DAY, at]


def test_the_nightly_replay_is_of_a_year_and_only_the_latest_is_kept() -> None:
    world, _lead = small()
    first = simulation.refresh(now=world.now)
    simulation.work()
    second = simulation.refresh(now=world.now + DAY)
    assert first and second and second.ends_at - second.starts_at == timedelta(weeks=52)
    simulation.work()
    assert simulation.refresh(now=world.now + 2 * DAY)
    assert not Simulation.objects.filter(pk=first.pk).exists()
    assert simulation.latest(world.model) == second
