"""Which touches of a batch count, and which of them raise a hand: a fast track of the version."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import structlog
from django.db import DatabaseError, connection, transaction

from funnel.conditions import ConditionError
from funnel.fields import FIELDS_OF_TOUCHES
from scoring.exchange import literal
from scoring.models import Gate
from scoring.policy import Policy, live_policies

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FastTrack:
    """A touch that makes an MQL at once, and the name of the gate that says so."""

    activity_id: int
    gate: str


@dataclass(slots=True)
class Raised:
    """By person: the touches that count, in order of id, and the first that raises a hand."""

    touches: dict[int, tuple[int, ...]] = field(default_factory=dict)
    fast_tracks: dict[int, FastTrack] = field(default_factory=dict)


def read(policy: Policy, touches: Sequence[tuple[int, int]]) -> Raised:
    """What these touches, (person id, touch id), say; those void, gone or of others say nothing. One statement."""
    raised = Raised()
    if not touches:
        return raised
    with connection.cursor() as cursor:
        cursor.execute(
            _statement(policy), {"people": [pair[0] for pair in touches], "ids": [pair[1] for pair in touches]}
        )
        rows = cursor.fetchall()
    found: dict[int, list[int]] = {}
    gates = policy.gates_of(Gate.Kind.FAST_TRACK)
    for person, touch, gate in rows:  # in the order in which they happened
        found.setdefault(person, []).append(touch)
        if gate is not None:
            raised.fast_tracks.setdefault(person, FastTrack(touch, gates[gate].name))
    raised.touches = {person: tuple(sorted(ids)) for person, ids in found.items()}
    return raised


def raising(touches: Sequence[tuple[int, int]]) -> set[int]:
    """Those of these touches, (person id, touch id), that raise a hand under a version that decides, one a person: the
    pipeline takes them first. A statement for each such version.

    A version that cannot be asked keeps no touch from coming in; what is wrong with it, the pipeline finds and tells.
    """
    try:
        with transaction.atomic():
            policies, scopes = live_policies()
            found = [read(policy, touches) for policy in policies if policy.id in scopes.models]
    except (ConditionError, DatabaseError) as error:
        log.warning("raised_hands_not_known", error=type(error).__name__)
        return set()
    return {track.activity_id for raised in found for track in raised.fast_tracks.values()}


@lru_cache(maxsize=16)
def _statement(policy: Policy) -> str:
    gates = policy.gates_of(Gate.Kind.FAST_TRACK)
    groups = {group for gate in gates for group in gate.condition.groups}
    cases = " ".join(
        f"WHEN {literal(gate.condition.sql, gate.condition.params)} THEN {place}" for place, gate in enumerate(gates)
    )
    return f"""
        SELECT t.person_id, t.id, {f"CASE {cases} END" if cases else "NULL"}
        FROM unnest(%(people)s::bigint[], %(ids)s::bigint[]) taken (person_id, id)
        JOIN funnel_activity t ON t.id = taken.id AND t.person_id = taken.person_id AND t.voided_at IS NULL
        {FIELDS_OF_TOUCHES.joins(groups, root="touch")}
        ORDER BY t.occurred_at, t.id"""
