"""Acts over the API: what each comes to, and how each refusal is answered."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from funnel.access import Role
from funnel.models import Lead, Opportunity, Reason
from routing.sla.clocks import follow
from tests import factories as make
from tests.threads import at_once

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def team():
    return make.team()


@pytest.fixture
def sdr(client, team):
    user = make.user(Role.SDR, team=team, first_name="Mia", last_name="Huber")
    client.force_login(user)
    return user


def at(stage: str, **fields) -> Lead:
    order = ["inquiry", "mql", "sal", "sql"]
    reached = order[: order.index(stage) + 1]
    return make.lead(stages={name: make.NOW + place * HOUR for place, name in enumerate(reached)}, **fields)


def reason(kind: str, **fields) -> int:
    return Reason.objects.create(kind=kind, name=f"Because {kind}", **fields).pk


def post(client, address: str, body: dict | None = None):
    return client.post(f"/api/{address}/", body or {}, content_type="application/json")


def done(response) -> dict:
    assert response.status_code == 200, response.json()
    return response.json()


def said(response, status: int) -> tuple[str | None, str]:
    body = response.json()
    assert response.status_code == status, body
    assert body["type"] == ("validation_error" if status == 400 else "client_error")
    (error,) = body["errors"]
    return error["attr"], error["detail"]


def test_a_lead_is_accepted_and_taken_back(client, sdr, team):
    lead = at("mql", pool=team)
    answer = done(post(client, f"leads/{lead.pk}/accept"))
    assert answer["lead"] == lead.pk and "accepted" in answer["sentence"] and answer["undo_until"]
    assert client.get(f"/api/leads/{lead.pk}/").json()["owner"]["id"] == sdr.rep.pk
    assert done(post(client, f"leads/{lead.pk}/accept"))["event"] == answer["event"]
    done(post(client, f"leads/{lead.pk}/undo", {"event": answer["event"]}))
    found = client.get(f"/api/leads/{lead.pk}/").json()
    assert (found["stage"], found["owner"], found["pool"]["id"]) == ("mql", None, team.pk)


def test_rejecting_and_recycling_say_what_is_missing(client, sdr):
    lead = at("mql", owner=sdr.rep)
    for nothing in ({}, {"reason": None}, {"reason": "Wrong profile"}):
        assert said(post(client, f"leads/{lead.pk}/reject", nothing), 400) == (
            "reason", "Say why, by the id of a reason; /api/reasons/?kind=reject lists them."
        )  # fmt: skip
    assert said(post(client, f"leads/{lead.pk}/reject", {"reason": reason("lost")}), 400)[0] == "reason"
    assert (
        said(post(client, f"leads/{lead.pk}/reject", {"reason": reason("reject", needs_text=True)}), 400)[0] == "text"
    )
    yesterday = str(timezone.localdate() - timedelta(days=1))
    body = {"reason": reason("recycle"), "revisit_on": yesterday}
    assert said(post(client, f"leads/{lead.pk}/recycle", body), 400)[0] == "revisit_on"
    body["revisit_on"] = str(timezone.localdate() + timedelta(days=30))
    done(post(client, f"leads/{lead.pk}/recycle", body))
    found = client.get(f"/api/leads/{lead.pk}/").json()
    assert (found["exit"], found["revisit_on"]) == ("recycled", body["revisit_on"])
    done(post(client, f"leads/{lead.pk}/reopen"))
    done(post(client, f"leads/{lead.pk}/reject", {"reason": reason("disqualify")}))


def test_claiming_releasing_and_giving_away(client, sdr, team):
    lead = at("mql", pool=team)
    done(post(client, f"leads/{lead.pk}/claim"))
    done(post(client, f"leads/{lead.pk}/release"))
    assert said(post(client, f"leads/{lead.pk}/reassign", {"rep": sdr.rep.pk}), 403)
    client.force_login(make.user(Role.SDR_MANAGER))
    assert said(post(client, f"leads/{lead.pk}/reassign", {"rep": 999_999}), 400)[0] == "rep"
    done(post(client, f"leads/{lead.pk}/reassign", {"rep": sdr.rep.pk}))
    assert Lead.objects.get().owner == sdr.rep


def test_what_cannot_be_done_now_is_a_conflict_with_a_sentence(client, sdr):
    assert said(post(client, f"leads/{at('inquiry', owner=sdr.rep).pk}/accept"), 409) == (
        None,
        "This lead is at Inquiry.",
    )
    other = make.user(Role.SDR, team=sdr.rep.team)
    attr, detail = said(post(client, f"leads/{at('mql', owner=other.rep).pk}/accept"), 409)
    assert "Only its owner or a manager" in detail and attr is None


def test_who_loses_a_race_is_told_even_if_the_lead_is_out_of_sight_now(client, sdr):
    lead = at("mql")
    assert post(client, f"leads/{lead.pk}/claim").status_code == 200
    client.force_login(make.user(Role.SDR, team=make.team()))
    assert client.get(f"/api/leads/{lead.pk}/").status_code == 404
    for act, word in (("accept", "is with"), ("claim", "claimed this lead")):
        assert word in said(post(client, f"leads/{lead.pk}/{act}"), 409)[1]
    hidden = at("mql", owner=sdr.rep)
    assert post(client, f"leads/{hidden.pk}/accept").status_code == 404


def test_who_may_not_act_is_told(client):
    lead = at("mql")
    client.force_login(make.user(Role.EXECUTIVE))
    for act, body in (
        ("accept", {}), ("reject", {"reason": reason("reject")}), ("recycle", {"reason": reason("recycle")}),
        ("reopen", {}), ("claim", {}), ("release", {}), ("reassign", {"rep": 1}), ("opportunity", {}),
        ("meetings", {"starts_at": "2026-06-12T08:00:00Z"}), ("resume", {}),
        ("pause", {"kind": "reply", "until": "2030-06-12"}),
    ):  # fmt: skip
        said(post(client, f"leads/{lead.pk}/{act}", body), 403)
    client.force_login(make.user())
    assert post(client, f"leads/{lead.pk}/accept").status_code == 404
    client.logout()
    assert post(client, f"leads/{lead.pk}/accept").status_code == 401


def test_undo_takes_back_events_of_this_lead_only(client, sdr):
    mine, other = at("mql", owner=sdr.rep), at("mql", owner=sdr.rep)
    event = done(post(client, f"leads/{mine.pk}/accept"))["event"]
    assert post(client, f"leads/{other.pk}/undo", {"event": event}).status_code == 404
    assert said(post(client, f"leads/{mine.pk}/undo"), 400)[0] == "event"


def test_clocks_are_paused_and_run_again(client, sdr):
    lead = at("inquiry", owner=sdr.rep)
    follow([make.advance(lead, "mql", at=timezone.now())], now=timezone.now())
    until = timezone.localdate() + timedelta(days=9)
    assert said(post(client, f"leads/{lead.pk}/pause", {"kind": "data", "until": until.isoformat()}), 400)[0] == "why"
    assert said(post(client, f"leads/{lead.pk}/pause", {"kind": "reply"}), 400)[0] == "until"
    told = done(post(client, f"leads/{lead.pk}/pause", {"kind": "reply", "until": until.isoformat()}))
    assert "waiting for the prospect’s reply" in told["sentence"]
    assert client.get(f"/api/leads/{lead.pk}/").json()["due_at"] > until.isoformat()
    done(post(client, f"leads/{lead.pk}/resume"))
    client.force_login(make.user(Role.SDR_MANAGER))
    assert "nothing is paused" in said(post(client, f"leads/{lead.pk}/resume"), 409)[1]


def test_to_the_end_of_the_funnel(client, sdr):
    lead = at("sal", owner=sdr.rep)
    starts = timezone.now() - timedelta(minutes=5)
    booked = done(post(client, f"leads/{lead.pk}/meetings", {"starts_at": starts.isoformat()}))["meeting"]
    assert [row["id"] for row in client.get("/api/meetings/", {"ahead": "true"}).json()["results"]] == [booked]
    assert said(post(client, f"meetings/{booked}/outcome", {"outcome": "maybe"}), 400)[0] == "outcome"
    assert done(post(client, f"meetings/{booked}/outcome", {"outcome": "held"}))["event"]
    client.force_login(make.user(Role.AE, team=make.team("ae")))
    assert client.get("/api/meetings/").json()["results"] == []
    client.force_login(make.user(Role.SDR_MANAGER))
    assert said(post(client, f"leads/{lead.pk}/opportunity", {"amount": "-5"}), 400)[0] == "amount"
    deal = done(post(client, f"leads/{lead.pk}/opportunity", {"amount": "64000"}))["opportunity"]
    assert said(post(client, f"opportunities/{deal}/close", {"state": "lost"}), 400)[0] == "reason"
    body = {"state": "lost", "reason": reason("lost")}
    done(post(client, f"opportunities/{deal}/close", body))
    said(post(client, f"opportunities/{deal}/close", {"state": "won"}), 409)
    done(post(client, f"opportunities/{deal}/reopen"))
    done(post(client, f"opportunities/{deal}/close", {"state": "won", "amount": "70000"}))
    assert Lead.objects.get().exit == "won" and Opportunity.objects.get().state == "won"


def test_a_lead_is_told_with_its_pool(client, sdr, team):
    pooled, owned = at("mql", pool=team), at("mql", owner=sdr.rep)
    for query, wanted in (({"pool": team.pk}, pooled), ({"pool": "none"}, owned), ({"owner": "none"}, pooled)):
        assert [row["id"] for row in client.get("/api/leads/", query).json()["results"]] == [wanted.pk]


@pytest.mark.django_db(transaction=True)
def test_two_accept_at_once_and_one_is_told(client, team):
    lead = at("mql", pool=team)
    clients = []
    for name in ("Jonas", "Mia"):
        one = Client()
        one.force_login(make.user(Role.SDR, team=team, first_name=name))
        clients.append(one)
    answers = at_once(*(lambda one=one: post(one, f"leads/{lead.pk}/accept") for one in clients))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    winner = ("Jonas", "Mia")[[answer.status_code for answer in answers].index(200)]
    loser = next(answer for answer in answers if answer.status_code == 409)
    assert said(loser, 409)[1].startswith(f"{winner} accepted this lead at ")
