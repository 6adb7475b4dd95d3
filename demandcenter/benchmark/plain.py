"""The other ways of doing the same work, as a good developer would write them first: the ORM and REST serializers.

They only store; nothing is scored, and a duplicate fails the whole batch.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from demandcenter.benchmark.population import CHANNELS, REGIONS, SOLUTIONS, SOURCE
from funnel import staging
from funnel.models import Activity, Channel, Content, Lead, Person, Region, Solution, StageEvent

Rows = Sequence[Mapping[str, Any]]


class References:
    """The ids of reference data by name, looked up once: the comparison is about rows."""

    def __init__(self) -> None:
        self.channels = dict(Channel.objects.filter(name__in=CHANNELS).values_list("name", "pk"))
        self.solutions = dict(Solution.objects.filter(name__in=SOLUTIONS).values_list("name", "pk"))
        self.regions = dict(Region.objects.filter(name__in=REGIONS).values_list("name", "pk"))
        self.contents = dict(Content.objects.values_list("name", "pk"))


# --- Django REST framework --------------------------------------------------------------------------


class TouchSerializer(serializers.ModelSerializer):
    class Meta:
        model = Activity
        exclude = ("recorded_at",)


class TouchesView(APIView):
    """A list of touches, each with the ids of what it refers to."""

    def post(self, request: Request) -> Response:
        touches = TouchSerializer(data=request.data, many=True)
        touches.is_valid(raise_exception=True)
        with transaction.atomic():
            touches.save()
        return Response({"created": len(request.data)}, status=201)


def post_touches(rows: Rows, references: References, user: User) -> None:
    """Send touches to the view above. Whom they are about is looked up beforehand, in one query."""
    request = APIRequestFactory().post("/", [dict(row) for row in touch_columns(rows, references)], format="json")
    force_authenticate(request, user)
    response = TouchesView.as_view()(request)
    if response.status_code != 201:
        raise RuntimeError(f"Django REST framework refused the rows: {response.data}")


def touch_columns(rows: Rows, references: References) -> list[dict[str, Any]]:
    """The touches with ids in place of names and addresses."""
    people = _people([row["email"] for row in rows])
    return [
        {
            "person": people[row["email"]],
            "type": row["type"],
            "counts_as_response": row["counts_as_response"],
            "channel": references.channels[row["channel"]],
            "content": references.contents[row["content"]],
            "solution": references.solutions.get(row["solution"] or ""),
            "occurred_at": row["occurred_at"],
            "source": SOURCE,
            "external_id": f"plain-{row['external_id']}",
            "digest": str(uuid.uuid5(uuid.NAMESPACE_URL, row["external_id"])),
        }
        for row in rows
    ]


def _people(emails: Sequence[str]) -> dict[str, int]:
    return dict(Person.objects.filter(email__in=emails).values_list("email", "pk"))


# --- The ORM ----------------------------------------------------------------------------------------


def bulk_create_touches(rows: Rows, references: References) -> None:
    """One `bulk_create` for all rows, read from a file as text."""
    Activity.objects.bulk_create(
        Activity(
            person_id=columns.pop("person"),
            channel_id=columns.pop("channel"),
            content_id=columns.pop("content"),
            solution_id=columns.pop("solution"),
            occurred_at=datetime.fromisoformat(columns.pop("occurred_at")),
            counts_as_response=columns.pop("counts_as_response") == "True",
            **columns,
        )
        for columns in touch_columns(rows, references)
    )


def bulk_create_leads(rows: Rows, references: References) -> None:
    """People, leads and their first events, each by one `bulk_create`."""
    now = datetime.now().astimezone()
    accounts = _accounts(rows)
    with transaction.atomic():
        people = Person.objects.bulk_create(_person(row, accounts) for row in rows)
        leads = Lead.objects.bulk_create(
            _lead(row, person, references) for row, person in zip(rows, people, strict=True)
        )
        StageEvent.objects.bulk_create(_event(lead, now) for lead in leads)


def create_lead(row: Mapping[str, Any], references: References) -> None:
    """One lead, one object after the other."""
    with transaction.atomic():
        person = _person(row, _accounts([row]))
        person.save()
        lead = _lead(row, person, references)
        lead.save()
        _event(lead, lead.stage_since).save()


def _accounts(rows: Rows) -> dict[str, int]:
    domains = list({_domain(row) for row in rows})
    with connection.cursor() as cursor:
        cursor.execute("SELECT domain, account_id FROM funnel_accountdomain WHERE domain = ANY(%s)", [domains])
        return dict(cursor.fetchall())


def _domain(row: Mapping[str, Any]) -> str:
    return row["email"].partition("@")[2]


def _person(row: Mapping[str, Any], accounts: Mapping[str, int]) -> Person:
    return Person(
        email=f"plain.{row['email']}",
        first_name=row["first_name"],
        last_name=row["last_name"],
        title=row["title"],
        account_id=accounts.get(_domain(row)),
    )


def _lead(row: Mapping[str, Any], person: Person, references: References) -> Lead:
    at = datetime.fromisoformat(row["inquiry_at"])
    return Lead(
        person=person,
        number=1,
        stage_since=at,
        inquiry_at=at,
        account_id=person.account_id,
        channel_id=references.channels[row["channel"]],
        content_id=references.contents[row["content"]],
        solution_id=references.solutions[row["solution"]],
        region_id=references.regions[row["region"]],
        source=SOURCE,
        external_id=f"plain-{row['external_id']}",
    )


def _event(lead: Lead, now: datetime) -> StageEvent:
    return StageEvent(
        lead=lead, kind="advance", to_stage="inquiry", occurred_at=lead.stage_since, recorded_at=now, cause="plain"
    )


# --- COPY -------------------------------------------------------------------------------------------


def copy_touches(rows: Rows, _references: References) -> None:
    """COPY into a staging table and one INSERT that joins it: the least that PostgreSQL has to do for such rows."""
    columns = ("external_id", "email", "type", "counts_as_response", "channel", "content", "solution", "occurred_at")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_STAGE)
        staging.copy_into("staged_touches", {name: [row[name] or None for row in rows] for name in columns})
        cursor.execute(_UNSTAGE, [SOURCE])


_STAGE = """
    CREATE TEMP TABLE staged_touches (external_id text, email text, type text, counts_as_response boolean, channel text,
                                      content text, solution text, occurred_at timestamptz) ON COMMIT DROP
"""
_UNSTAGE = """
    INSERT INTO funnel_activity (person_id, type, direction, automatic, counts_as_response, channel_id, content_id,
                                 solution_id, occurred_at, payload, source, external_id, digest)
    SELECT p.id, s.type, 'in', false, coalesce(s.counts_as_response, false), ch.id, co.id, so.id, s.occurred_at, '{}',
           %s, 'copy-' || s.external_id, md5(s::text)::uuid
    FROM staged_touches s
    JOIN funnel_person p ON p.email = s.email
    LEFT JOIN funnel_channel ch ON ch.name = s.channel
    LEFT JOIN funnel_content co ON co.name = s.content
    LEFT JOIN funnel_solution so ON so.name = s.solution
    ON CONFLICT (source, external_id) DO NOTHING
"""
