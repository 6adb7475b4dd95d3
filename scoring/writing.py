"""Writing scores back, and what has changed of them. The only writer of Score and ScoreChange."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from scoring.decay import Floats
from scoring.exchange import send
from scoring.policy import Policy
from scoring.states import Flags, States

Cause = tuple[str, int]  # what, and the id of what (0: of nothing in particular)
_names = count(1)


def write(
    policy: Policy,
    states: States,
    *,
    before: States,
    fit: Floats,
    interest: Floats,
    causes: Sequence[Cause],
    news: Flags,
    at: float,
) -> None:
    """Write the states, and a ScoreChange where grade, band or eligibility became another. Five statements.

    before: the same people's states as they were. fit: by category (n, f). interest: at `at` (n), the moment of the
    decision, in seconds since 1970. causes: of each person. news: whether a first score is a change worth a row. The
    caller holds the people, so nobody else writes their rows.
    """
    columns = _columns(states, before=before, fit=fit, interest=interest, causes=causes)
    columns["changed"] = ("boolean", np.where(before.stored, _changed(states, before), news))
    table = f"scored_{next(_names)}"
    params: dict[str, Any] = {
        "model": policy.id,
        "now": at,
        "letters": [letter for letter, _least in policy.grades],
        "numbers": [number for number, _least in policy.bands],
        "words": sorted({what for what, _object in causes}),
    }
    definition = ", ".join(f"{name} {type_}" for name, (type_, _values) in columns.items())
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE {table} ({definition}) ON COMMIT DROP")
        send(table, columns)
        cursor.execute(_upsert(policy, table), params)
        if columns["changed"][1].any():
            cursor.execute(_CHANGES.format(table=table), params)
        cursor.execute(f"DROP TABLE {table}")


def _columns(
    states: States, *, before: States, fit: Floats, interest: Floats, causes: Sequence[Cause]
) -> dict[str, tuple[str, NDArray[Any]]]:
    words = sorted({what for what, _object in causes})
    places = {what: place for place, what in enumerate(words, start=1)}
    columns: dict[str, tuple[str, NDArray[Any]]] = {
        "person_id": ("bigint", states.people),
        "baseline_at": ("float8", states.baseline_at),
        "fit_total": ("float8", states.fit_total),
        "interest": ("float8", interest),
        "last_at": ("float8", states.last_at),
        "grade": ("integer", states.grade + 1),
        "band": ("integer", states.band + 1),
        "eligible": ("boolean", states.eligible),
        "allowed": ("boolean", states.allowed),
        "next_review_at": ("float8", states.next_review_at),
        "stored": ("boolean", before.stored),
        "from_grade": ("integer", before.grade + 1),
        "from_band": ("integer", before.band + 1),
        "from_eligible": ("boolean", before.eligible),
        "cause": ("integer", np.array([places[what] for what, _object in causes])),
        "object_id": ("bigint", np.array([object_id for _what, object_id in causes])),
    }
    for name, values in (("acc", states.acc), ("base", states.base), ("fit", fit)):
        columns |= {f"{name}{place}": ("float8", values[:, place]) for place in range(values.shape[1])}
    return columns


def _changed(states: States, before: States) -> Flags:
    return (states.grade != before.grade) | (states.band != before.band) | (states.eligible != before.eligible)


def _upsert(policy: Policy, table: str) -> str:
    def array(name: str, size: int) -> str:
        return f"ARRAY[{', '.join(f's.{name}{place}' for place in range(size))}]::float8[]"

    values = {
        "acc": array("acc", len(policy.interest)),
        "base": array("base", len(policy.interest)),
        "baseline_at": "to_timestamp(nullif(s.baseline_at, 'NaN'))",
        "fit": array("fit", len(policy.fit)),
        "fit_total": "s.fit_total",
        "last_at": "to_timestamp(nullif(s.last_at, '-infinity'))",
        "grade": "(%(letters)s::text[])[s.grade]",
        "band": "(%(numbers)s::integer[])[s.band]",
        "eligible": "s.eligible",
        "allowed": "s.allowed",
        "scored_at": "to_timestamp(%(now)s)",
        "next_review_at": "to_timestamp(nullif(s.next_review_at, 'NaN'))",
    }
    sets = ", ".join(f"{name} = excluded.{name}" for name in values)
    # In the order of people: two batches that met would wait for each other instead of deadlocking.
    return f"""
        INSERT INTO scoring_score AS score (person_id, model_id, rev, {", ".join(values)})
        SELECT s.person_id, %(model)s, 1, {", ".join(values.values())} FROM {table} s ORDER BY s.person_id
        ON CONFLICT (person_id, model_id) DO UPDATE SET rev = score.rev + 1, {sets}"""


_CHANGES = """
INSERT INTO scoring_scorechange
    (person_id, model_id, occurred_at, recorded_at, from_grade, grade, from_band, band, from_eligible, eligible,
     interest, fit, cause)
SELECT s.person_id, %(model)s, to_timestamp(%(now)s), to_timestamp(%(now)s),
       CASE WHEN s.stored THEN (%(letters)s::text[])[s.from_grade] ELSE '' END, (%(letters)s::text[])[s.grade],
       CASE WHEN s.stored THEN (%(numbers)s::integer[])[s.from_band] END, (%(numbers)s::integer[])[s.band],
       s.stored AND s.from_eligible, s.eligible, s.interest, s.fit_total,
       (%(words)s::text[])[s.cause] || CASE WHEN s.object_id = 0 THEN '' ELSE ':' || s.object_id END
FROM {table} s WHERE s.changed ORDER BY s.person_id
"""
