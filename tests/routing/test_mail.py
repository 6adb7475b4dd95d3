"""Mail in, and templates out: who wrote to whom, whether a machine did, and texts filled from a lead."""

import pytest

from funnel.access import Role
from funnel.models import Activity, Person
from routing.cadences.mail import Said, addresses, is_automatic, read
from routing.cadences.templating import fill, mail_address, missing, unknown_places, values_of
from tests import factories as make

OURS = {"jonas@ours.example"}


@pytest.mark.parametrize(
    ("subject", "headers", "automatic"),
    [
        ("Re: Your question", {}, False),
        ("Re: Your question", {"Auto-Submitted": "no"}, False),
        ("Re: Your question", {"auto-submitted": "auto-replied; owner=x"}, True),
        ("Re: Your question", {"Precedence": "bulk"}, True),
        ("Re: Your question", {"X-Autoreply": "yes"}, True),
        ("Out of office: Re: Your question", {}, True),
        ("AW: Automatische Antwort: Ihre Frage", {}, True),
        ("Automation for out of office hours", {}, False),
    ],
)
def test_a_machine_is_told_by_its_headers_or_its_subject(subject, headers, automatic):
    assert is_automatic(subject, headers) is automatic


def test_who_wrote_to_whom():
    wrote = read(sender="Lea <LEA@example.com>", recipients=["jonas@ours.example"], subject="", headers={}, ours=OURS)
    assert wrote == [Said("lea@example.com", "email_reply", "in", False)]
    sent = read(
        sender="Jonas <jonas@ours.example>", recipients=["Lea <lea@example.com>, jonas@ours.example"], subject="",
        headers={}, ours=OURS,
    )  # fmt: skip
    assert sent == [Said("lea@example.com", "email_sent", "out", False)]
    assert read(sender="", recipients=[], subject="", headers={}, ours=OURS) == []
    assert addresses(["not an address", "A <a@x.example>, A <A@X.example>"]) == ["a@x.example"]


@pytest.mark.django_db
class TestGateway:
    @pytest.fixture
    def ops(self, client):
        client.force_login(make.user(Role.MARKETING_OPS))
        make.rep(name="Jonas", email="jonas@ours.example")
        return client

    def send(self, client, **fields):
        body = {"message_id": "<1@x>", "sent_at": "2026-06-01T12:00:00Z", "sender": "lea@example.com",
                "recipients": ["jonas@ours.example"], "subject": "Re: Hello", "headers": {}} | fields  # fmt: skip
        return client.post("/api/mail/", body, content_type="application/json")

    def test_an_answer_is_recorded_once(self, ops):
        lea = make.person(email="lea@example.com")
        assert self.send(ops).json() == {"recorded": 1, "known": 0, "ignored": 0, "automatic": False}
        assert self.send(ops).json()["known"] == 1
        touch = Activity.objects.get()
        assert (touch.person, touch.type, touch.direction, touch.automatic) == (lea, "email_reply", "in", False)

    def test_a_copy_of_a_mail_of_ours_is_outbound_and_an_automatic_reply_is_automatic(self, ops):
        make.person(email="lea@example.com")
        self.send(ops, sender="jonas@ours.example", recipients=["lea@example.com"])
        self.send(ops, message_id="<2@x>", headers={"Auto-Submitted": "auto-replied"})
        found = Activity.objects.order_by("id").values_list("type", "direction", "automatic")
        assert list(found) == [("email_sent", "out", False), ("email_reply", "in", True)]

    def test_nobody_is_made_known_by_a_mail(self, ops):
        assert self.send(ops).json() == {"recorded": 0, "known": 0, "ignored": 1, "automatic": False}
        assert not Person.objects.exists()

    def test_what_makes_no_sense_or_may_not_be_is_refused(self, ops, client):
        assert self.send(ops, sent_at="yesterday").status_code == 400
        client.force_login(make.user(Role.SDR))
        assert self.send(client).status_code == 403


# --- Templates ------------------------------------------------------------------------------------


def test_a_template_is_filled_and_shows_what_is_not_known():
    values = {"first_name": "Lea", "company": ""}
    assert fill("Hello {first_name} of {company}, {braces}", values) == "Hello Lea of [company?], {braces}"
    assert missing("{first_name} {company} {company}", values) == ["company"]
    assert unknown_places("{firstname} {first_name}") == ["firstname"]


def test_a_mail_address_carries_subject_and_body():
    told = mail_address("lea+x@example.com", "Größe & Preis?", "Line one\nLine two")
    assert told == "mailto:lea+x@example.com?subject=Gr%C3%B6%C3%9Fe%20%26%20Preis%3F&body=Line%20one%0D%0ALine%20two"
    assert mail_address("lea@example.com", "", "") == "mailto:lea@example.com"


@pytest.mark.django_db
def test_the_places_stand_for_what_is_known_of_the_lead():
    account = make.account(name="Brunner", industry="Chemicals")
    person = make.person(first_name="Lea", title="Director", account=account)
    lead = make.lead(person=person, account=account, owner=make.rep(name="Jonas"))
    values = values_of(lead)
    assert (values["first_name"], values["company"], values["industry"], values["rep"], values["solution"]) == (
        "Lea", "Brunner", "Chemicals", "Jonas", "",
    )  # fmt: skip
