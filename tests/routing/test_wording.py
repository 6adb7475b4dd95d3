"""Events and touches in words."""

import pytest

from routing.wording import cause_sentence, event_icon, event_sentence, touch_icon, touch_words


@pytest.mark.parametrize(
    ("kind", "here", "there", "said"),
    [
        ("advance", "", "inquiry", "Inquiry opened"),
        ("advance", "", "sql", "Came in as SQL"),
        ("advance", "inquiry", "mql", "Became MQL"),
        ("advance", "mql", "mql", "Entered MQL again"),
        ("passthrough", "inquiry", "mql", "Passed through MQL"),
        ("won", "opportunity", "won", "Won"),
        ("regress", "sal", "mql", "Moved back from SAL to MQL"),
        ("reopen", "mql", "mql", "Reopened at MQL"),
        ("correction", "sal", "mql", "Corrected to MQL"),
        ("recycle", "mql", "", "Recycled at MQL"),
        ("no_decision", "opportunity", "", "No decision at Opportunity"),
        ("expire", "", "", "Expired"),
        ("merged", "mql", "", "Merged into another lead"),
    ],
)
def test_a_stage_event_is_a_sentence(kind, here, there, said):
    assert event_sentence(kind, here, there) == said


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ("load:event/crm/42", "loaded from crm"),
        ("load:9", "loaded from sheet"),
        ("activity:17", "by a touch"),
        ("user:3", "by hand"),
        ("something_new", "something new"),
    ],
)
def test_a_cause_in_words(cause, said):
    assert cause_sentence(cause, "sheet") == said


def test_a_load_without_a_source_came_from_a_file():
    assert cause_sentence("load:9") == "loaded from a file"


def test_touches_in_words_and_icons():
    assert touch_words("webinar_attended") == "Webinar attended"
    assert touch_words("email_reply") == "E-mail reply"
    assert touch_words("linkedin_message") == "LinkedIn message"
    assert touch_words("Olark Chat Conversation") == "Olark Chat Conversation"
    assert touch_icon("webinar_attended") == "video"
    assert touch_icon("email_click") == "mail-opened"
    assert touch_icon("something else") == "bolt"
    assert event_icon("won") == "trophy" and event_icon("recycle") == "logout" and event_icon("void") == "arrow-back-up"
