from django.db import migrations

# Where a version decides already, the pipeline scores every account as it next looks.
NOTE_ALL = """
INSERT INTO scoring_accountnews (account_id)
SELECT DISTINCT account_id FROM funnel_person
WHERE account_id IS NOT NULL AND EXISTS (SELECT FROM scoring_scoringmodel WHERE active)
"""


class Migration(migrations.Migration):
    dependencies = [("scoring", "0003_account_scores")]

    operations = [migrations.RunSQL(NOTE_ALL, migrations.RunSQL.noop)]
