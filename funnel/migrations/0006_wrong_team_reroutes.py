from django.db import migrations

NAMES = ["Wrong team or territory", "Wrong route"]


def mark(apps, schema_editor):
    reasons = apps.get_model("funnel", "Reason").objects
    reasons.filter(kind="reject", stage__in=["", "mql"], name__in=NAMES).update(reroutes=True)


class Migration(migrations.Migration):
    """The reason that a new installation starts with says that the lead went to the wrong person, not that it is bad."""

    dependencies = [("funnel", "0005_wrong_routes")]

    operations = [migrations.RunPython(mark, migrations.RunPython.noop)]
