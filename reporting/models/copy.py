"""The log of what changed, from which every process keeps its columnar copy current, and what is derived beside it."""

from django.db import models
from django.db.models.functions import Cast, Now


class Change(models.Model):
    """One transaction wrote one row of a table that reports read. Filled by triggers, never by code.

    `source` is the fact's name in the copy (sources.py) and `row_id` the row; 0 stands for the whole table, since
    small tables are read whole and TRUNCATE names no rows. The source `pruned` marks up to which transaction this log
    was shortened: a copy that had not read so far starts anew. `txid` is PostgreSQL's xid8, which never wraps, as a
    bigint, for which Django has a field.
    """

    pk = models.CompositePrimaryKey("txid", "source", "row_id")
    txid = models.BigIntegerField(
        db_default=Cast(
            Cast(models.Func(function="pg_current_xact_id", output_field=models.TextField()), models.TextField()),
            models.BigIntegerField(),
        )
    )
    source = models.CharField(max_length=20)
    row_id = models.BigIntegerField()
    recorded_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.source} {self.row_id} by {self.txid}"


class Talk(models.Model):
    """At which interest a lead's buyer first agreed to talk, or else the most there was. Derived, see talks.py.

    model: the version that the interest is told by. talked_at: null for a buyer who had not by the end of the days that
    every lead is given.
    """

    lead = models.OneToOneField("funnel.Lead", models.CASCADE, primary_key=True, related_name="+")
    model = models.ForeignKey("scoring.ScoringModel", models.CASCADE, related_name="+")
    interest = models.FloatField()
    talked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Lead {self.pk}: {self.interest:.1f}"
