"""The log of changes tells of clocks too; the functions are those of 0002."""

from django.db import migrations

EVENTS = {"insert": "NEW TABLE AS new_rows", "update": "OLD TABLE AS old_rows", "delete": "OLD TABLE AS old_rows"}
CREATE = [
    f"CREATE TRIGGER reporting_{event} AFTER {event} ON routing_clock REFERENCING {rows} "
    "FOR EACH STATEMENT EXECUTE FUNCTION reporting_note_rows('clock');"
    for event, rows in EVENTS.items()
]
CREATE.append(
    "CREATE TRIGGER reporting_truncate AFTER TRUNCATE ON routing_clock "
    "FOR EACH STATEMENT EXECUTE FUNCTION reporting_note_whole('clock');"
)
DROP = [f"DROP TRIGGER reporting_{event} ON routing_clock;" for event in [*EVENTS, "truncate"]]


class Migration(migrations.Migration):
    dependencies = [("reporting", "0003_talks"), ("routing", "0001_initial")]

    operations = [migrations.RunSQL("\n".join(CREATE), "\n".join(DROP))]
