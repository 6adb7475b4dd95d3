"""Mail of reps through their own servers: sent once, logged as their attempt, and only to whom it may be."""

import ssl
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.urls import reverse

from funnel.access import Role
from funnel.models import Activity, Note
from funnel.sealing import Unreadable, seal, unseal
from routing.acts.doing import Invalid, NotAllowed, Refused
from routing.cadences import enrolments, own_mail
from routing.messages import mailboxes
from routing.messages.posting import NotPosted
from routing.messages.words import words_of
from routing.models import Attempt, ContactCap, Mailbox, MessageTemplate, Notice, OwnMail, Task
from tests import factories as make
from tests.factories import NOW
from tests.smtp import Server, certificate, smtp_server
from tests.threads import at_once

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def within(settings):
    settings.MAILBOXES_WITHIN, settings.PUBLIC_URL = True, "https://demand.example.com"


@pytest.fixture
def server():
    with smtp_server(mia=PASSWORD) as running:
        yield running


@pytest.fixture
def user():
    return make.user(Role.SDR, team=make.team(), email="mia@ours.example", first_name="Mia", last_name="Lind")


def enter(user, server: Server, **fields) -> Mailbox:
    values = {
        "address": "mia@ours.example", "host": "127.0.0.1", "port": server.port, "security": "none", "username": "mia",
        "password": PASSWORD,
    }  # fmt: skip
    return mailboxes.set_mailbox(user, **(values | fields))


@pytest.fixture
def mailbox(user, server):
    return enter(user, server)


@pytest.fixture
def lead(user):
    person = make.person(first_name="Lea", last_name="Brunner", email="lea@theirs.example")
    return make.lead(at=NOW, stages=dict.fromkeys(("inquiry", "mql", "sal"), NOW), owner=user.rep, person=person)


def write(lead, user, now: datetime = NOW, **fields):
    return own_mail.write(
        lead.pk, **({"subject": "Größe", "body": "Hello Lea,\nshall we talk?"} | fields), user=user, now=now
    )


def deliver(now: datetime = NOW) -> None:
    while own_mail.deliver(now=now):
        pass


class TestSecrets:
    def test_a_sealed_secret_comes_back_and_is_another_text_each_time(self):
        first, second = seal("héslo"), seal("héslo")
        assert first != second and "slo" not in first
        assert unseal(first) == unseal(second) == "héslo" and seal("") == unseal("") == ""

    def test_after_another_key_it_is_read_with_the_former_one_or_not_at_all(self, settings):
        sealed, before = seal("secret"), settings.SECRET_KEY
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [before]
        assert unseal(sealed) == "secret"
        settings.SECRET_KEY_FALLBACKS = []
        for text in (sealed, sealed[:-2], "nonsense"):
            with pytest.raises(Unreadable):
                unseal(text)

    def test_the_password_is_in_no_row_and_on_no_page(self, client, user, mailbox):
        client.force_login(user)
        html = client.get(reverse("routing:mailbox")).content.decode()
        assert "127.0.0.1" in html and PASSWORD not in html
        with connection.cursor() as cursor:
            cursor.execute("SELECT row_to_json(m)::text FROM routing_mailbox m")
            assert PASSWORD not in cursor.fetchone()[0]


class TestSettings:
    def test_a_server_is_entered_tried_out_and_deleted(self, client, user, server):
        client.force_login(user)
        page = reverse("routing:mailbox")
        assert 'value="mia@ours.example"' in client.get(page).content.decode()
        sent = {
            "address": "mia@ours.example", "host": "127.0.0.1", "port": server.port, "security": "none",
            "username": "mia", "password": PASSWORD,
        }  # fmt: skip
        html = client.post(page, sent, follow=True).content.decode()
        assert "Send a test mail to myself" in html and "One is kept, encrypted" in html
        html = client.post(reverse("routing:mailbox-test"), follow=True).content.decode()
        assert "The test has left for mia@ours.example" in html
        (message,) = server.taken
        assert (message["To"], message["From"]) == ("mia@ours.example", "Mia Lind <mia@ours.example>")
        assert server.greeted == ["demand.example.com"]
        client.post(page, sent | {"password": "", "address": "m@ours.example"})
        assert (Mailbox.objects.get().address, unseal(Mailbox.objects.get().sealed)) == ("m@ours.example", PASSWORD)
        client.post(reverse("routing:mailbox-forget"))
        assert not Mailbox.objects.exists()

    def test_a_kept_password_goes_to_no_other_server(self, user, mailbox):
        for fields in ({"host": "localhost"}, {"port": 2525}, {"username": "max"}):
            with pytest.raises(mailboxes.Wrong, match="Enter the password again") as wrong:
                mailboxes.set_mailbox(
                    user, **({"address": "mia@ours.example", "host": "127.0.0.1", "port": mailbox.port,
                              "security": "none", "username": "mia", "password": ""} | fields)
                )  # fmt: skip
            assert wrong.value.field == "password"

    @pytest.mark.parametrize(
        ("fields", "field", "said"),
        [
            ({"host": "127.0.0.1"}, "host", "is an address within a network"),
            ({"host": "169.254.169.254"}, "host", "is an address within a network"),
            ({"host": "nowhere.invalid"}, "host", "is not known"),
            ({"port": 6379}, "port", "Mail is sent through port 25, 465, 587 or 2525"),
            ({"security": "none"}, "security", "Without encryption"),
            ({"password": ""}, "password", "Enter the password"),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field_with_all_that_was_typed(
        self, client, user, settings, fields, field, said
    ):
        settings.MAILBOXES_WITHIN = False
        client.force_login(user)
        sent = {
            "address": "mia@ours.example", "host": "8.8.8.8", "port": 587, "security": "starttls", "username": "mia",
            "password": PASSWORD,
        } | fields  # fmt: skip
        answer = client.post(reverse("routing:mailbox"), sent)
        assert answer.status_code == 422 and said in " ".join(answer.context["form"].errors[field])
        assert 'value="mia@ours.example"' in answer.content.decode() and not Mailbox.objects.exists()

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"password": "wrong"}, "does not accept the user name or the password"),
            ({"security": "starttls"}, "does not offer STARTTLS"),
            ({"security": "tls"}, "did not answer as a mail server"),
            ({"port": 9}, "did not answer as a mail server"),
        ],
    )
    def test_a_test_that_fails_says_why(self, client, user, server, fields, said):
        enter(user, server, **fields)
        client.force_login(user)
        html = client.post(reverse("routing:mailbox-test"), follow=True).content.decode()
        assert f"127.0.0.1 {said}" in html and not server.taken

    def test_a_password_may_have_any_letters(self, user, server):
        server.logins["mia"] = "pässwört"
        mailboxes.send_test(enter(user, server, password="pässwört"), now=NOW)
        with pytest.raises(NotPosted, match="does not accept the user name or the password"):
            mailboxes.send_test(enter(user, server, password="wröng"), now=NOW)
        assert len(server.taken) == 1

    def test_only_a_certificate_that_can_be_trusted_is_given_the_password(self, user, server, tmp_path, monkeypatch):
        file = certificate(tmp_path)
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(file)
        mailbox = enter(user, server, security="starttls")
        with pytest.raises(NotPosted, match=r"The certificate of 127.0.0.1 is not valid for it") as problem:
            mailboxes.send_test(mailbox, now=NOW)
        assert problem.value.hopeless and not server.asked and not server.taken
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        mailboxes.send_test(mailbox, now=NOW)
        assert server.asked == ["mia"] and len(server.taken) == 1


class TestSending:
    def test_it_leaves_from_the_rep_is_logged_once_and_its_text_forgotten(self, user, mailbox, server, lead):
        done = write(lead, user)
        assert "is on its way" in done.sentence and not Attempt.objects.exists()
        deliver()
        deliver(NOW + HOUR)
        (message,) = server.taken
        assert (message["Subject"], message["To"]) == ("Größe", "lea@theirs.example")
        assert (
            message.get_content().splitlines() == ["Hello Lea,", "shall we talk?"] and message["Auto-Submitted"] is None
        )
        attempt = Attempt.objects.get()
        assert (attempt.medium, attempt.outcome, attempt.actor, attempt.lead) == ("email", "sent", user, lead)
        touch = Activity.objects.get(direction="out")
        assert (touch.type, touch.person, touch.automatic) == ("email_sent", lead.person, False)
        mail = OwnMail.objects.get()
        assert (mail.sent_at, mail.subject, mail.body, mail.attempt) == (NOW, "", "", attempt)
        assert mail.message_id == message["Message-ID"] and not Note.objects.exists()

    def test_it_does_the_step_it_was_for_however_early(self, user, mailbox, lead):
        cadence = make.cadence((0, "email"), (9, "email"))
        enrolments.enrol(lead.pk, cadence_id=cadence.pk, user=user, now=NOW)
        first, later = Task.objects.filter(lead=lead).order_by("due_at")
        write(lead, user, task_id=later.pk)
        deliver()
        assert [(one.pk, one.state) for one in Task.objects.order_by("due_at")] == [
            (first.pk, "open"), (later.pk, "done"),
        ]  # fmt: skip

    def test_an_mql_is_accepted_with_it(self, user, mailbox):
        lead = make.mql(owner=user.rep, person=make.person(email="lea@theirs.example"))
        write(lead, user)
        deliver()
        lead.refresh_from_db()
        assert lead.stage == "sal" and Attempt.objects.get().accepted_id

    def test_the_same_again_is_one_and_another_is_another(self, user, mailbox, server, lead):
        write(lead, user)
        write(lead, user)
        deliver()
        assert "This very mail was sent" in write(lead, user).sentence
        write(lead, user, body="Something else")
        deliver(NOW + timedelta(seconds=1))
        assert len(server.taken) == Attempt.objects.count() == 2

    def test_what_a_gateway_passes_on_of_it_is_not_counted_twice(self, client, user, mailbox, server, lead):
        write(lead, user)
        deliver()
        admin = make.user(is_superuser=True)
        client.force_login(admin)
        sent = {
            "message_id": server.taken[0]["Message-ID"], "sender": "mia@ours.example",
            "recipients": ["lea@theirs.example"],
        }  # fmt: skip
        answer = client.post("/api/mail/", sent, content_type="application/json")
        assert answer.json() == {"recorded": 0, "known": 1, "ignored": 0, "automatic": False}
        assert Activity.objects.filter(direction="out").count() == 1

    @pytest.mark.parametrize(
        ("spoil", "said"),
        [
            (lambda lead: lead.person.__class__.objects.update(opted_out=True), "wants no more mail"),
            (lambda lead: lead.person.__class__.objects.update(email=""), "has no e-mail address"),
            (lambda lead: make.leave(lead, "recycle", at=NOW), "recycled"),
            (lambda lead: lead.__class__.objects.update(owner=make.rep()), "Only its owner or a manager"),
            (lambda _lead: Mailbox.objects.all().delete(), "Your mail is not set up yet"),
        ],
    )
    def test_whoever_is_not_to_be_written_to_is_not(self, user, mailbox, lead, spoil, said):
        spoil(lead)
        with pytest.raises(Refused, match=said):
            write(lead, user)
        assert not OwnMail.objects.exists()

    def test_the_cap_counts_what_is_on_its_way_too(self, user, mailbox, lead):
        ContactCap.objects.create(name="Two a week", most=2, days=7)
        make.touch(person=lead.person, direction="out", type="newsletter", automatic=True, occurred_at=NOW - HOUR)
        write(lead, user)
        with pytest.raises(Refused, match="as often as the cap on contact allows, until 8 June 2026"):
            write(lead, user, body="Once more")
        deliver()
        assert OwnMail.objects.count() == 1

    @pytest.mark.parametrize(
        ("fields", "field"),
        [({"body": "Hello [first name?]"}, "body"), ({"subject": " "}, "subject"), ({"body": ""}, "body")],
    )
    def test_a_mail_that_is_half_written_is_not_sent(self, user, mailbox, lead, fields, field):
        with pytest.raises(Invalid) as problem:
            write(lead, user, **fields)
        assert problem.value.field == field

    def test_a_subject_cannot_add_headers(self, user, mailbox, server, lead):
        write(lead, user, subject="Hello\r\nBcc: everybody@x.example")
        deliver()
        assert server.taken[0]["Bcc"] is None and server.taken[0]["Subject"] == "Hello Bcc: everybody@x.example"


class TestFailures:
    def test_what_fails_is_tried_again_later_and_then_leaves_once(self, user, mailbox, server, lead):
        server.refuses["MAIL"] = "451 come back later"
        write(lead, user)
        deliver()
        mail = OwnMail.objects.get()
        assert (mail.sent_at, mail.set_aside_at, mail.due_at) == (None, None, NOW + timedelta(minutes=2))
        assert not Attempt.objects.exists()
        server.refuses.clear()
        deliver(NOW + timedelta(minutes=2))
        assert len(server.taken) == Attempt.objects.count() == 1

    @pytest.mark.parametrize(
        ("refuses", "said"),
        [
            ({"RCPT": "550 no such person"}, "does not take mail for lea@theirs.example"),
            ({"AUTH": "535 no"}, "does not accept the user name or the password"),
            ({"MAIL": "553 not yours"}, "does not let you send as mia@ours.example"),
            ({"DATA": "554 spam"}, "did not take it: 554"),
        ],
    )
    def test_what_is_hopeless_is_given_up_with_a_sentence_and_its_writer_told(
        self, client, user, mailbox, server, lead, refuses, said
    ):
        server.refuses.update(refuses)
        write(lead, user)
        deliver()
        mail = OwnMail.objects.get()
        assert mail.set_aside_at == NOW and said in mail.problem and not Attempt.objects.exists()
        (notice,) = Notice.objects.filter(user=user)
        assert words_of([notice.pk])[notice.pk].sentence == "Your mail to Lea Brunner was not sent; the lead says why."
        client.force_login(user)
        html = client.get(reverse("routing:lead", args=[lead.pk])).content.decode()
        assert "A mail was not sent" in html and said in html
        server.refuses.clear()
        own_mail.try_again(mail.pk, user=user, now=NOW + HOUR)
        deliver(NOW + HOUR)
        assert len(server.taken) == Attempt.objects.count() == 1

    def test_it_is_given_up_after_half_a_day(self, user, mailbox, server, lead):
        server.refuses["MAIL"] = "451 come back later"
        write(lead, user)
        for hours in range(0, 40):
            deliver(NOW + hours * HOUR)
        assert OwnMail.objects.get().attempts == own_mail.MOST_ATTEMPTS and OwnMail.objects.get().set_aside_at
        assert own_mail.backlog(now=NOW + 40 * HOUR) == own_mail.Backlog(late=0, aside=1)

    @pytest.mark.parametrize(
        ("spoil", "said"),
        [
            (lambda lead: lead.person.__class__.objects.update(opted_out=True), "They want no more mail since"),
            (lambda lead: make.leave(lead, "recycle", at=NOW), "The lead was closed"),
            (lambda _lead: Mailbox.objects.all().delete(), "no longer set up"),
            (lambda _lead: Mailbox.objects.update(sealed="torn"), "can no longer be read here"),
        ],
    )
    def test_what_happened_since_it_was_written_counts(self, user, mailbox, server, lead, spoil, said):
        write(lead, user)
        spoil(lead)
        deliver()
        assert said in OwnMail.objects.get().problem and OwnMail.objects.get().set_aside_at and not server.taken

    def test_a_worker_that_died_after_sending_logs_it_once(self, user, mailbox, server, lead, monkeypatch):
        write(lead, user)

        def dies(*_args, **_kwargs):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(own_mail, "_sent", dies)
            with pytest.raises(KeyboardInterrupt):
                deliver()
        deliver(NOW + own_mail.LEASE)
        assert {message["Message-ID"] for message in server.taken} == {OwnMail.objects.get().message_id}
        assert len(server.taken) == 2 and Attempt.objects.count() == 1

    def test_only_its_writer_or_a_manager_tries_again_or_drops_it(self, user, mailbox, lead):
        write(lead, user)
        mail = OwnMail.objects.get()
        other = make.user(Role.SDR, team=user.rep.team)
        for act in (
            lambda: own_mail.try_again(mail.pk, user=other, now=NOW),
            lambda: own_mail.drop(mail.pk, user=other),
        ):
            with pytest.raises(NotAllowed, match="Only whoever wrote it, or a manager"):
                act()
        own_mail.drop(mail.pk, user=make.user(Role.SDR_MANAGER))
        assert not OwnMail.objects.exists()
        with pytest.raises(Refused, match="no such mail any more"):
            own_mail.drop(mail.pk, user=user)


@pytest.mark.django_db(transaction=True)
def test_two_workers_and_two_clicks_at_once_send_one(server):
    user = make.user(Role.SDR, team=make.team(), email="mia@ours.example")
    enter(user, server)
    person = make.person(email="lea@theirs.example")
    lead = make.lead(at=NOW, stages=dict.fromkeys(("inquiry", "mql", "sal"), NOW), owner=user.rep, person=person)
    at_once(*[lambda: write(lead, user)] * 3)
    at_once(*[deliver] * 3)
    assert len(server.taken) == Attempt.objects.count() == OwnMail.objects.count() == 1


class TestPages:
    def test_send_stands_beside_write_and_asks_with_the_template_filled_in(self, client, user, server, lead):
        template = MessageTemplate.objects.create(
            name="Hello", medium="email", subject="For {company}", body="Hello {first_name}"
        )
        client.force_login(user)
        library = f"{reverse('routing:library')}?lead={lead.pk}"
        write_url = f"{reverse('routing:write', args=[lead.pk])}?template={template.pk}"
        assert write_url in client.get(library).content.decode()
        assert client.get(write_url).url == reverse("routing:mailbox"), "the way to enter a server"
        enter(user, server)
        html = client.get(write_url).content.decode()
        assert (
            "For [company?]" in html and "Hello Lea" in html and "To lea@theirs.example, from mia@ours.example" in html
        )
        answer = client.post(write_url, {"subject": "For [company?]", "body": "Hello Lea"})
        assert answer.status_code == 422 and "Fill in [company?] before you send it" in answer.content.decode()
        client.post(write_url, {"subject": "For Brunner", "body": "Hello Lea"})
        deliver(datetime.now(NOW.tzinfo))
        assert server.taken[0]["Subject"] == "For Brunner"

    def test_the_admin_shows_them_without_their_text_and_tries_again(self, client, user, mailbox, server, lead):
        server.refuses["RCPT"] = "550 no"
        write(lead, user, body="between us")
        deliver()
        client.force_login(make.user(is_superuser=True, is_staff=True))
        mail = OwnMail.objects.get()
        assert "does not take mail" in client.get("/admin/routing/ownmail/").content.decode()
        assert "between us" not in client.get(f"/admin/routing/ownmail/{mail.pk}/change/").content.decode()
        client.post("/admin/routing/ownmail/", {"action": "try_again_now", "_selected_action": [mail.pk]})
        assert OwnMail.objects.get().set_aside_at is None


def test_addresses_within_the_network_are_refused_again_when_it_is_sent(user, mailbox, server, settings):
    settings.MAILBOXES_WITHIN = False
    Mailbox.objects.update(security="starttls", port=587)
    with pytest.raises(NotPosted, match="within a network"):
        mailboxes.send_test(Mailbox.objects.get(), now=NOW)
