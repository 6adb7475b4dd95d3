"""What of theirs is an answer to one of us, in Python and in SQL alike."""

from typing import Any

import pytest
from django.db import connection

from funnel.models import Activity
from funnel.replies import REPLY, is_reply
from tests import factories as make

ANSWERS = (
    "email_reply", "reply", "Email Replied", "social_reply", "linkedin_reply", "sms_reply", "inbound_call", "call_in",
    "Call", "callback_request", "chat_message", "answered-email", "demo_request", "contact_sales", "talk_to_sales",
    "Meeting requested",
)  # fmt: skip
NONE = (
    "page_visit", "email_open", "email_click", "content_download", "form", "webinar_attended", "survey_response",
    "call_to_action_click", "recalled", "recall", "meeting_booked", "out_of_office_reply", "auto_reply",
    "automatic_reply", "ooo_reply", "bounced_reply", "autoreply", "unsubscribe_request", "",
)  # fmt: skip


@pytest.mark.parametrize("type_", ANSWERS)
def test_what_they_say_to_one_of_us_is_an_answer(type_):
    assert is_reply(type_, direction="in", automatic=False)


@pytest.mark.parametrize("type_", NONE)
def test_what_they_say_to_marketing_and_what_machines_send_is_none(type_):
    assert not is_reply(type_, direction="in", automatic=False)


@pytest.mark.parametrize("fields", [{"direction": "out"}, {"automatic": True}, {"voided": True}])
def test_ours_a_machine_s_and_what_was_taken_back_is_none(fields):
    told: dict[str, Any] = {"direction": "in", "automatic": False} | fields
    assert not is_reply("email_reply", **told)


@pytest.mark.django_db
def test_the_database_reads_it_alike():
    person = make.person()
    for type_ in (*ANSWERS, *NONE):
        make.touch(person=person, type=type_)
    for fields in ({"direction": "out"}, {"automatic": True}, {"voided_at": make.NOW}):
        make.touch(person=person, type="email_reply", **fields)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT t.id FROM funnel_activity t WHERE {REPLY}")
        found = {pk for (pk,) in cursor.fetchall()}
    touches = Activity.objects.all()
    said = {
        touch.pk
        for touch in touches
        if is_reply(
            touch.type, direction=touch.direction, automatic=touch.automatic, voided=touch.voided_at is not None
        )
    }
    assert found == said and len(found) == len(ANSWERS)
