"""What somebody told us on the way: from the API to the page of the lead, and nothing of them is changed by it."""

import pytest
from django.urls import reverse

from funnel.access import Role
from funnel.models import Activity, Content, Person
from routing.leads.answers import answers_of
from tests import factories as make

pytestmark = pytest.mark.django_db


def test_answers_come_in_by_the_api_and_stand_on_the_page(client):
    client.force_login(make.user(Role.MARKETING_OPS))
    Content.objects.create(name="Guide to sites", buying_stage="education")
    lead = make.lead(person=make.person(email="lea@brunner.example", attributes={"sites": 3}))
    row = {
        "source": "web", "external_id": "f1", "type": "form", "email": "lea@brunner.example",
        "content": "Guide to sites",
        "occurred_at": "2026-06-01T09:30:00Z",
        "payload": {"answers": {"How many sites?": 9, "Tools": ["Excel", "SAP PM"], "Hurry": True}},
    }  # fmt: skip
    sent = client.post("/api/activities/", [row], content_type="application/json")
    assert sent.status_code == 201, sent.json()
    (step,) = answers_of(lead)
    assert (step.by, step.stage) == ("Guide to sites", "Education")
    assert dict(step.answers) == {"How many sites?": "9", "Tools": "Excel, SAP PM", "Hurry": "yes"}
    page = client.get(reverse("routing:lead", args=[lead.pk])).content.decode()
    assert "What they told us" in page and "Excel, SAP PM" in page
    assert Person.objects.get(pk=lead.person_id).attributes == {"sites": 3}


def test_what_is_no_answer_is_left_out_and_the_latest_comes_first(client):
    client.force_login(make.user(Role.MARKETING_OPS))
    lead = make.lead()
    nothing = [{"answers": "9"}, {"answers": {"A": "", " ": "x", "B": None, "C": {"d": 1}}}, {"page": "/"}]
    for payload in nothing:
        make.touch(person=lead.person, payload=payload)
    assert answers_of(lead) == []
    assert "What they told us" not in client.get(reverse("routing:lead", args=[lead.pk])).content.decode()
    for day in (3, 5):
        at = make.NOW.replace(day=day)
        make.touch(person=lead.person, payload={"answers": {"Day": day}}, occurred_at=at, type="form")
    Activity.objects.filter(payload__answers__Day=3).update(voided_at=make.NOW)
    assert [step.answers for step in answers_of(lead)] == [(("Day", "5"),)]
