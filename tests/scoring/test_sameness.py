"""However the facts arrive, in batches, late, twice told, voided, given to somebody else: one score, the oracle's."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from funnel import inbox
from funnel.models import Activity, Exit, Inbox, Kind, Lead, Person, StageEvent
from funnel.stages import Move, move
from scoring import services
from scoring.engine import apply, review, state_of
from scoring.models import Score, ScoringModel
from tests import factories
from tests.scoring import oracle
from tests.scoring.models import Model, touch_rule
from tests.scoring.oracle import Category, Quiet, Rule

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
LANDMARK = datetime(2026, 2, 1, tzinfo=UTC)
CHIEF = "Plant Manager"
RULES = oracle.Model(
    categories={
        "web": Category(half_life=14, cap=45),
        "content": Category(half_life=60, cap=50),
        "lately": Category(cap=30),
        "ever": Category(),
    },
    rules=[
        Rule("web", "visit", 6),
        Rule("web", "careers", -9),
        Rule("content", "download", 15, per_day=2),
        Rule("content", "guide", 4, only_title=CHIEF),
        Rule("lately", "visit", 5, per_day=3, window=10),
        Rule("lately", "careers", -6, window=4),
        Rule("ever", "download", 1),
        Rule("ever", "guide", 2, per_day=1),
    ],
    quiet=[Quiet("content", -4, 20, 7), Quiet("ever", -3, 30)],
)
TYPES = ["visit", "careers", "download", "guide", "other"]


def publish(rules: oracle.Model, landmark: datetime = LANDMARK) -> ScoringModel:
    """The oracle's model as a version of the product."""
    made = Model(landmark=landmark, threshold=rules.threshold, bands=[list(band) for band in rules.bands])
    made.row.grid = {f"{grade}{band}": "mql" for grade in "ABCD" for band, _least in rules.bands}
    made.row.save()
    for name, category in rules.categories.items():
        made.interest(name, half_life=category.half_life, cap=None if category.cap == float("inf") else category.cap)
    for rule in rules.rules:
        row = touch_rule(rule.category, rule.type, rule.points, per_day=rule.per_day, window_days=rule.window)
        if rule.only_title:
            title = {"field": "person.title", "op": "is", "value": rule.only_title}
            row["condition"] = {"all": [row["condition"], title]}
        made.rule(row)
    for quiet in rules.quiet:
        made.rule(
            {"category": quiet.category, "kind": "inactivity", "points": quiet.points, "condition": {}}
            | {"after_days": quiet.after, "every_days": quiet.every}
        )
    return made.active()


class World:
    """Facts as they come in, told to the product and to the oracle alike."""

    def __init__(self) -> None:
        self.now = START
        self.model = publish(RULES)
        self.people = [factories.person(title=title).pk for title in (CHIEF, "Clerk", CHIEF)]
        self.touches: dict[int, oracle.Touch] = {}
        self.waiting: dict[int, set[int]] = {person: set() for person in self.people}

    def touch(self, who: int, type_: str, age: timedelta, inbound: bool = True, automatic: bool = False) -> int:
        person = self.people[who]
        row = factories.touch(
            person_id=person, type=type_, occurred_at=self.now - age, recorded_at=self.now,
            direction="in" if inbound else "out", automatic=automatic,
        )  # fmt: skip
        told = oracle.Touch(row.pk, person, type_, self.now - age, self.now, inbound, automatic)
        self.touches[row.pk] = told
        inbox.add("activity", [(person, row.pk)])
        return row.pk

    def void(self, number: int) -> None:
        if self.touches:
            pk = sorted(self.touches)[number % len(self.touches)]
            self.touches[pk] = replace(self.touches[pk], void=True)
            Activity.objects.filter(pk=pk).update(voided_at=self.now)
            services.rebuild([self.touches[pk].person])

    def give(self, number: int, who: int) -> None:
        """A merge: the touch is somebody else's from now on; an inbox row that it has stays as it is."""
        if self.touches:
            pk = sorted(self.touches)[number % len(self.touches)]
            before, after = self.touches[pk].person, self.people[who]
            self.touches[pk] = replace(self.touches[pk], person=after)
            Activity.objects.filter(pk=pk).update(person_id=after)
            services.rebuild([before, after])

    def recycle(self, who: int) -> None:
        lead = Lead.objects.filter(person_id=self.people[who], closed_at=None).first()
        lead = lead or factories.lead(person=Person.objects.get(pk=self.people[who]), at=START - timedelta(days=400))
        move([Move(lead_id=lead.pk, kind=Kind.RECYCLE, occurred_at=self.now, cause=f"user:{self.now}")], now=self.now)

    def undo(self, who: int) -> None:
        """Take the latest recycle back, unless another trip has begun."""
        if Lead.objects.filter(person_id=self.people[who], closed_at=None).exists():
            return
        event = (
            StageEvent.objects.filter(lead__person_id=self.people[who], kind=Kind.RECYCLE, lead__exit=Exit.RECYCLED)
            .order_by("-recorded_at").first()
        )  # fmt: skip
        if event and not StageEvent.objects.filter(supersedes=event).exists():
            wish = Move(
                lead_id=event.lead_id, kind=Kind.VOID, occurred_at=self.now, cause=f"undo:{event.pk}",
                supersedes_id=event.pk,
            )  # fmt: skip
            move([wish], now=self.now)

    def promote(self, who: int, title: str) -> None:
        Person.objects.filter(pk=self.people[who]).update(title=title)
        inbox.add("person", [(self.people[who], None)])

    def drain(self, most: int = 500, meanwhile: tuple[int, str] | None = None) -> None:
        """meanwhile: somebody's touch that comes in when their rows have been taken and before they are worked."""
        taken = inbox.take(limit=most, now=self.now)
        if meanwhile:
            self.touch(*meanwhile, timedelta())
        worked = {row.person_id for row in taken}
        told = {row.object_id for row in taken if row.cause == "activity"}
        apply(taken, now=self.now)
        for pk, touch in self.touches.items():
            if pk in told or (touch.person in worked and not self._waits(pk, touch.person)):
                self.touches[pk] = replace(touch, drained=True)

    def _waits(self, pk: int, person: int) -> bool:
        return Inbox.objects.filter(cause="activity", object_id=pk, person_id=person).exists()

    def settle(self) -> None:
        """Everything drained, and everybody scored as of now; by a cause that sums nothing anew."""
        inbox.add("activated", [(person, None) for person in self.people])
        while Inbox.objects.exists():
            self.drain()

    def expected(self, person: int, at: datetime | None = None) -> oracle.Score:
        events = StageEvent.objects.filter(lead__person_id=person, lead__exit=Exit.RECYCLED, kind=Kind.RECYCLE)
        standing = events.exclude(pk__in=StageEvent.objects.filter(kind=Kind.VOID).values("supersedes"))
        return oracle.score(
            RULES,
            [touch for touch in self.touches.values() if touch.person == person],
            at=at or self.now,
            baseline=max((event.recorded_at for event in standing), default=None),
            title=Person.objects.get(pk=person).title,
        )


def history(dice: random.Random, length: int = 60) -> Iterator[tuple[float, str, tuple[Any, ...]]]:
    """Facts with the days between them: often the same day and person, so that limits, caps and silences bite."""
    for _ in range(length):
        days = dice.choice([0.001, 0.01, 0.1, 0.5, 1, 3]) if dice.random() < 0.95 else dice.uniform(5, 40)
        who, number = dice.choice([0, 0, 1, 2]), dice.randrange(1000)
        what = dice.choices(
            ["touch", "void", "give", "recycle", "undo", "promote", "drain"], weights=[60, 4, 4, 4, 3, 5, 20]
        )[0]
        if what == "touch":
            age = timedelta(days=dice.choice([0, 0, 0, 0, 0.01, 0.3, 1, 2, 5, 30, 36_500, -0.001, -1]))
            inbound, automatic = dice.random() < 0.9, dice.random() < 0.1
            yield days, what, (who, dice.choice(TYPES), age, inbound, automatic)
        else:
            meanwhile = (who, dice.choice(TYPES)) if dice.random() < 0.3 else None
            arguments: dict[str, tuple[Any, ...]] = {
                "void": (number,),
                "give": (number, who),
                "promote": (who, dice.choice([CHIEF, "Clerk"])),
                "drain": (dice.choice([1, 2, 500]), meanwhile),
            }
            yield days, what, arguments.get(what, (who,))


def play(world: World, seed: int) -> None:
    """A history; where everything is drained now and then, everybody stands where the oracle says."""
    for number, (days, what, arguments) in enumerate(history(random.Random(seed)), start=1):
        world.now += timedelta(days=days)
        getattr(world, what)(*arguments)
        if number % 15 == 0:
            world.settle()
            assert_as_told(world)


def assert_as_told(world: World) -> None:
    shown = state_of(world.people, at=world.now)
    for person, score in stored().items():
        expected = world.expected(person)
        assert shown[person].interest == pytest.approx(expected.interest, rel=1e-9, abs=1e-9)
        assert (score.band, score.eligible, score.last_at) == (expected.band, expected.over, expected.last_at)


def stored() -> dict[int, Score]:
    return {score.person_id: score for score in Score.objects.filter(model__active=True)}


def assert_same(one: Score, other: Score) -> None:
    largest = max(map(abs, one.acc), default=0)
    for name in ("acc", "base"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-9, abs=1e-9 * largest)
    for name in ("fit", "fit_total", "grade", "band", "eligible", "allowed", "baseline_at", "last_at"):
        assert getattr(one, name) == getattr(other, name), name
    assert (one.next_review_at is None) == (other.next_review_at is None)
    if one.next_review_at and other.next_review_at:
        assert abs(one.next_review_at - other.next_review_at) <= timedelta(seconds=1)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(8))
def test_adding_equals_rebuilding_and_both_equal_the_oracle(seed):
    world = World()
    play(world, seed)
    added = stored()
    services.rebuild(world.people)
    world.drain()
    for person, score in stored().items():
        assert_same(added[person], score)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(20, 23))
def test_another_version_fills_to_what_it_would_have_been(seed):
    """A version with another landmark, filled at the end, stands where the one that was there all along does."""
    world = World()
    play(world, seed)
    added = stored()
    second = publish(RULES, landmark=LANDMARK + timedelta(days=77))
    inbox.add("fill", [(person, second.pk) for person in world.people])
    world.drain()
    assert_as_told(world)
    for person, score in stored().items():
        before = added[person]
        assert score.model_id == second.pk != before.model_id
        assert (score.grade, score.band, score.eligible) == (before.grade, before.band, before.eligible)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(30, 36))
def test_nothing_changes_before_the_review_and_the_review_finds_what_the_oracle_does(seed):
    world = World()
    play(world, seed)
    for person, score in stored().items():
        until = score.next_review_at or world.now + timedelta(days=3650)
        before = world.expected(person)
        for share in (0.1, 0.5, 0.9, 0.999, 1):
            moment = world.now + (until - world.now) * share - timedelta(seconds=1.01)
            if moment > world.now:
                later = world.expected(person, moment)
                assert (later.band, later.over) == (before.band, before.over)
    for _ in range(6):
        due = Score.objects.exclude(next_review_at=None).order_by("next_review_at").first()
        if due is None:
            break
        world.now = due.next_review_at
        assert due.person_id in {standing.person_id for standing in review(now=world.now, limit=10)}
        due.refresh_from_db()
        expected = world.expected(due.person_id)
        assert (due.band, due.eligible) == (expected.band, expected.over)
        assert due.next_review_at is None or due.next_review_at > world.now
