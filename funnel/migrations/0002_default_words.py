"""The reasons and the glossary that a new installation starts with. All of them may be changed or removed."""

from django.db import migrations

OTHER = "Other"

# kind: (name, days until a second look)
REASONS = {
    "recycle": [
        ("No answer after every attempt", 90),
        ("The project comes later", None),
        ("No budget now", 180),
        ("Not the one who decides", None),
        ("Only looking around", None),
        ("Bound to a competitor's contract", None),
        ("Deal lost or not decided", 90),
        ("Interest has cooled", None),
    ],
    "disqualify": [
        ("Outside our profile: size, industry or place", None),
        ("Competitor, supplier, student or job seeker", None),
        ("Contact data invalid or made up", None),
        ("Duplicate", None),
        ("Customer with a support question", None),
        ("Legal reasons or no consent", None),
        ("No need for the solution", None),
    ],
    "reject": [
        ("Wrong team or territory", None),
        ("Data missing or wrong", None),
        ("Does not meet the agreed definition", None),
        ("Somebody works with them already", None),
    ],
    "expire": [("Nobody worked it in time", None), ("No sign of interest for long", None)],
    "lost": [
        ("Chose a competitor", 180),
        ("Price", 180),
        ("Product does not fit", None),
        ("Timing", 90),
        ("Our contact left", 90),
    ],
    "no_decision": [
        ("Project stopped", 180),
        ("Budget withdrawn", 180),
        ("They stay with what they have", 180),
        ("No answer any more", 90),
    ],
    "won": [("Product", None), ("Price", None), ("Relationship", None), ("Service", None)],
    "regress": [
        ("Moved on too early", None),
        ("Meeting did not take place", None),
        ("Sent back for better data", None),
    ],
    "reopen": [("Closed by mistake", None), ("They came back", None)],
}
WITH_OTHER = ("recycle", "disqualify", "reject", "lost", "no_decision")

TERMS = {
    "inquiry": (
        "Inquiry",
        "Somebody we know by name responded to us or asked for something. Nobody has judged yet whether it fits.",
    ),
    "mql": (
        "MQL",
        "Marketing qualified lead: fit and interest are high enough, or the person asked for sales, so that marketing "
        "hands the lead over.",
    ),
    "sal": (
        "SAL",
        "Sales accepted lead: an SDR or a seller has looked at it, agrees that it meets the agreed definition, and takes "
        "on to work it within the agreed time.",
    ),
    "sql": (
        "SQL",
        "Sales qualified lead: after talking to the person, sales believes that there is something to sell. By default "
        "the first meeting was held and the account executive keeps the lead.",
    ),
    "opportunity": (
        "Opportunity",
        "A deal in the making, with an expected amount and closing date, that passed the agreed qualification.",
    ),
    "won": ("Won", "The customer has bought."),
    "lead": (
        "Lead",
        "One trip of one person through the funnel, for one solution. Whoever comes back later starts a new lead; the "
        "earlier ones stay as they were.",
    ),
    "pass": ("Pass", "The number of the trip: pass 2 is the second lead of the same person."),
    "touch": (
        "Touch",
        "Something that a person or a company did towards us, or we towards them: a form, a visit, a webinar, an e-mail, "
        "a call.",
    ),
    "response": (
        "Response",
        "A touch that counts as somebody answering us. It opens a lead where none is open; being on a bought list does "
        "not.",
    ),
    "milestone": (
        "Milestone",
        "When a lead first entered a stage. Taking back a mistake moves it; going back and forth does not.",
    ),
    "skipped": (
        "Skipped stage",
        "A stage that a lead jumped over. It counts as reached together with the later stage, and has no time of its own.",
    ),
    "passed-through": (
        "Passed through",
        "A lead that sales or a partner found gets an MQL mark at the moment it comes in, so that every lead has one. It "
        "counts in volume and is left out of MQL times.",
    ),
    "cohort": (
        "Cohort",
        "All leads that reached a stage in a period, followed from then on wherever and whenever they go. Rates by cohort "
        "say how good they were.",
    ),
    "period": (
        "Period",
        "What happened between two days, whoever it happened to. Rates by period compare arrivals of different leads: "
        "good for workload, misleading for quality while volumes change.",
    ),
    "mature-cohort": (
        "Mature cohort",
        "A cohort whose leads have all had the time that the step usually takes. A younger one still grows and is marked.",
    ),
    "as-of": (
        "As of",
        "A figure as it was known at that moment: what was recorded later is left out, even if it had happened before.",
    ),
    "recorded": (
        "Happened and recorded",
        "Every fact has two times: when it happened and when we learned it. Late files therefore change the past only for "
        "those who ask as of now.",
    ),
    "recycled": ("Recycled", "Back to marketing: not now, with a reason and often a day to look again."),
    "disqualified": ("Disqualified", "Should not come back: it never was, or no longer is, somebody we can help."),
    "expired": ("Expired", "Nobody worked the lead in the time that was agreed."),
    "lost": ("Lost", "There was a deal and somebody else got it, or the customer said no."),
    "no-decision": ("No decision", "There was a deal and the customer decided for nobody."),
    "merged": ("Merged", "The lead turned out to be part of another one, which goes on in its place."),
    "moved-back": (
        "Moved back",
        "On second thoughts a stage was too early. The first arrival stays on record, and how often it happens is "
        "counted.",
    ),
    "correction": ("Correction", "A slip of the hand was taken back. Figures are as if it had never happened."),
    "found-by": (
        "Found by",
        "Whose work brought the lead: marketing, an SDR, an account executive, a partner. Also called source function.",
    ),
    "channel": ("Channel", "The way on which a touch came: search, event, e-mail, partner."),
    "content": ("Content", "What was offered: a guide, a webinar, a calculator. Never the same thing as the channel."),
    "campaign": (
        "Campaign",
        "A planned effort with a goal and a budget over some time, often on several channels. Without an end it is a "
        "program.",
    ),
    "motion": ("Motion", "What kind of business is sought: new, cross-sell, upsell or keeping a customer."),
    "owner": ("Owner", "The one person who has to see to a lead, deal or account."),
    "segment": ("Segment", "A part of the market that is treated alike, such as mid-size or public sector."),
}


def add(apps, schema_editor):
    Reason = apps.get_model("funnel", "Reason")
    GlossaryTerm = apps.get_model("funnel", "GlossaryTerm")
    for kind, reasons in REASONS.items():
        for name, days in reasons:
            Reason.objects.get_or_create(kind=kind, stage="", name=name, defaults={"revisit_days": days})
    for kind in WITH_OTHER:
        Reason.objects.get_or_create(kind=kind, stage="", name=OTHER, defaults={"needs_text": True})
    for slug, (term, definition) in TERMS.items():
        GlossaryTerm.objects.get_or_create(slug=slug, defaults={"term": term, "definition": definition})


class Migration(migrations.Migration):
    dependencies = [("funnel", "0001_initial")]

    # Nothing to undo: the rows go with their tables.
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
