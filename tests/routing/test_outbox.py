"""Notices on their way out: as asked for, once, at the right hour; what fails waits, and what is hopeless is shown."""

import hmac
import json
import threading
from datetime import time, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from smtplib import SMTPRecipientsRefused

import pytest
from django.core import mail

from funnel.access import Role
from routing.messages import outbox, posting
from routing.messages.notices import Tell, tell
from routing.messages.posting import NotPosted
from routing.models import Delivery, Notice, Reach, Wish
from routing.tasks import deliver as deliver_task
from tests import factories as make
from tests.factories import NOW
from tests.threads import at_once

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def mail_is_on(settings):
    settings.MAIL_ON, settings.PUBLIC_URL = True, "https://demand.example.com"


@pytest.fixture
def user():
    return make.user(Role.SDR, team=make.team(), email="mia@example.com")


def wish(user, way: str = "email", kind: str = "assigned") -> None:
    Wish.objects.create(user=user, kind=kind, way=way)


def told(user, *, kind: str = "assigned", cause: str = "assignment:1", now=NOW, lead=None) -> int:
    return tell([Tell(user_id=user.pk, kind=kind, cause=cause, lead_id=lead and lead.pk)], now=now)


def deliver(now=NOW) -> list[Delivery]:
    while outbox.deliver(now=now):
        pass
    return list(Delivery.objects.order_by("pk"))


class TestByMail:
    def test_who_asked_for_it_is_sent_it_once_with_a_way_in(self, user):
        wish(user)
        lead = make.lead(person=make.person(first_name="Mara", last_name="Lind"))
        assert told(user, lead=lead) == 1 and told(user, lead=lead) == 0
        told(make.user(Role.SDR, email="else@example.com"), lead=lead)
        (delivery,) = deliver()
        assert delivery.sent_at == NOW
        (message,) = mail.outbox
        assert message.to == ["mia@example.com"] and message.subject == "A lead for you"
        assert "Mara Lind is yours to look at." in message.body
        assert f"https://demand.example.com/leads/{lead.pk}/" in message.body
        assert message.extra_headers["Message-ID"] == f"<email.{delivery.notice_id}@demand.example.com>"
        deliver(NOW + HOUR)
        assert len(mail.outbox) == 1

    def test_where_mail_is_off_nothing_waits(self, user, settings):
        settings.MAIL_ON = False
        wish(user)
        told(user)
        assert not Delivery.objects.exists() and Notice.objects.exists()

    def test_quiet_hours_hold_it_back_and_a_raised_hand_passes_if_it_may(self, user):
        reach = Reach.objects.create(user=user, zone="UTC", quiet_from=time(11), quiet_until=time(13))
        for kind in ("assigned", "hot"):
            wish(user, kind=kind)
        told(user)
        told(user, kind="hot", cause="activity:1")
        deliver()
        assert [message.subject for message in mail.outbox] == ["Somebody raised a hand"]
        deliver(NOW + timedelta(minutes=59))
        assert len(mail.outbox) == 1
        waiting = Delivery.objects.get(sent_at=None)
        assert (waiting.due_at, waiting.attempts) == (NOW + HOUR, 0)
        deliver(NOW + HOUR)
        assert len(mail.outbox) == 2
        reach.hot_passes = False
        reach.save()
        told(user, kind="hot", cause="activity:2")
        deliver()
        assert len(mail.outbox) == 2

    def test_the_daily_one_is_one_message_at_its_hour_without_what_was_read(self, user):
        Reach.objects.create(user=user, zone="Europe/Vienna", digest_at=time(17))  # 15:00 UTC in June
        wish(user, "digest")
        for number in range(3):
            told(user, cause=f"assignment:{number}")
        deliver()
        assert not mail.outbox
        Notice.objects.filter(cause="assignment:1").update(read_at=NOW)
        deliver(NOW + 3 * HOUR)
        (message,) = mail.outbox
        assert message.subject == "2 notices since yesterday"
        assert Delivery.objects.filter(sent_at=NOW + 3 * HOUR).count() == Delivery.objects.count() == 2
        deliver(NOW + 30 * HOUR)
        assert len(mail.outbox) == 1

    def test_what_the_server_does_not_take_is_tried_again_later_and_then_set_aside(self, user, monkeypatch):
        wish(user)
        told(user)

        def fail(_message) -> None:
            raise OSError("no route")

        monkeypatch.setattr("django.core.mail.EmailMessage.send", fail)
        now, waits = NOW, []
        for _ in range(outbox.MOST_ATTEMPTS):
            deliver(now)
            row = Delivery.objects.get()
            waits.append(row.due_at - now)
            now = row.due_at
        assert waits[:3] == [timedelta(minutes=2), timedelta(minutes=4), timedelta(minutes=8)]
        assert row.set_aside_at and row.problem == "The mail server did not take it: OSError."
        found = outbox.backlog(now=now)
        assert (found.aside, found.problem) == (1, row.problem)
        monkeypatch.undo()
        assert outbox.try_again([row.pk], now=now) == 1
        deliver(now)
        assert len(mail.outbox) == 1 and outbox.backlog(now=now).aside == 0

    def test_a_hopeless_one_is_set_aside_at_once_and_holds_up_nobody(self, user, monkeypatch):
        silent = make.user(Role.SDR, email="")
        for one in (silent, user):
            wish(one)
            told(one)
        deliver()
        assert len(mail.outbox) == 1
        assert Delivery.objects.get(set_aside_at__isnull=False).problem == "This log-in has no e-mail address."

        def refuse(_message) -> None:
            raise SMTPRecipientsRefused({})

        monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
        told(user, cause="assignment:2")
        deliver()
        assert Delivery.objects.filter(problem="The mail server refuses this address.", attempts=1).exists()

    def test_a_channel_that_breaks_fails_by_itself(self, user, monkeypatch):
        wish(user)
        told(user)
        monkeypatch.setattr("routing.messages.outbox.mail_of", lambda _told: 1 / 0)
        (row,) = deliver()
        assert row.problem == "It failed: ZeroDivisionError." and row.due_at > NOW and row.set_aside_at is None


class TestByWebhook:
    @pytest.fixture
    def receiver(self, settings):
        """A server of another system, on this machine; `answers` says what it replies."""
        settings.WEBHOOKS_WITHIN = True

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.posts.append((dict(self.headers), body))
                status = server.answers.pop(0) if server.answers else 200
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:9/")
                self.end_headers()

            def log_message(self, *_args) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        server.posts, server.answers = [], []
        server.url = f"http://localhost:{server.server_port}/hook?x=1"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
        server.server_close()

    def test_one_cause_is_posted_once_signed_however_many_are_told(self, user, receiver):
        make.webhook(receiver.url, secret="s3cret", name="Ours")
        others = [make.user(Role.SDR) for _ in range(3)]
        tell([Tell(user_id=one.pk, kind="unrouted", cause="assignment:9", data={"reason": "no_rule"})
              for one in (user, *others)], now=NOW)  # fmt: skip
        deliver()
        ((headers, body),) = receiver.posts
        seconds, _comma, mark = headers["X-Demand-Signature"].removeprefix("t=").partition(",v1=")
        assert mark == hmac.new(b"s3cret", f"{seconds}.".encode() + body, sha256).hexdigest()
        said = json.loads(body)
        assert said["kind"] == "unrouted" and said["sentence"].endswith("No rule of the routing policy applies.")
        assert headers["X-Demand-Delivery"] == said["id"]
        assert headers["Host"].startswith("localhost:")

    def test_kinds_teams_and_presets_are_kept_to(self, user, receiver):
        make.webhook(receiver.url, name="Hot", preset="slack", kinds=["hot"])
        make.webhook(receiver.url, name="Others", preset="slack", team=make.team())
        make.webhook(receiver.url, name="Off", preset="slack", active=False)
        told(user)
        assert not Delivery.objects.exists()
        told(user, kind="hot", cause="activity:1")
        deliver()
        ((_headers, body),) = receiver.posts
        assert json.loads(body)["text"].startswith("*Somebody raised a hand*")

    @pytest.mark.parametrize(("status", "hopeless"), [(500, False), (429, False), (404, True), (302, True)])
    def test_what_it_answers_says_whether_to_try_again(self, user, receiver, status, hopeless):
        make.webhook(receiver.url, secret="s", name="Ours")
        receiver.answers.append(status)
        told(user)
        (row,) = deliver()
        assert row.problem == f"localhost answered {status}." and bool(row.set_aside_at) is hopeless
        assert len(receiver.posts) == 1  # a redirect is not followed
        if not hopeless:
            deliver(row.due_at)
            assert Delivery.objects.get().sent_at

    def test_a_secret_that_cannot_be_read_any_more_is_asked_for_again(self, user, receiver, settings):
        make.webhook(receiver.url, secret="s", name="Ours")
        settings.SECRET_KEY = "another"
        told(user)
        (row,) = deliver()
        assert row.set_aside_at and "enter them again under Admin > Webhooks" in row.problem and not receiver.posts

    def test_it_is_told_in_quiet_hours_since_it_is_nobody(self, user, receiver):
        Reach.objects.create(user=user, quiet_from=time(0, 1), quiet_until=time(0))
        make.webhook(receiver.url, secret="s", name="Ours")
        told(user)
        deliver()
        assert len(receiver.posts) == 1


class TestWhereToPost:
    @pytest.mark.parametrize(
        "url",
        [
            "http://hooks.example.com/", "ftp://hooks.example.com/", "https://", "https://me:pw@hooks.example.com/",
            "https://hooks.example.com:port/", "javascript:alert(1)", "",
        ],
    )  # fmt: skip
    def test_what_is_no_address_to_post_to(self, url):
        assert posting.problem_of(url, private=False)
        with pytest.raises(NotPosted) as problem:
            posting.look_up(url, private=False)
        assert problem.value.hopeless

    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1", "10.0.0.8", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
            "::1", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "224.0.0.1",
        ],
    )  # fmt: skip
    def test_addresses_within_are_refused_whatever_name_leads_there(self, monkeypatch, address):
        monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: [(2, 1, 6, "", (address, 443))])
        with pytest.raises(NotPosted, match="within a network") as problem:
            posting.look_up("https://innocent.example.com/", private=False)
        assert problem.value.hopeless
        assert posting.look_up("https://innocent.example.com/", private=True).address == address

    def test_one_bad_address_among_several_is_enough(self, monkeypatch):
        found = [(2, 1, 6, "", (one, 443)) for one in ("93.184.216.34", "10.0.0.1")]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: found)
        with pytest.raises(NotPosted):
            posting.look_up("https://two.example.com/", private=False)

    def test_the_connection_goes_to_the_address_that_was_looked_at(self, monkeypatch):
        answers = iter(["93.184.216.34", "127.0.0.1"])  # a name that leads elsewhere the second time
        monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: [(2, 1, 6, "", (next(answers), 443))])
        reached = []

        def connect(address, *_args, **_kwargs):
            reached.append(address)
            raise OSError("stop here")

        monkeypatch.setattr("socket.create_connection", connect)
        with pytest.raises(NotPosted):
            posting.post("https://rebinding.example.com/", b"{}", headers={}, private=False)
        assert reached == [("93.184.216.34", 443)]

    def test_a_name_that_is_not_known_may_be_known_later(self, monkeypatch):
        def unknown(*_args, **_kwargs):
            raise OSError("Name or service not known")

        monkeypatch.setattr("socket.getaddrinfo", unknown)
        with pytest.raises(NotPosted, match="not known") as problem:
            posting.look_up("https://nowhere.example.com/", private=False)
        assert not problem.value.hopeless


class TestTheQueue:
    def test_a_worker_that_dies_leaves_it_to_another(self, user):
        wish(user)
        told(user)
        outbox._take(now=NOW, limit=10)  # and never tells what came of it
        deliver(NOW + timedelta(minutes=1))
        assert not mail.outbox
        deliver(NOW + outbox.LEASE)
        assert len(mail.outbox) == 1

    @pytest.mark.django_db(transaction=True)
    def test_several_workers_send_each_once(self, user):
        wish(user)
        for number in range(30):
            told(user, cause=f"assignment:{number}")
        at_once(*[lambda: [outbox.deliver(now=NOW, limit=7) for _ in range(6)]] * 4)
        assert len(mail.outbox) == len({message.extra_headers["Message-ID"] for message in mail.outbox}) == 30

    def test_a_periodic_job_does_it(self, user):
        wish(user)
        told(user)
        assert deliver_task() == 1
        assert len(mail.outbox) == 1

    def test_what_was_sent_long_ago_goes(self, user):
        wish(user)
        told(user)
        deliver()
        assert outbox.prune(now=NOW + timedelta(days=29)) == 0
        assert outbox.prune(now=NOW + timedelta(days=31)) == 1

    def test_what_waits_too_long_is_noticed(self, user):
        wish(user)
        told(user)
        assert outbox.backlog(now=NOW + timedelta(minutes=14)).late == 0
        assert outbox.backlog(now=NOW + timedelta(minutes=16)).late == 1
