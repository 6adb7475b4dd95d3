"""The scoring policy in versions. Semantics: docs/scoring.md."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from funnel.versions import Version, draft_only
from scoring.account_terms import default_accounts

SHORTEST_HALF_LIFE = 7.0  # days: a shorter one overflows double precision within the life of a version
MOST_RULES = 300  # a version's; each one is part of one SQL statement


def default_grades() -> list:
    """Fit grades from the best: letter and least fit."""
    return [["A", 65], ["B", 45], ["C", 25], ["D", None]]


def default_bands() -> list:
    """Interest bands from the highest: number and least interest."""
    return [[1, 60], [2, 40], [3, 20], [4, 0]]


def default_grid() -> dict:
    """What each cell of grade and band asks for (domain.md 7.1)."""
    rows = {
        "A": ("mql", "mql", "priority", "nurture"),
        "B": ("mql", "mql", "nurture", "nurture"),
        "C": ("review", "nurture", "nurture", "hold"),
        "D": ("disqualify", "hold", "hold", "hold"),
    }
    return {f"{grade}{band}": action for grade, row in rows.items() for band, action in enumerate(row, start=1)}


class Action(models.TextChoices):
    """What a cell of the grid asks for; only `mql` makes an MQL."""

    MQL = "mql", "MQL"
    PRIORITY = "priority", "Nurture with priority"
    NURTURE = "nurture", "Nurture"
    REVIEW = "review", "Review"
    HOLD = "hold", "Hold"
    DISQUALIFY = "disqualify", "Review for disqualification"


class ScoringModel(Version):
    """One version of how people are scored.

    A published version is kept up to date for everybody, which `filled_at` says is complete. Those that are `active`
    decide who becomes an MQL, one a scope: solution and region name the leads that a version is meant for, blank means
    all (scoring/scopes.py). `filled_to` is the last person of the fill so far; with `activate_when_filled` the end of
    the fill activates it.
    """

    active = models.BooleanField(default=False, editable=False)
    solution = models.ForeignKey(
        "funnel.Solution",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="It decides about leads of this solution, and counts touches about it or about none; blank: all.",
    )
    region = models.ForeignKey(
        "funnel.Region",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="It decides about leads of this region and the regions below it; blank: all.",
    )

    threshold = models.FloatField(
        default=40, validators=[MinValueValidator(0)], help_text="The Active Interest Threshold: least interest now."
    )
    exit_ratio = models.FloatField(
        default=0.8,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="An MQL cools below this share of the threshold.",
    )
    cooldown_days = models.PositiveSmallIntegerField(
        default=30, help_text="Days after a recycle or disqualification in which interest alone makes no MQL."
    )
    grades = models.JSONField(default=default_grades, help_text="Fit grades from the best: letter and least fit.")
    bands = models.JSONField(default=default_bands, help_text="Interest bands from the highest: number and least.")
    grid = models.JSONField(default=default_grid, help_text="What each cell of grade and band asks for.")
    accounts = models.JSONField(
        default=default_accounts, help_text="Roles, titles and thresholds of accounts: see account_terms.py."
    )

    landmark = models.DateTimeField(null=True, editable=False, help_text="The moment that accumulators refer to.")
    filled_to = models.BigIntegerField(default=0, editable=False)
    filled_at = models.DateTimeField(null=True, editable=False)
    activate_when_filled = models.BooleanField(default=False, editable=False)
    activated_at = models.DateTimeField(null=True, editable=False)
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+"
    )
    deactivated_at = models.DateTimeField(null=True, editable=False, help_text="When it last ceased to decide.")
    retired_at = models.DateTimeField(null=True, editable=False)
    review_on = models.DateField(
        null=True, editable=False, help_text="The day on which somebody is to look at how good it is."
    )

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["solution", "region"],
                condition=Q(active=True),
                nulls_distinct=False,
                name="one_active_scoring_model_a_scope",
            ),
            models.CheckConstraint(
                condition=Q(active=False) | Q(status="published", filled_at__isnull=False),
                name="active_scoring_model_is_published_and_filled",
            ),
            models.CheckConstraint(
                condition=Q(status="draft", landmark=None) | ~Q(status="draft") & Q(landmark__isnull=False),
                name="published_scoring_model_has_a_landmark",
            ),
            models.CheckConstraint(condition=Q(exit_ratio__range=(0, 1)), name="scoring_model_exit_ratio"),
        ]

    @property
    def policy(self) -> str:
        """How a decision names the version it was made under."""
        return f"scoring:{self.version}"

    @property
    def scope(self) -> str:
        """The leads that it is meant for, in words; empty for all."""
        return scope_words(self.solution.name if self.solution else None, self.region.name if self.region else None)


def scope_words(solution: str | None, region: str | None) -> str:
    """Like "Edge in DACH", "Edge", "leads in DACH"; empty for everything everywhere."""
    if solution and region:
        return f"{solution} in {region}"
    return solution or (f"leads in {region}" if region else "")


_DRAFT_ONLY = draft_only(table="scoring_scoringmodel", parent="model_id", noun="scoring model")


class ScoreCategory(models.Model):
    """A part of the score with a cap. An interest category decays by its half-life, or not at all without one."""

    class Axis(models.TextChoices):
        FIT = "fit", "Fit"
        INTEREST = "interest", "Interest"

    model = models.ForeignKey(ScoringModel, models.CASCADE, related_name="categories")
    name = models.CharField(max_length=80)
    axis = models.CharField(max_length=8, choices=Axis)
    cap = models.FloatField(null=True, blank=True, help_text="The most it may contribute; blank: no cap.")
    half_life_days = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(SHORTEST_HALF_LIFE)],
        help_text="Days in which points halve; blank: they do not decay, and rules with a window may stand here.",
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["axis", "position", "id"]
        verbose_name_plural = "score categories"
        constraints = [
            models.UniqueConstraint(fields=["model", "name"], name="score_category_name"),
            models.CheckConstraint(
                condition=Q(half_life_days=None) | Q(axis="interest", half_life_days__gte=SHORTEST_HALF_LIFE),
                name="score_category_half_life_a_week_or_more",
            ),
            models.CheckConstraint(condition=Q(cap=None) | Q(cap__gte=0), name="score_category_cap_not_negative"),
        ]
        triggers = [_DRAFT_ONLY]

    def __str__(self) -> str:
        return self.name


class ScoreRule(models.Model):
    """Points for what a person did (touch), is (attribute), or stopped doing (inactivity)."""

    class Kind(models.TextChoices):
        TOUCH = "touch", "Each touch that matches"
        ATTRIBUTE = "attribute", "A person or account that matches"
        INACTIVITY = "inactivity", "No touch for some days"

    model = models.ForeignKey(ScoringModel, models.CASCADE, related_name="rules")
    category = models.ForeignKey(ScoreCategory, models.CASCADE, related_name="rules")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.TOUCH)
    condition = models.JSONField(default=dict, blank=True, help_text="See the condition language; empty: always.")
    points = models.FloatField()
    points_if_unknown = models.FloatField(
        default=0, help_text="What an attribute scores while it is not known: unknown is not no."
    )
    per_day = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Count at most so many a (UTC) day."
    )
    window_days = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Points vanish after so many days."
    )
    after_days = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Inactivity: days without a touch."
    )
    every_days = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Inactivity: again every so many days."
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["category__axis", "category__position", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["model", "name"], name="score_rule_name"),
            models.CheckConstraint(
                condition=Q(kind="touch") | Q(per_day=None, window_days=None), name="score_rule_counts_touches_only"
            ),
            models.CheckConstraint(
                condition=Q(kind="inactivity", after_days__isnull=False, points__lte=0)
                | ~Q(kind="inactivity") & Q(after_days=None, every_days=None),
                name="score_rule_inactivity",
            ),
        ]
        triggers = [_DRAFT_ONLY]

    def __str__(self) -> str:
        return self.name


class Gate(models.Model):
    """What must be known or must not be before interest makes an MQL, and what makes one at once."""

    class Kind(models.TextChoices):
        REQUIRE = "require", "Must hold"
        EXCLUDE = "exclude", "Must not hold"
        FAST_TRACK = "fast_track", "Makes an MQL at once"

    model = models.ForeignKey(ScoringModel, models.CASCADE, related_name="gates")
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=120)
    condition = models.JSONField(help_text="A fast track may ask for a touch; the others know the person only.")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["kind", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["model", "name"], name="gate_name")]
        triggers = [_DRAFT_ONLY]

    def __str__(self) -> str:
        return self.name
