"""Office hours and the two promises that a new installation starts with. All of them may be changed."""

from django.conf import settings
from django.db import migrations

OFFICE_HOURS = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}

# kind: (amount, unit, share of the time after which the owner is reminded)
PROMISES = {"accept": (1, "business_days", 0.8), "hot": (5, "business_minutes", 0.8)}


def add(apps, schema_editor):
    Calendar = apps.get_model("routing", "Calendar")
    SlaPolicy = apps.get_model("routing", "SlaPolicy")
    if not Calendar.objects.exists():
        Calendar.objects.create(name="Office hours", zone=settings.REPORTING_ZONE, hours=OFFICE_HOURS)
    for kind, (amount, unit, warn_at) in PROMISES.items():
        SlaPolicy.objects.get_or_create(kind=kind, defaults={"amount": amount, "unit": unit, "warn_at": warn_at})


class Migration(migrations.Migration):
    dependencies = [("routing", "0001_initial")]

    # Nothing to undo: the rows go with their tables.
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
