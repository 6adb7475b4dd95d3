import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("routing", "0005_sql_hand_offs_and_outbox"),
        ("funnel", "0004_sql_hand_offs_and_outbox"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # What was the policy of one kind of clock is one of the promises of a version.
        migrations.RenameModel("SlaPolicy", "SlaPromise"),
        migrations.CreateModel(
            name="Pause",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("reply", "Waiting for the prospect’s reply"),
                            ("data", "Waiting for missing data"),
                            ("away", "The owner is away"),
                        ],
                        max_length=10,
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("why", models.CharField(blank=True, default="", max_length=300)),
                ("cause", models.CharField(max_length=100)),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="PauseEnd",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ended_at", models.DateTimeField()),
                ("cause", models.CharField(max_length=100)),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="SlaPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField(editable=False, unique=True)),
                ("name", models.CharField(max_length=120)),
                ("why", models.TextField(blank=True, default="", help_text="What this version changes, and why.")),
                (
                    "expiry",
                    models.CharField(
                        choices=[
                            ("escalate", "Tell the managers again"),
                            ("recycle", "Recycle the lead"),
                            ("accept", "Count the lead as accepted"),
                        ],
                        default="escalate",
                        help_text="What becomes of it. Counting it as accepted hides neglect.",
                        max_length=10,
                        verbose_name="an MQL that nobody decides",
                    ),
                ),
                (
                    "expires_at",
                    models.FloatField(
                        default=3,
                        help_text="So many times the promised time; 3 of a promise of one day is the end of the third.",
                        validators=[
                            django.core.validators.MinValueValidator(1.5),
                            django.core.validators.MaxValueValidator(20),
                        ],
                        verbose_name="counts as never decided after",
                    ),
                ),
                (
                    "absence",
                    models.CharField(
                        choices=[
                            ("run", "Clocks run on, for the cover if there is one"),
                            ("uncovered", "Clocks stand still while nobody covers"),
                            ("always", "Clocks stand still, whoever covers"),
                        ],
                        default="uncovered",
                        max_length=10,
                        verbose_name="while an owner is away",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("draft", "Draft"), ("published", "Published"), ("retired", "Retired")],
                        default="draft",
                        editable=False,
                        max_length=10,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("published_at", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "verbose_name": "SLA policy",
                "verbose_name_plural": "SLA policies",
                "ordering": ["-version"],
            },
        ),
        migrations.AlterModelOptions(
            name="slapromise",
            options={"ordering": ["position", "id"], "verbose_name": "promise"},
        ),
        migrations.AddField(
            model_name="absence",
            name="recorded_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
        ),
        migrations.AddField(
            model_name="clock",
            name="expires_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="clock",
            name="expiry_done",
            field=models.BooleanField(default=False, help_text="What becomes of what nobody decides was done."),
        ),
        migrations.AddField(
            model_name="clock",
            name="paused_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="clock",
            name="pauses",
            field=models.JSONField(default=list, help_text="Spans that do not count, as pairs of moments."),
        ),
        migrations.AddField(
            model_name="clock",
            name="promise",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="clocks",
                to="routing.slapromise",
            ),
        ),
        migrations.AddField(
            model_name="clock",
            name="reassign_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="clock",
            name="reassign_done",
            field=models.BooleanField(default=False, help_text="Whether it was to be reassigned has been decided."),
        ),
        migrations.AddField(
            model_name="clock",
            name="took",
            field=models.FloatField(help_text="Working minutes from its start to its end, less its pauses.", null=True),
        ),
        migrations.AddField(
            model_name="clockevent",
            name="actor",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="clockevent",
            name="why",
            field=models.CharField(blank=True, db_default="", max_length=300),
        ),
        migrations.AddField(
            model_name="slapromise",
            name="condition",
            field=models.JSONField(blank=True, default=dict, help_text="Empty: every lead."),
        ),
        migrations.AddField(
            model_name="slapromise",
            name="name",
            field=models.CharField(default="", max_length=120),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="slapromise",
            name="position",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="slapromise",
            name="reassign",
            field=models.BooleanField(
                default=False,
                help_text="After one and a half times the promised time the lead goes to somebody else, unless a person has worked it since.",
            ),
        ),
        migrations.AlterField(
            model_name="absence",
            name="cover",
            field=models.ForeignKey(
                blank=True,
                help_text="Who looks after open work: a colleague of the team. If they are away too, their cover does.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="funnel.rep",
            ),
        ),
        migrations.AlterField(
            model_name="clock",
            name="cause",
            field=models.CharField(help_text="stage_event:17, activity:17, meeting:17.", max_length=100),
        ),
        migrations.AlterField(
            model_name="clock",
            name="kind",
            field=models.CharField(
                choices=[
                    ("accept", "Accept or reject an MQL"),
                    ("hot", "First contact of a hot lead"),
                    ("follow_up", "First follow-up after acceptance"),
                    ("working", "Work an accepted lead to an end"),
                    ("outcome", "Say how a meeting went"),
                    ("decision", "Opportunity or not, after the meeting"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="clockevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("started", "Started"),
                    ("warned", "Reminded"),
                    ("breached", "Ran out"),
                    ("stopped", "Stopped"),
                    ("resumed", "Runs again"),
                    ("paused", "Stands still"),
                    ("reassigned", "Given to somebody else"),
                    ("expired", "Nobody decided"),
                    ("reapplied", "Put under another promise"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="slapromise",
            name="amount",
            field=models.PositiveIntegerField(
                validators=[
                    django.core.validators.MinValueValidator(
                        1, "A promise runs for at least 1; leave it out where nothing is promised."
                    ),
                    django.core.validators.MaxValueValidator(
                        20000, "A promise of more than 20,000 is a typing mistake."
                    ),
                ]
            ),
        ),
        migrations.AlterField(
            model_name="slapromise",
            name="kind",
            field=models.CharField(
                choices=[
                    ("accept", "Accept or reject an MQL"),
                    ("hot", "First contact of a hot lead"),
                    ("follow_up", "First follow-up after acceptance"),
                    ("working", "Work an accepted lead to an end"),
                    ("outcome", "Say how a meeting went"),
                    ("decision", "Opportunity or not, after the meeting"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="clock",
            index=models.Index(fields=["due_at", "kind"], name="clock_by_due_time"),
        ),
        migrations.AddField(
            model_name="pause",
            name="actor",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="pause",
            name="lead",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="pauses", to="funnel.lead"
            ),
        ),
        migrations.AddField(
            model_name="pauseend",
            name="actor",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="pauseend",
            name="pause",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="end", to="routing.pause"
            ),
        ),
        migrations.AddField(
            model_name="slapolicy",
            name="created_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="slapolicy",
            name="published_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="slapromise",
            name="sla_policy",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="promises", to="routing.slapolicy"
            ),
        ),
        migrations.AddIndex(
            model_name="pause",
            index=models.Index(condition=models.Q(("kind", "away")), fields=["until"], name="pause_of_absence"),
        ),
        migrations.AddConstraint(
            model_name="pause",
            constraint=models.UniqueConstraint(fields=("lead", "cause"), name="pause_once_a_cause"),
        ),
        migrations.AddConstraint(
            model_name="pause",
            constraint=models.CheckConstraint(
                condition=models.Q(("until__gt", models.F("starts_at"))), name="pause_ends_after_it_starts"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="pause",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="708cc8a4ccebb53a81b34e8ceb2d4c2ba072927f",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_ced81",
                    table="routing_pause",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="pauseend",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="54592f45f95bb24575a921da3d4f503ca6cac8de",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_4e806",
                    table="routing_pauseend",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="slapolicy",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "published")), fields=("status",), name="one_published_sla_policy"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="slapolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="terms_of_draft_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (NOT (OLD."status" = \'draft\') AND (OLD."expiry" IS DISTINCT FROM (NEW."expiry") OR OLD."expires_at" IS DISTINCT FROM (NEW."expires_at") OR OLD."absence" IS DISTINCT FROM (NEW."absence")))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="358d04f0f2c752cccdd20571b3e89ad8410626a1",
                    operation="UPDATE",
                    pgid="pgtrigger_terms_of_draft_only_dcf12",
                    table="routing_slapolicy",
                    when="BEFORE",
                ),
            ),
        ),
    ]
