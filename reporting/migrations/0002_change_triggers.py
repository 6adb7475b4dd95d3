"""Triggers that fill the log of changes: one for each statement, by transition tables, so that bulk writes stay fast."""

from django.db import migrations

# Facts whose changed rows are named, and small tables that the copy reads whole.
BY_ROW = {
    "lead": "funnel_lead",
    "stage_event": "funnel_stageevent",
    "opportunity": "funnel_opportunity",
    "opportunity_event": "funnel_opportunityevent",
    "cost": "funnel_costline",
    "person": "funnel_person",
    "account": "funnel_account",
}
WHOLE = {
    "channel": "funnel_channel",
    "content": "funnel_content",
    "campaign": "funnel_campaign",
    "region": "funnel_region",
    "solution": "funnel_solution",
    "reason": "funnel_reason",
    "rep": "funnel_rep",
    "team": "funnel_team",
}

FUNCTIONS = """
CREATE FUNCTION reporting_note_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO reporting_change (source, row_id) SELECT TG_ARGV[0], id FROM new_rows ON CONFLICT DO NOTHING;
    ELSE  -- an id is never updated, so the old rows name the new ones too
        INSERT INTO reporting_change (source, row_id) SELECT TG_ARGV[0], id FROM old_rows ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION reporting_note_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reporting_change (source, row_id) VALUES (TG_ARGV[0], 0) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

-- Whatever shortens the log leaves a mark, whoever does it, so that no copy misses what is gone.
CREATE FUNCTION reporting_note_pruned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO reporting_change (txid, source, row_id)
        SELECT max(txid), 'pruned', 0 FROM old_rows HAVING max(txid) IS NOT NULL ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO reporting_change (source, row_id) VALUES ('pruned', 0) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER reporting_pruned_by_delete AFTER DELETE ON reporting_change
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION reporting_note_pruned();
CREATE TRIGGER reporting_pruned_by_truncate AFTER TRUNCATE ON reporting_change
    FOR EACH STATEMENT EXECUTE FUNCTION reporting_note_pruned();
"""
NO_FUNCTIONS = """
DROP TRIGGER reporting_pruned_by_delete ON reporting_change;
DROP TRIGGER reporting_pruned_by_truncate ON reporting_change;
DROP FUNCTION reporting_note_rows();
DROP FUNCTION reporting_note_whole();
DROP FUNCTION reporting_note_pruned();
"""


def by_row(source, table):
    """A statement has one transition table a kind of event, so insert, update and delete need a trigger each."""
    events = {"insert": "NEW TABLE AS new_rows", "update": "OLD TABLE AS old_rows", "delete": "OLD TABLE AS old_rows"}
    create = [
        f"CREATE TRIGGER reporting_{event} AFTER {event} ON {table} REFERENCING {rows} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION reporting_note_rows('{source}');"
        for event, rows in events.items()
    ]
    create.append(
        f"CREATE TRIGGER reporting_truncate AFTER TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION reporting_note_whole('{source}');"
    )
    drop = [f"DROP TRIGGER reporting_{event} ON {table};" for event in [*events, "truncate"]]
    return migrations.RunSQL("\n".join(create), "\n".join(drop))


def whole(source, table):
    return migrations.RunSQL(
        f"CREATE TRIGGER reporting_any AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION reporting_note_whole('{source}');",
        f"DROP TRIGGER reporting_any ON {table};",
    )


class Migration(migrations.Migration):
    dependencies = [("reporting", "0001_change"), ("funnel", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTIONS, NO_FUNCTIONS),
        *[by_row(source, table) for source, table in BY_ROW.items()],
        *[whole(source, table) for source, table in WHOLE.items()],
    ]
