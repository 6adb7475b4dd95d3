"""Writing what a replay came to. The only writer of SimulatedLead."""

from itertools import count
from typing import Any, Final

import numpy as np
from django.db import connection

from scoring.decay import Floats, silence
from scoring.exchange import send
from scoring.models import ScoreRule, SimulatedLead, Simulation
from scoring.simulation import knowledge
from scoring.simulation.deciding import Outcomes
from scoring.simulation.replay import Replay, latest
from scoring.simulation.touches import Places

SMALLEST: Final = 1e-9  # points below are nothing
_names = count(1)

_INSERT: Final = """
INSERT INTO scoring_simulatedlead
    (simulation_id, lead_id, person_id, mql_at, "by", touch, interest, fit, grade, band, peak, rule_ids, points)
SELECT %(simulation)s, r.lead, r.person, to_timestamp(nullif(r.mql_at, 'NaN')),
       CASE WHEN r.mql_at = 'NaN' THEN '' WHEN r.by_hand THEN %(hand)s ELSE %(score)s END, nullif(r.touch, 0),
       r.interest, r.fit, (%(letters)s::text[])[r.grade], (%(numbers)s::integer[])[r.band], nullif(r.peak, 'NaN'),
       coalesce(p.rules, '{{}}'), coalesce(p.points, '{{}}')
FROM {leads} r
LEFT JOIN (
    SELECT lead, array_agg(rule ORDER BY place) AS rules, array_agg(points ORDER BY place) AS points
    FROM {points} GROUP BY lead
) p ON p.lead = r.lead
ORDER BY r.lead
"""


def write(simulation: Simulation, replay: Replay, outcomes: Outcomes) -> None:
    """Write the outcomes of some people's leads. A constant number of statements."""
    if not len(outcomes.lead):
        return
    policy, number = replay.policy, next(_names)
    tables = {"leads": f"simulated_{number}", "points": f"simulated_points_{number}"}
    with connection.cursor() as cursor:
        for name, columns in (("leads", _leads(replay, outcomes)), ("points", _points(replay, outcomes))):
            definition = ", ".join(f"{column} {type_}" for column, (type_, _values) in columns.items())
            cursor.execute(f"CREATE TEMP TABLE {tables[name]} ({definition}) ON COMMIT DROP")
            send(tables[name], columns)
        cursor.execute(
            _INSERT.format(**tables),
            {
                "simulation": simulation.pk,
                "hand": SimulatedLead.By.HAND.value,
                "score": SimulatedLead.By.SCORE.value,
                "letters": [letter for letter, _least in policy.grades],
                "numbers": [band for band, _least in policy.bands],
            },
        )
        cursor.execute(f"DROP TABLE {tables['leads']}, {tables['points']}")


def _leads(replay: Replay, outcomes: Outcomes) -> dict[str, tuple[str, Any]]:
    leads, moment = replay.trips.leads, outcomes.moment
    made = [outcomes.made.get(place) for place in outcomes.lead.tolist()]
    at = np.array([np.nan if one is None else replay.moments.at[one.moment] for one in made])
    return {
        "lead": ("bigint", leads.lead[outcomes.lead]),
        "person": ("bigint", replay.trips.people[leads.person[outcomes.lead]]),
        "mql_at": ("float8", at),
        "by_hand": ("boolean", np.array([one is not None and one.by_hand for one in made])),
        "touch": ("bigint", np.array([one.touch if one else 0 for one in made])),
        "interest": ("float8", replay.interest[moment]),
        "fit": ("float8", replay.known.totals[replay.version[moment]]),
        "grade": ("integer", replay.grade[moment] + 1),
        "band": ("integer", replay.band[moment] + 1),
        "peak": ("float8", outcomes.peak),
    }


def _points(replay: Replay, outcomes: Outcomes) -> dict[str, tuple[str, Any]]:
    """What each rule gave at the moment of each MQL, one row a lead and rule; rules that gave nothing are left out."""
    places = np.array(sorted(outcomes.made), dtype=np.int64)
    moments = np.array([outcomes.made[place].moment for place in places.tolist()], dtype=np.int64)
    rules = replay.policy.rules
    columns = {rule.id: column for column, rule in enumerate(rules)}
    table = np.zeros((len(places), len(rules)))
    which, rule, points = replay.points_at(moments)
    of_rules = np.array([columns[terms.id] for terms in replay.rules], dtype=np.int64)
    np.add.at(table, (which, of_rules[rule]), points)
    _add_silences(table, replay, moments, columns)
    _add_attributes(table, replay, moments, columns)
    row, column = np.nonzero(np.abs(table) > SMALLEST)
    ids = np.array([rule.id for rule in rules], dtype=np.int64)
    return {
        "lead": ("bigint", replay.trips.leads.lead[places[row]]),
        "rule": ("bigint", ids[column]),
        "points": ("float8", table[row, column]),
        "place": ("integer", column),
    }


def _add_silences(table: Floats, replay: Replay, moments: Places, columns: dict[int, int]) -> None:
    curve = replay.policy.curve
    quiet = [rule for rule in replay.policy.rules_of(ScoreRule.Kind.INACTIVITY) if rule.after_days is not None]
    for rule, step in zip(quiet, curve.silences, strict=True):
        alone = type(curve)(curve.landmark, curve.half_lives, curve.caps, curve.levels, (step,))
        lost = silence(alone, replay.last_at(moments), replay.moments.at[moments])
        table[:, columns[rule.id]] += lost[:, step.category]


def _add_attributes(table: Floats, replay: Replay, moments: Places, columns: dict[int, int]) -> None:
    rules = replay.policy.rules_of(ScoreRule.Kind.ATTRIBUTE)
    if not rules or not len(moments):
        return
    person = replay.moments.person[moments]
    whose, since, points = knowledge.attribute_points(replay.policy, np.unique(replay.trips.people[person]))
    row = latest(np.searchsorted(replay.trips.people, whose), since, person, replay.moments.at[moments])
    for place, rule in enumerate(rules):
        table[:, columns[rule.id]] += points[row, place]
