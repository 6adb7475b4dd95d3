"""What a new installation starts with: reasons to choose from and a glossary to change."""

import pytest

from funnel.access import Role
from funnel.models import GlossaryTerm, Reason, Stage
from funnel.path import EXITS
from tests import factories as make

pytestmark = pytest.mark.django_db


def test_every_way_to_leave_that_needs_a_reason_has_some():
    offered = set(Reason.objects.filter(active=True).values_list("kind", flat=True))
    assert set(EXITS) - {"merged"} <= offered
    assert {"reject", "regress", "reopen"} <= offered


def test_other_asks_for_a_sentence_and_nothing_else_does():
    asking = Reason.objects.filter(needs_text=True)
    assert set(asking.values_list("name", flat=True)) == {"Other"} and asking.count() == 5


def test_what_may_return_says_when():
    assert Reason.objects.get(name="No budget now").revisit_days == 180
    assert not Reason.objects.filter(kind="disqualify", revisit_days__isnull=False).exists()


def test_the_glossary_explains_every_stage_in_words_that_may_be_changed(client):
    assert set(Stage.values) <= set(GlossaryTerm.objects.values_list("slug", flat=True))
    GlossaryTerm.objects.filter(slug="mql").update(definition="Ours: <b>two</b> demos asked for.")
    client.force_login(make.user(Role.SDR))
    html = client.get("/glossary/").content.decode()
    assert "Ours: &lt;b&gt;two&lt;/b&gt; demos asked for." in html
    assert html.count('id="mql"') == 1 and html.count('id="cohort"') == 1
