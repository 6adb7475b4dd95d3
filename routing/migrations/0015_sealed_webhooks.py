from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("routing", "0014_leads_tried_again")]

    operations = [
        migrations.RenameField(model_name="webhook", old_name="secret", new_name="sealed"),
        migrations.AlterField(
            model_name="webhook",
            name="sealed",
            field=models.TextField(
                blank=True,
                default="",
                editable=False,
                help_text="The secret that signs what is sent, encrypted (funnel/sealing.py).",
            ),
        ),
    ]
