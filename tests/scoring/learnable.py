"""Leads of a made-up past whose outcomes follow a rule that the tests know."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction

from funnel import staging
from funnel.models import Channel, Kind, Lead, Person, Stage, StageEvent
from funnel.stages import refresh
from scoring.predictive.features import Field, Leads

CHANNELS = ("Referral", "Webinar", "Search", "Fair")
RATES = {"Referral": 0.75, "Webinar": 0.45, "Search": 0.15}  # of leads on the database that became SQL
PULL = {"Referral": 1.6, "Webinar": 0.4, "Search": -0.6, "Fair": -1.2}


def past(n: int = 900, *, seed: int = 3, days: int = 0, witnessed: bool = False) -> Leads:
    """Leads that come to it by channel and by visits. days: over how many they came in; 0: all at one moment."""
    dice = np.random.default_rng(seed)
    channel = dice.choice(CHANNELS, n)
    visits = dice.poisson(6, n).astype(float)
    odds = np.array([PULL[name] for name in channel]) + 0.25 * (visits - 6)
    leads = Leads(
        ids=np.arange(1, n + 1),
        opened=1.7e9 + (np.sort(dice.random(n)) * days * 86_400 if days else np.zeros(n)),
        witnessed=np.full(n, witnessed),
        outcome=dice.random(n) < 1 / (1 + np.exp(-odds)),
    )
    add(leads, "lead.channel", channel.tolist(), label="Channel", frozen=True)
    add(leads, "attribute.visits", [None if lost else v for v, lost in zip(visits, dice.random(n) < 0.1, strict=True)])
    return leads


def add(leads: Leads, name: str, values: Sequence[Any], *, label: str = "", frozen: bool = False) -> None:
    """Give the leads one more field."""
    leads.fields[name] = Field(name, label or name.partition(".")[2].capitalize(), frozen=frozen)
    leads.values[name] = list(values)


@transaction.atomic
def many(n: int, *, at: datetime, over: timedelta = timedelta(days=200), seed: int = 5) -> list[int]:
    """Leads that came in over a stretch of time, recorded as they did; by channel they became SQL on the tenth day."""
    dice = np.random.default_rng(seed)
    channels = [Channel.objects.get_or_create(name=name)[0] for name in RATES]
    people, leads = staging.new_ids(Person, n), staging.new_ids(Lead, n)
    picked = dice.integers(0, len(channels), n)
    opened = [at + over * float(share) for share in dice.random(n)]
    staging.insert(
        Person,
        [
            {"id": pk, "email": f"p{pk}@example.com", "attributes": {"size": float(size)}}
            for pk, size in zip(people, dice.integers(1, 500, n), strict=True)
        ],
    )
    staging.insert(
        Lead,
        [
            {"id": pk, "person_id": person, "number": 1, "stage_since": moment, "closed_at": moment, "exit": "void",
             "channel_id": channels[pick].pk, "recorded_at": moment}
            for pk, person, moment, pick in zip(leads, people, opened, picked, strict=True)
        ],
    )  # fmt: skip
    rows = []
    for pk, moment, pick in zip(leads, opened, picked, strict=True):
        rows.append((pk, Stage.INQUIRY, moment))
        if dice.random() < RATES[channels[pick].name]:
            rows.append((pk, Stage.SQL, moment + timedelta(days=10)))
    staging.insert(
        StageEvent,
        [
            {"id": event, "lead_id": pk, "kind": Kind.ADVANCE, "to_stage": stage, "occurred_at": moment,
             "recorded_at": moment, "cause": f"test:{stage}"}
            for event, (pk, stage, moment) in zip(staging.new_ids(StageEvent, len(rows)), rows, strict=True)
        ],
    )  # fmt: skip
    refresh(leads)
    return leads
