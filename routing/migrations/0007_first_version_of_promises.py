"""What was promised before becomes version 1, together with the clocks that there were none of; clocks name theirs."""

from django.db import migrations
from django.utils import timezone

NAME = "What we promise"
WHY = "What was promised before promises had versions, and the clocks that came with them."

# kind: (name, amount, unit, whether the lead goes to a colleague in the end)
STANDARD = {
    "accept": ("Decide about an MQL", 1, "business_days", True),
    "hot": ("Answer a raised hand", 5, "business_minutes", True),
    "follow_up": ("Follow up on an accepted lead", 2, "business_days", False),
    "working": ("Work an accepted lead", 21, "days", False),
    "outcome": ("Say how a meeting went", 1, "business_days", False),
    "decision": ("Decide on an opportunity", 5, "business_days", False),
    "take_over": ("Take over an SQL", 1, "business_days", False),
}


def add(apps, schema_editor):
    SlaPolicy = apps.get_model("routing", "SlaPolicy")
    SlaPromise = apps.get_model("routing", "SlaPromise")
    Clock = apps.get_model("routing", "Clock")
    policy = SlaPolicy.objects.create(version=1, name=NAME, why=WHY, status="published", published_at=timezone.now())
    known = {promise.kind: promise for promise in SlaPromise.objects.all()}
    for position, (kind, (name, amount, unit, reassign)) in enumerate(STANDARD.items()):
        promise = known.get(kind)
        if promise is None:
            SlaPromise.objects.create(
                sla_policy=policy, position=position, kind=kind, name=name, amount=amount, unit=unit, reassign=reassign
            )
        elif promise.active:
            SlaPromise.objects.filter(pk=promise.pk).update(
                sla_policy=policy, position=position, name=name, reassign=reassign
            )
            # Clocks that run keep their times; nothing that has begun goes to somebody else by itself.
            Clock.objects.filter(kind=kind).update(promise=promise)
        else:
            promise.delete()


class Migration(migrations.Migration):
    dependencies = [("routing", "0006_sla_policies_in_versions")]

    # Nothing to undo: the rows go with their tables.
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
