"""Finding people and leads by how a name, an e-mail address or a company begins. Every arm has an index of its own."""

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from funnel.accounts import name_key
from funnel.models import Account, Lead, Person

SHORTEST = 2  # letters; one letter would answer with a large part of all leads


def people_found(text: str) -> QuerySet[Person]:
    """People whose e-mail, last name, or first and last name begin with `text` (any case)."""
    text = _plain(text)
    people = Person.objects.alias(last=Lower("last_name"))
    if "@" in text:
        return people.filter(email__startswith=text)
    condition = Q(email__startswith=text) | Q(last__startswith=text)
    # "Anna Maria Roth" and "Jan van der Berg" part at different blanks.
    for first, blank, last in {text.partition(" "), text.rpartition(" ")}:
        if blank:
            condition |= Q(last__startswith=last, first_name__istartswith=first)
    return people.filter(condition)


def accounts_found(text: str) -> QuerySet[Account]:
    """Accounts whose name begins with `text` (any case)."""
    return Account.objects.filter(name_key__startswith=name_key(text) or _plain(text))


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def lead_ids_found(text: str) -> QuerySet:
    """The ids of the leads of the people and of the companies found, for use as `pk__in`.

    A union of ids, each arm from its own index; one OR over both tables would read every lead.
    """
    of_people = Lead.objects.filter(person__in=people_found(text)).values("pk")
    of_accounts = Lead.objects.filter(account__in=accounts_found(text)).values("pk")
    return of_people.union(of_accounts)
