"""Free text about a person, in a table of its own so that it can be erased."""

from typing import Any

from funnel.models import Lead, Note


def write_note(*, lead: Lead, author: Any, text: str) -> Note:
    """Keep what `author` (a user) has to say about the lead's person on this trip."""
    return Note.objects.create(person_id=lead.person_id, lead=lead, author=author, text=text.strip())
