"""The people, touches and leads that benchmarks work on: the same for the same numbers, made by SQL alone.

Person n has the address person<n>@company<m>.example, ten touches within 300 days and one lead. One lead in
`mql_every` is an MQL that nobody has decided on; the others ended, or stand, anywhere on the path. Nobody draws dice:
`pick(n, salt, sides)` is a hash, so that growing from 10,000 to a million people leaves the first ones as they were.
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import connection, transaction

from funnel.access import Role
from funnel.models import Campaign, Channel, Content, Reason, Region, Rep, Solution, Team

SOURCE = "benchmark"
TOUCHES_EACH = 10
PEOPLE_EACH = 20  # of a company
REPS_A_TEAM = 5
SPAN = timedelta(days=300)
REGIONS = ("DACH", "Nordics", "UK & Ireland", "France", "Southern Europe", "Benelux", "CEE", "North America")
SOLUTIONS = ("Edge monitoring", "Predictive maintenance", "OT security", "Energy insight")
CHANNELS = ("Organic search", "Website", "Paid search", "Webinar", "Event", "E-mail")
INDUSTRIES = ("Machinery", "Automotive", "Food and beverage", "Packaging", "Chemicals", "Energy", "Logistics", "Metals")
TITLES = ("Plant Manager", "Head of Automation", "Production Engineer", "Maintenance Manager", "IT Architect", "CIO")
TOUCHES = (  # type, whether it counts as a response
    ("email_open", False),
    ("email_open", False),
    ("email_click", False),
    ("page_visit", False),
    ("page_visit", False),
    ("pricing_visit", False),
    ("content_download", True),
    ("webinar_registered", True),
    ("webinar_attended", True),
    ("price_calculator", True),
)
FILLED = (
    "funnel_account",
    "funnel_accountdomain",
    "funnel_person",
    "funnel_activity",
    "funnel_lead",
    "funnel_stageevent",
)


@dataclass(frozen=True, slots=True)
class Company:
    """The small tables, by id. reps: those of all teams."""

    regions: list[int]
    solutions: list[int]
    channels: list[int]
    campaigns: list[int]
    contents: list[int]
    reasons: list[int]
    teams: list[int]
    reps: list[int]
    administrator: User
    manager: User


def found_company() -> Company:
    """Make the reference data, one SDR team a region with log-ins, an administrator and a manager of the SDRs."""
    regions = [Region.objects.create(name=name) for name in REGIONS]
    channels = [Channel.objects.create(name=name) for name in CHANNELS]
    teams = [Team.objects.create(name=f"SDR {region}", kind=Team.Kind.SDR, region=region) for region in regions]
    reps = [_rep(team, number) for team in teams for number in range(REPS_A_TEAM)]
    return Company(
        regions=[region.pk for region in regions],
        solutions=[Solution.objects.create(name=name).pk for name in SOLUTIONS],
        channels=[channel.pk for channel in channels],
        campaigns=[Campaign.objects.create(name=f"Campaign {n}", channel=c).pk for n, c in enumerate(channels)],
        contents=[Content.objects.create(name=f"Guide {number}", kind="guide").pk for number in range(20)],
        reasons=[Reason.objects.get_or_create(kind=Reason.For.REJECT, stage="mql", name="Wrong profile")[0].pk],
        teams=[team.pk for team in teams],
        reps=[rep.pk for rep in reps],
        administrator=User.objects.create_superuser("administrator"),
        manager=_user("manager", Role.SDR_MANAGER),
    )


def _user(username: str, role: Role) -> User:
    user = User.objects.create_user(username)
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def _rep(team: Team, number: int) -> Rep:
    name = f"{team.name} {number}"
    return Rep.objects.create(name=name, team=team, region=team.region, user=_user(name, Role.SDR))


def grow(company: Company, *, have: int, want: int, mql_every: int, now: datetime) -> None:
    """Add the people after number `have` up to `want`, with their companies, touches, leads and stage events.

    Both are multiples of PEOPLE_EACH, so that companies are whole.
    """
    values: dict[str, Any] = {
        "source": SOURCE,
        "first": have + 1,
        "last": want,
        "first_company": have // PEOPLE_EACH + 1,
        "last_company": -(-want // PEOPLE_EACH),
        "people_each": PEOPLE_EACH,
        "touches": TOUCHES_EACH,
        "mql_every": mql_every,
        "now": now,
        "since": now - SPAN,
        "regions": company.regions,
        "solutions": company.solutions,
        "channels": company.channels,
        "campaigns": company.campaigns,
        "contents": company.contents,
        "reasons": company.reasons,
        "reps": company.reps,
        "industries": list(INDUSTRIES),
        "titles": list(TITLES),
        "types": [name for name, _response in TOUCHES],
        "responses": [response for _name, response in TOUCHES],
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_PICK)
        with _unhindered(FILLED):
            for statement in (_ACCOUNTS, _DOMAINS, _PEOPLE, _TOUCHES, _LEADS, _EVENTS):
                cursor.execute(statement, values)
        for table in ("funnel_account", "funnel_person"):
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
    tidy()


def tidy() -> None:
    """Let the planner know what there is, as autovacuum would in a while."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


@contextmanager
def _unhindered(tables: Sequence[str]) -> Iterator[None]:
    """Without indexes, constraints and triggers on these tables: a bulk of rows lands in a third of the time.

    Foreign keys come back without looking at the rows that are there; these fit by the way they are made.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CONSTRAINTS, [list(tables)])
        constraints = cursor.fetchall()
        for table, name, _definition in constraints:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(_INDEXES, [list(tables)])
        indexes = cursor.fetchall()
        for name, _definition in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        for definition in itertools.chain(
            (definition for _name, definition in indexes),
            (f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}' for table, name, definition in constraints),
        ):
            cursor.execute(definition)


_CONSTRAINTS = """
    SELECT c.conrelid::regclass::text, c.conname,
           pg_get_constraintdef(c.oid) || CASE WHEN c.contype = 'f' AND c.convalidated THEN ' NOT VALID' ELSE '' END
    FROM pg_constraint c
    WHERE c.contype IN ('f', 'u') AND c.conrelid = ANY(%s::regclass[])
    ORDER BY c.conrelid, c.conname
"""
_INDEXES = """
    SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
    FROM pg_index i
    WHERE i.indrelid = ANY(%s::regclass[]) AND NOT i.indisprimary
    ORDER BY i.indrelid, i.indexrelid
"""
_PICK = """
    CREATE OR REPLACE FUNCTION pick(n bigint, salt integer, sides integer) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (hashint8extended(n, salt) & 9223372036854775807) % sides
"""
_ACCOUNTS = """
    INSERT INTO funnel_account (id, name, name_key, kind, region_id, segment, tier, industry, employees, country,
                                city, phone, attributes)
    SELECT n, 'Company ' || n, 'company ' || n, 'prospect',
           (%(regions)s)[1 + pick(n, 1, cardinality(%(regions)s))],
           (ARRAY['Enterprise', 'Mid-market', 'Small business'])[1 + pick(n, 2, 3)], 1 + pick(n, 3, 3),
           (%(industries)s)[1 + pick(n, 4, cardinality(%(industries)s))], 20 + pick(n, 5, 4000), 'DE', '', '', '{}'
    FROM generate_series(%(first_company)s, %(last_company)s) n
"""
_DOMAINS = """
    INSERT INTO funnel_accountdomain (domain, account_id)
    SELECT 'company' || n || '.example', n FROM generate_series(%(first_company)s, %(last_company)s) n
"""
_PEOPLE = """
    INSERT INTO funnel_person (id, email, first_name, last_name, title, company, phone, country, city, language,
                               account_id, account_match, opted_out, do_not_call, attributes, created_at)
    SELECT n, 'person' || n || '@company' || (n - 1) / %(people_each)s + 1 || '.example', 'Pat', 'Person ' || n,
           (%(titles)s)[1 + pick(n, 11, cardinality(%(titles)s))], 'Company ' || (n - 1) / %(people_each)s + 1, '',
           'DE', '', 'de', (n - 1) / %(people_each)s + 1, 'domain', false, false, '{}', %(since)s
    FROM generate_series(%(first)s, %(last)s) n
"""
# Person by person: ten touches of one person lie side by side, as they would not when they came in one by one; the
# second half of them is therefore written in another order.
_TOUCHES = """
    INSERT INTO funnel_activity (person_id, account_id, type, direction, automatic, counts_as_response, channel_id,
                                 campaign_id, content_id, solution_id, occurred_at, recorded_at, payload, source,
                                 external_id, digest)
    SELECT n, NULL, (%(types)s)[1 + kind], 'in', false, response,
           (%(channels)s)[1 + pick(t, 21, cardinality(%(channels)s))],
           CASE WHEN response THEN (%(campaigns)s)[1 + pick(t, 22, cardinality(%(campaigns)s))] END,
           CASE WHEN response THEN (%(contents)s)[1 + pick(t, 23, cardinality(%(contents)s))] END,
           CASE WHEN response THEN (%(solutions)s)[1 + pick(t, 24, cardinality(%(solutions)s))] END,
           at, at + interval '2 seconds', '{}', %(source)s, 't' || t, md5(t::text)::uuid
    FROM generate_series(0, %(touches)s - 1) place
    CROSS JOIN generate_series(%(first)s, %(last)s) n
    CROSS JOIN LATERAL (SELECT n::bigint * %(touches)s + place AS t) the
    CROSS JOIN LATERAL (
        SELECT pick(t, 25, cardinality(%(types)s)) AS kind,
               %(since)s + (%(now)s - %(since)s) * (0.01 + 0.98 * pick(t, 26, 1000000) / 1000000.0) AS at
    ) its
    CROSS JOIN LATERAL (SELECT (%(responses)s)[1 + kind] AS response) says
"""
# reach: how many stages it entered; open MQLs by turn, the rest by hash. Hours between stages, within the 300 days.
_LEADS = """
    INSERT INTO funnel_lead (person_id, number, stage, stage_since, inquiry_at, mql_at, sal_at, sql_at, closed_at,
                             exit, reason_id, passthrough, owner_id, entry_stage, function, motion, channel_id,
                             content_id, campaign_id, region_id, segment, solution_id, account_id, source, external_id,
                             recorded_at)
    SELECT n, 1, (ARRAY['inquiry', 'mql', 'sal', 'sql'])[reach], (ARRAY[at1, at2, at3, at4])[reach],
           at1, CASE WHEN reach > 1 THEN at2 END, CASE WHEN reach > 2 THEN at3 END, CASE WHEN reach > 3 THEN at4 END,
           CASE WHEN closed THEN at5 END, CASE WHEN closed THEN 'disqualified' ELSE '' END,
           CASE WHEN closed THEN (%(reasons)s)[1 + pick(n, 31, cardinality(%(reasons)s))] END, false,
           CASE WHEN reach > 1 THEN (%(reps)s)[1 + pick(n, 32, cardinality(%(reps)s))] END, 'inquiry', 'marketing',
           'new', (%(channels)s)[1 + pick(n, 33, cardinality(%(channels)s))],
           (%(contents)s)[1 + pick(n, 34, cardinality(%(contents)s))],
           (%(campaigns)s)[1 + pick(n, 35, cardinality(%(campaigns)s))], a.region_id, a.segment,
           (%(solutions)s)[1 + pick(n, 36, cardinality(%(solutions)s))], a.id, %(source)s, 'l' || n, at1
    FROM generate_series(%(first)s, %(last)s) n
    JOIN funnel_account a ON a.id = (n - 1) / %(people_each)s + 1
    CROSS JOIN LATERAL (
        SELECT CASE WHEN n %% %(mql_every)s = 0 THEN 2 WHEN d < 30 THEN 1 WHEN d < 55 THEN 2 WHEN d < 80 THEN 3 ELSE 4
               END AS reach,
               n %% %(mql_every)s > 0 AND d > 9 AND (d < 55 OR pick(n, 38, 100) < 80) AS closed,
               CASE WHEN n %% %(mql_every)s = 0 THEN %(now)s - interval '40 hours' * (1 + pick(n, 39, 1000)) / 1000.0
               ELSE %(since)s + interval '1 hour' * pick(n, 40, 6000) END AS at1
        FROM (SELECT pick(n, 37, 100) AS d) dice
    ) fate
    CROSS JOIN LATERAL (
        SELECT at1 + interval '1 minute' AS at2, at1 + interval '9 hours' AS at3, at1 + interval '10 days' AS at4,
               at1 + interval '20 days' AS at5
    ) moments
"""
_EVENTS = """
    INSERT INTO funnel_stageevent (lead_id, kind, from_stage, to_stage, occurred_at, recorded_at, reason_id, policy,
                                   cause)
    SELECT l.id, e.kind, e.from_stage, e.to_stage, e.at, e.at, CASE WHEN e.kind = 'disqualify' THEN l.reason_id END, '',
           'load:' || l.external_id || '/' || e.name
    FROM funnel_lead l
    CROSS JOIN LATERAL (VALUES
        ('advance', '', 'inquiry', l.inquiry_at, 'inquiry'),
        ('advance', 'inquiry', 'mql', l.mql_at, 'mql'),
        ('advance', 'mql', 'sal', l.sal_at, 'sal'),
        ('advance', 'sal', 'sql', l.sql_at, 'sql'),
        ('disqualify', l.stage, '', l.closed_at, 'exit')
    ) e (kind, from_stage, to_stage, at, name)
    WHERE l.source = %(source)s AND l.person_id BETWEEN %(first)s AND %(last)s AND e.at IS NOT NULL
"""
