"""The model that ships: plain data, meant as a first version to make a draft from. Explained in docs/scoring.md.

It speaks of the touches that the product and its demo know, and of what most B2B companies know of people; whoever has
`seniority` and `function` as custom attributes is judged by them, everybody else by words of the job title.
"""

from typing import Any, Final

Data = dict[str, Any]


def _types(*names: str) -> Data:
    return {"field": "touch.type", "op": "in", "value": list(names)}


def _is(field: str, value: Any) -> Data:
    return {"field": field, "op": "is", "value": value}


def _title(*words: str) -> Data:
    return {"field": "person.title", "op": "word", "value": list(words)}


def _either(attribute: str, values: list[str], *words: str) -> Data:
    """A custom attribute of people, or words of their job title."""
    return {"any": [{"field": f"attribute.{attribute}", "op": "in", "value": values}, _title(*words)]}


def _touch(name: str, points: float, *types: str, **more: Any) -> Data:
    condition = {"all": [_types(*types), _is("touch.direction", "in")]}
    return {"name": name, "kind": "touch", "points": points, "condition": condition, **more}


def _attribute(name: str, points: float, condition: Data) -> Data:
    return {"name": name, "kind": "attribute", "points": points, "condition": condition}


_CHIEF_WORDS = ("chief", "ceo", "cio", "cto", "coo", "cfo", "ciso", "cdo", "owner", "founder", "managing director")
_CHIEFS: Final = _either("seniority", ["C-level", "Owner", "Founder"], *_CHIEF_WORDS)
_BUYING = ["Operations", "Engineering", "Maintenance", "IT", "Security", "Energy", "Management", "Purchasing"]
_BUYING_WORDS = (
    "operations", "plant", "production", "engineering", "engineer", "automation", "maintenance", "it", "ot",
    "technology", "digital", "security", "energy", "procurement", "purchasing", "chief", "director",
)  # fmt: skip

INTEREST: Final[list[Data]] = [
    {
        "name": "Website",
        "half_life_days": 21,
        "cap": 30,
        "rules": [
            _touch("Visited a page", 1, "page_visit", per_day=5),
            _touch("Looked at integrations", 4, "integrations_visit", per_day=2),
            _touch("Looked at prices", 8, "pricing_visit", per_day=2),
            _touch("Looked for a job", -10, "careers_visit", "job_application"),
        ],
    },
    {
        "name": "Content",
        "half_life_days": 45,
        "cap": 30,
        "rules": [
            _touch("Downloaded content", 10, "content_download", "whitepaper_download", per_day=3),
            _touch("Watched a video", 5, "video_watched", per_day=3),
            _touch("Used a calculator", 12, "price_calculator", "calculator", "assessment", per_day=2),
        ],
    },
    {
        "name": "Events",
        "half_life_days": 60,
        "cap": 40,
        "rules": [
            _touch("Registered for a webinar", 5, "webinar_registered"),
            _touch("Attended a webinar", 15, "webinar_attended"),
            _touch("Met us at an event", 15, "badge_scan", "booth_visit", "event_attended", "workshop_attended"),
        ],
    },
    {
        "name": "E-mail",
        "half_life_days": 14,
        "cap": 15,
        "rules": [
            _touch("Opened a mail", 1, "email_open", per_day=1),
            _touch("Clicked in a mail", 4, "email_click", per_day=2),
            _touch("Answered a mail", 12, "email_reply", per_day=1),
            _touch("Unsubscribed, bounced or complained", -15, "unsubscribe", "email_bounce", "email_complaint"),
        ],
    },
    {
        "name": "Raised hand",
        "half_life_days": 90,
        "rules": [
            _touch("Asked for demo, quote or trial", 40, "demo_request", "quote_request", "trial_request"),
            _touch("Asked to talk to sales", 40, "contact_sales", "talk_to_sales", "callback_request"),
            _touch("Booked a meeting", 30, "meeting_booked"),
            _touch("Wrote through the contact form", 25, "contact_form", "form"),
            _touch("Was referred to us", 25, "partner_referral", "referral"),
            {"name": "Silent for 90 days", "kind": "inactivity", "points": -15, "after_days": 90},
        ],
    },
]

FIT: Final[list[Data]] = [
    {
        "name": "Seniority",
        "cap": 25,
        "rules": [
            _attribute("Runs the company", 25, _CHIEFS),
            _attribute(
                "Runs a department",
                20,
                _either("seniority", ["VP", "Head", "Director"], "vp", "vice president", "head", "director"),
            ),
            _attribute(
                "Runs a team", 12, _either("seniority", ["Manager", "Lead"], "manager", "lead", "leader", "supervisor")
            ),
            _attribute("Is known by title", 3, {"field": "person.title", "op": "known"}),
        ],
    },
    {
        "name": "Function",
        "cap": 20,
        "rules": [_attribute("Buying function", 20, _either("function", _BUYING, *_BUYING_WORDS))],
    },
    {
        "name": "Company",
        "cap": 50,
        "rules": [
            _attribute("Tier 1 account", 25, _is("account.tier", 1)),
            _attribute("Tier 2 account", 15, _is("account.tier", 2)),
            _attribute("1,000+ employees", 20, {"field": "account.employees", "op": "gte", "value": 1000}),
            _attribute(
                "200 to 999 employees", 15, {"field": "account.employees", "op": "between", "value": [200, 999]}
            ),
            _attribute("50 to 199 employees", 8, {"field": "account.employees", "op": "between", "value": [50, 199]}),
            _attribute("Industry is known", 5, {"field": "account.industry", "op": "known"}),
            _attribute("Account is found", 5, _is("account.matched", True)),
        ],
    },
    {
        "name": "Contact data",
        "rules": [
            _attribute("Business address", 5, _is("person.free_mail", False)),
            _attribute("Free mail address", -15, _is("person.free_mail", True)),
            _attribute("Student, teacher or job seeker", -30, _title("student", "intern", "professor", "teacher")),
            _attribute("Consultant or freelancer", -10, _title("consultant", "freelance", "freelancer")),
        ],
    },
]

GATES: Final[list[Data]] = [
    {
        "kind": "require",
        "name": "Can be reached by mail or at a company",
        "condition": {
            "any": [
                {"field": "person.email_domain", "op": "known"},
                {"field": "person.company", "op": "known"},
                _is("account.matched", True),
            ]
        },
    },
    {"kind": "exclude", "name": "Competitor", "condition": _is("account.kind", "competitor")},
    {"kind": "exclude", "name": "Partner", "condition": _is("account.kind", "partner")},
    {
        "kind": "exclude",
        "name": "Does not want to hear from us",
        "condition": {"any": [_is("person.opted_out", True), _is("person.do_not_call", True)]},
    },
    {
        "kind": "fast_track",
        "name": "Asked for a demo or for sales",
        "condition": {
            "all": [
                _types(
                    "demo_request", "quote_request", "trial_request", "contact_sales", "talk_to_sales",
                    "callback_request",
                ),
                _is("touch.direction", "in"),
            ]
        },
    },
    {
        "kind": "fast_track",
        "name": "Chief or owner responded",
        "condition": {"all": [_is("touch.response", True), _is("touch.automatic", False), _CHIEFS]},
    },
]  # fmt: skip

NAME: Final = "Shipped model"
WHY: Final = "The model that comes with the product: a start to make a draft of your own from."
