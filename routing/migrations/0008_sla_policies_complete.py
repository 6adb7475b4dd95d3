import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("routing", "0007_first_version_of_promises")]

    operations = [
        migrations.RemoveField(
            model_name="slapromise",
            name="active",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="slapromise",
            trigger=pgtrigger.compiler.Trigger(
                name="draft_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n            IF EXISTS (SELECT FROM routing_slapolicy\n                       WHERE id = (CASE TG_OP WHEN 'DELETE' THEN OLD.sla_policy_id ELSE NEW.sla_policy_id END)\n                       AND status <> 'draft') THEN\n                RAISE EXCEPTION 'A published SLA policy cannot be changed; make a draft from it.'\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\n            RETURN NEW;\n        ",
                    hash="585945134dacc09586ccfcfcdf2a4f5965677626",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_draft_only_ae7d5",
                    table="routing_slapromise",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AlterField(
            model_name="slapromise",
            name="sla_policy",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="promises", to="routing.slapolicy"
            ),
        ),
        migrations.AddConstraint(
            model_name="slapromise",
            constraint=models.UniqueConstraint(fields=("sla_policy", "name"), name="sla_promise_name"),
        ),
        migrations.AddConstraint(
            model_name="slapromise",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gte", 1)), name="sla_promise_lasts"),
        ),
    ]
