"""The cadence that ships: 21 days, five mails and five calls, each mail with a call on the same day. Plain data.

Meant as a first version to make a draft from; its texts are to be put into the company's own words.
"""

from typing import Any, Final

Data = dict[str, Any]


def _mail(name: str, subject: str, body: str, guidance: str) -> Data:
    return {"name": name, "medium": "email", "subject": subject, "body": body, "guidance": guidance}


TEMPLATES: Final[list[Data]] = [
    _mail(
        "First mail: what you asked about",
        "{solution} at {company}",
        "Hello {first_name},\n\nyou looked at {solution} with us. What would have to change at {company} for it to be "
        "worth your time? I will call you today; if another hour suits you better, just answer with it.\n\n{rep}",
        "Send it on the day of the acceptance, before the call. Name what the person looked at; one question only.",
    ),
    _mail(
        "Second mail: one example",
        "How another company in {industry} went about it",
        "Hello {first_name},\n\na company much like {company} had the same question. In two lines: what they changed, "
        "and what it brought. Shall I send you the page with the figures?\n\n{rep}",
        "Attach nothing; the offer to send something is the reason to answer.",
    ),
    _mail(
        "Third mail: the question behind it",
        "A question about {company}",
        "Hello {first_name},\n\nwho at {company} would have to agree before you try something like this? If it is "
        "somebody else, I am glad to write to them instead.\n\n{rep}",
        "Aim at the other people of the buying group.",
    ),
    _mail(
        "Fourth mail: something useful",
        "A short guide for {title}s",
        "Hello {first_name},\n\nwhatever you decide, this guide saves most teams a week: it lists the questions to ask "
        "any supplier. Shall I send it?\n\n{rep}",
        "Pick the asset by persona and industry.",
    ),
    _mail(
        "Fifth mail: shall I close this?",
        "Shall I close this, {first_name}?",
        "Hello {first_name},\n\nI have not heard from you, so I suppose that it is not the time. I will leave you in "
        "peace now. If it comes up again, one line to me is enough.\n\n{rep}",
        "The last one. Afterwards recycle the lead with “no response”.",
    ),
    {
        "name": "Call: the first minute",
        "medium": "call",
        "body": "{first_name}, this is {rep}. You looked at {solution}, that is why I call. Do you have two minutes?",
        "guidance": "Ask before you tell. Voicemail: name, company, one reason, number, and that a mail follows.",
    },
]

_DAYS: Final = (0, 3, 7, 14, 21)
_CALL: Final = "Call: the first minute"

PRESET: Final[Data] = {
    "name": "21 days: five mails and five calls",
    "why": "The cadence that ships: five mails in 21 days, each with a call on the same day.",
    "on_acceptance": True,
    "steps": [
        step
        for day, mail in zip(_DAYS, TEMPLATES, strict=False)
        for step in ((day, "email", mail["name"]), (day, "call", _CALL))
    ],
}
