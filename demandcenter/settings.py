"""Every setting of the product, read from the environment once.

`.env.example` names each variable. Without any of them this is a laptop installation on the embedded servers.
"""

from pathlib import Path

import environ
import pghistory
import pgtrigger
import structlog
from csp.constants import NONE, SELF
from django.templatetags.static import static
from django.urls import reverse_lazy

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

DATA_DIR = Path(env.str("DEMAND_DATA_DIR", default=str(BASE_DIR / ".data")))

# --- What kind of installation --------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
PRODUCTION = env.bool("PRODUCTION", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="" if PRODUCTION else "laptop-only-key-never-used-in-production")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # former ones; funnel/sealing.py reads them too
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
DEMO = env.bool("DEMO", default=False)  # offers the demo's log-ins by one click; never with real data

# --- Applications ---------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "pgtrigger",
    "pghistory",
    "rest_framework",
    "drf_spectacular",
    "drf_standardized_errors",
    "django_filters",
    "django_htmx",
    "django_structlog",
    "axes",
    "csp",
    "funnel",
    "scoring",
    "routing",
    "reporting",
    "demandcenter",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "demandcenter.middleware.viewer_zone",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "pghistory.middleware.HistoryMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "demandcenter.urls"
WSGI_APPLICATION = "demandcenter.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Servers --------------------------------------------------------------------------------------
# Unset, manage.py starts the embedded servers and puts their addresses here (demandcenter/embedded.py).
DATABASES = {
    "default": env.db_url("DATABASE_URL", default="postgresql://demand@127.0.0.1:5432/demand")
    | {
        "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=60),
        "CONN_HEALTH_CHECKS": True,
        # PgBouncer in transaction mode has no server-side cursors.
        "DISABLE_SERVER_SIDE_CURSORS": env.bool("PGBOUNCER", default=False),
    },
}
REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "demand",
    },
}
PGHISTORY_LEVEL = pgtrigger.Statement
PGHISTORY_FIELD = pghistory.Field(null=True)
PGHISTORY_OBJ_FIELD = pghistory.ObjForeignKey(related_name="history", db_constraint=False)

# --- Celery: hints and timers, never the only copy of anything ------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 300, "socket_timeout": 5, "socket_connect_timeout": 2}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "pipeline"
CELERY_TIMEZONE = "UTC"

# --- Notices outside the product ------------------------------------------------------------------
PUBLIC_URL = env.str("PUBLIC_URL", default="http://localhost:8000")  # how links in them begin
EMAIL_HOST = env.str("EMAIL_HOST", default="")  # unset: no e-mail; "console" prints it instead
EMAIL_PORT = env.int("EMAIL_PORT", default=587)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", default=False)
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=not EMAIL_USE_SSL)
EMAIL_TIMEOUT = 10
EMAIL_BACKEND = f"django.core.mail.backends.{'console' if EMAIL_HOST == 'console' else 'smtp'}.EmailBackend"
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="Demand Center <demand-center@localhost>")
MAIL_ON = bool(EMAIL_HOST)
MAILBOXES_WITHIN = env.bool("MAILBOXES_WITHIN", default=False)  # reps' mail also unencrypted and within the network
WEBHOOKS_WITHIN = env.bool("WEBHOOKS_WITHIN", default=False)  # also http and addresses within the network

# --- Files ----------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(DATA_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(DATA_DIR / "media")))  # uploads; on a cluster a shared volume
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # a CRM exports hundreds of columns, and each is a line of a form
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# --- Language, time, money ------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = "demandcenter.formats"  # dates in the admin as on the pages
TIME_ZONE = "UTC"  # storage and default; periods are cut in REPORTING_ZONE
REPORTING_ZONE = env.str("REPORTING_ZONE", default="UTC")
SCORING_REVIEW_DAYS = env.int("SCORING_REVIEW_DAYS", default=91)  # until somebody is to look at a scoring version again
REPORTING_MEMORY = env.str("REPORTING_MEMORY", default="4GB")  # most that one process gives to the columnar copy
CURRENCY = env.str("CURRENCY", default="EUR")
USE_THOUSAND_SEPARATOR = True

# --- Who may come in ------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = reverse_lazy("login")
LOGIN_REDIRECT_URL = reverse_lazy("reporting:overview")
LOGOUT_REDIRECT_URL = reverse_lazy("login")
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
SECURE_SSL_REDIRECT = PRODUCTION and env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = 31536000 if SECURE_SSL_REDIRECT else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_SSL_REDIRECT
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    # The admin theme (django-unfold) runs Alpine, which evaluates expressions; it keeps the frame and origin rules.
    "EXCLUDE_URL_PREFIXES": ["/admin/"],
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        # Plotly adds one empty style element; this is the hash of the empty string.
        "style-src": [SELF, "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# --- REST API -------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "funnel.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PARSER_CLASSES": ["funnel.parsers.BoundedJSONParser"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["funnel.filtering.FilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
}
DRF_STANDARDIZED_ERRORS = {"EXCEPTION_HANDLER_CLASS": "funnel.api_errors.ErrorHandler"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Demand Center",
    "DESCRIPTION": "Send touches and leads, work leads, and read the funnel, its decisions and its figures.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": "/api/",
    "ENUM_NAME_OVERRIDES": {
        "StageEnum": "funnel.path.Stage",
        "ExitEnum": "funnel.path.Exit",
        "EventKindEnum": "funnel.path.Kind",
        "MotionEnum": "funnel.models.reference.Motion",
        "FunctionEnum": "funnel.models.reference.Function",
        "DealStateEnum": "funnel.models.opportunities.DealState",
        "AccountKindEnum": "funnel.models.accounts.Account.Kind",
        "TeamKindEnum": "funnel.models.team.Team.Kind",
        "ReasonKindEnum": "funnel.models.reference.Reason.For",
        "MeetingOutcomeEnum": "routing.models.meetings.Meeting.Outcome",
        "AttemptOutcomeEnum": "routing.models.work.Attempt.Outcome",
        "MediumEnum": "routing.models.work.Medium",
    },
}


# --- Admin theme ----------------------------------------------------------------------------------
def _admin_link(title: str, icon: str, model: str) -> dict:
    """One line of the admin's navigation, for those who may see the model ("app.model")."""
    app, name = model.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": lambda request: request.user.has_perm(f"{app}.view_{name}"),
    }


UNFOLD = {
    "SITE_TITLE": "Demand Center",
    "SITE_HEADER": "Demand Center",
    "SITE_SYMBOL": "filter_alt",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("img/mark.svg")}],
    "SITE_URL": "/",
    "COLORS": {
        "primary": {  # the accent of the pages
            "50": "rgb(239, 244, 254)",
            "100": "rgb(222, 232, 252)",
            "200": "rgb(190, 210, 249)",
            "300": "rgb(148, 181, 244)",
            "400": "rgb(102, 148, 237)",
            "500": "rgb(58, 117, 226)",
            "600": "rgb(29, 95, 209)",
            "700": "rgb(23, 77, 172)",
            "800": "rgb(20, 63, 140)",
            "900": "rgb(18, 52, 112)",
            "950": "rgb(12, 34, 74)",
        },
    },
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "title": "Reference data",
                "items": [
                    _admin_link("Campaigns", "campaign", "funnel.campaign"),
                    _admin_link("Costs", "payments", "funnel.costline"),
                    _admin_link("Channels", "alt_route", "funnel.channel"),
                    _admin_link("Content", "description", "funnel.content"),
                    _admin_link("Solutions", "category", "funnel.solution"),
                    _admin_link("Regions", "public", "funnel.region"),
                    _admin_link("Reasons", "help", "funnel.reason"),
                    _admin_link("Glossary", "menu_book", "funnel.glossaryterm"),
                ],
            },
            {
                "title": "Scoring and routing",
                "items": [
                    _admin_link("Scoring", "speed", "scoring.scoringmodel"),
                    _admin_link("Routing", "alt_route", "routing.routingpolicy"),
                    _admin_link("Promises", "timer", "routing.slapolicy"),
                    _admin_link("What makes an SQL", "handshake", "routing.sqldefinition"),
                    _admin_link("Sales quotas", "flag", "routing.quota"),
                    _admin_link("Cadences", "event_repeat", "routing.cadence"),
                    _admin_link("Templates", "draft", "routing.messagetemplate"),
                    _admin_link("Contact caps", "do_not_disturb_on", "routing.contactcap"),
                    _admin_link("Desks", "desk", "routing.desk"),
                    _admin_link("Seats", "event_seat", "routing.seat"),
                    _admin_link("Calendars", "calendar_month", "routing.calendar"),
                    _admin_link("Absences", "beach_access", "routing.absence"),
                ],
            },
            {
                "title": "People who work here",
                "items": [
                    _admin_link("Teams", "groups", "funnel.team"),
                    _admin_link("Reps", "badge", "funnel.rep"),
                    _admin_link("Log-ins", "person", "auth.user"),
                    _admin_link("Roles", "shield_person", "auth.group"),
                    _admin_link("API tokens", "key", "funnel.apitoken"),
                ],
            },
            {
                "title": "Records",
                "items": [
                    _admin_link("Accounts", "domain", "funnel.account"),
                    _admin_link("People", "contacts", "funnel.person"),
                    _admin_link("Stage events", "timeline", "funnel.stageevent"),
                    _admin_link("Scores", "leaderboard", "scoring.score"),
                    _admin_link("Score changes", "trending_up", "scoring.scorechange"),
                    _admin_link("Assignments", "assignment_ind", "routing.assignment"),
                    _admin_link("Hand-offs", "swap_horiz", "routing.handoff"),
                    _admin_link("Clocks", "hourglass_top", "routing.clock"),
                    _admin_link("Webhooks", "webhook", "routing.webhook"),
                    _admin_link("Deliveries", "outbox", "routing.delivery"),
                    _admin_link("Mails of reps", "mail", "routing.ownmail"),
                    _admin_link("Imports", "upload_file", "funnel.importrun"),
                    _admin_link("Inbox", "inbox", "funnel.inbox"),
                ],
            },
        ],
    },
}

# --- Logs: one line of JSON an event in production, readable text on a laptop ----------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.processors.JSONRenderer()
            if PRODUCTION
            # Plain: the colourful one takes most of a second a traceback and prints what variables hold.
            else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso"),
            ],
        },
    },
    "filters": {"without_health_checks": {"()": "demandcenter.health.WithoutHealthChecks"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["without_health_checks"]},
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django.server": {"level": "WARNING"},
        # On a laptop the lines of requests would bury the address and the log-ins; failures are told anywhere.
        "django_structlog": {"level": LOG_LEVEL if PRODUCTION else "WARNING"},
        "axes": {"level": "WARNING"},
        # Looks that find nothing come every second; what a task does it says itself, and failures are errors.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.worker.request": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
