"""Django settings. Every value an operator may change comes from the environment; docs and deploy/ list them.

A value that cannot be used raises EnvError, which the entry points turn into one line.
"""

from __future__ import annotations

import os
import secrets
import warnings
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
from django.templatetags.static import static

from gateway_project import state
from gateway_project.env import Env, EnvError
from gateway_project.postgres import cluster
from sessions_app.conf import GatewayConfig

env = Env(os.environ)

BASE_DIR = Path(__file__).resolve().parent.parent
_checkout = (BASE_DIR / "templates" / "sessions_app").is_dir()  # an installed copy has them in the app
#: Where state and static files go: into the checkout; of an installed copy, into the folder that it is started in.
HOME_DIR = BASE_DIR if _checkout else Path.cwd()

# -- the state folder and what lives in it -------------------------------------------------------------------------

STATE_DIR = state.prepare(Path(env.text("PARLEY_STATE_DIR") or HOME_DIR / "var"))
PID_FILE = STATE_DIR / "gateway.pid"
ADMIN_USER = "admin"
ADMIN_PASSWORD = env.text("PARLEY_ADMIN_PASSWORD")
ADMIN_PASSWORD_FILE = STATE_DIR / "admin-password"

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.text("SECRET_KEY") or state.keep_secret(STATE_DIR / "secret-key", lambda: secrets.token_urlsafe(64))[0]

# -- listeners -----------------------------------------------------------------------------------------------------

HTTP_LISTEN = env.address("HTTP_LISTEN", "127.0.0.1:8000")
SIP_LISTEN = env.listen("SIP_LISTEN", "udp:127.0.0.1:5060,tcp:127.0.0.1:5060", ("udp", "tcp", "tls"))
# PEM files; read again when they are replaced. The key may stand in the certificate's file.
SIP_TLS_CERTIFICATE = env.text("SIP_TLS_CERTIFICATE")
SIP_TLS_KEY = env.text("SIP_TLS_KEY")
SIP_TLS_AUTHORITIES = env.text("SIP_TLS_AUTHORITIES")
if not SIP_TLS_CERTIFICATE and any(each.transport == "tls" for each in SIP_LISTEN):
    raise EnvError("SIP_TLS_CERTIFICATE", "a tls listener needs a certificate, give the PEM file of one")
MSRP_LISTEN = env.listen("MSRP_LISTEN", "tcp:127.0.0.1:2855", ("tcp",))

# -- the gateway ---------------------------------------------------------------------------------------------------

# Their names, meanings and defaults stand in sessions_app/conf.py, what they may be in sessions_app/checks.py.
GATEWAY = {field.name: env.like(f"GATEWAY_{field.name.upper()}", field.default) for field in fields(GatewayConfig)}
globals().update({f"GATEWAY_{name.upper()}": value for name, value in GATEWAY.items()})

# -- applications --------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "gateway_project",  # before daphne, whose runserver command it replaces
    "sessions_app",
    "daphne",
    "unfold",  # before the admin, whose templates it replaces
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",  # trigram search, arrays
    "channels",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_htmx",
    "axes",
]

MIDDLEWARE = [
    "sessions_app.policy.NoStore",  # the first: whatever answers, its answer passes here
    "sessions_app.policy.KnownProxies",
    "django.middleware.security.SecurityMiddleware",
    "sessions_app.policy.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "sessions_app.charsets.Utf8Only",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",  # the last: it answers for a login that was refused
]

ROOT_URLCONF = "gateway_project.urls"
ASGI_APPLICATION = "gateway_project.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"] if _checkout else [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "sessions_app.pages.playground.offered",
            ],
        },
    },
]

# -- database, broker, channel layer -------------------------------------------------------------------------------

DATABASE_URL = env.url("DATABASE_URL", "", ("postgresql", "postgres"))
EMBEDDED_POSTGRES = not DATABASE_URL
if EMBEDDED_POSTGRES:
    _cluster = cluster.Cluster(STATE_DIR)
    DATABASES: dict[str, dict[str, Any]] = {
        "default": {
            "ENGINE": "gateway_project.postgres",
            "STATE_DIR": str(STATE_DIR),
            "NAME": cluster.DATABASE,
            "USER": cluster.ROLE,
            "HOST": str(_cluster.socket_folder),
            "PORT": cluster.PORT,
        }
    }
else:
    # No CONN_MAX_AGE: under ASGI a connection is of a request's own thread, and one that is kept is one that is lost.
    DATABASES = {"default": dict(dj_database_url.parse(DATABASE_URL))}
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 10)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CELERY_BROKER_URL = env.url(
    "CELERY_BROKER_URL",
    "filesystem://",
    ("filesystem", "redis", "rediss", "unix", "socket", "sentinel", "amqp", "amqps", "pyamqp", "memory"),
)
if CELERY_BROKER_URL.startswith("filesystem:"):
    CELERY_BROKER_TRANSPORT = "gateway_project.broker:Transport"
    _broker = state.private_folder(STATE_DIR / "broker")
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(state.private_folder(_broker / "tasks")),
        "data_folder_out": str(_broker / "tasks"),
        "polling_interval": 0.25,  # seconds between two looks into the folder
        "control_folder": str(state.private_folder(_broker / "control")),
    }
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False  # its broadcasts would be files that nobody reads
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(STATE_DIR / "beat-schedule")
_interval = max(1, GATEWAY["cleanup_interval"])  # the checks refuse less, after settings are read
CELERY_BEAT_SCHEDULE = {
    "cleanup": {
        "task": "sessions_app.tasks.cleanup",
        "schedule": timedelta(seconds=_interval),
        # A worker that was away finds one sweep waiting, not one for every interval it missed.
        "options": {"expires": _interval},
    },
    "webhooks": {
        "task": "sessions_app.tasks.deliver_webhooks",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
}

# -- pages ---------------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = 8  # wrong passwords for one name from one address
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "sessions_app.addresses.of_caller"
AXES_USERNAME_CALLABLE = "sessions_app.lockout.name_of"
AXES_LOCKOUT_CALLABLE = "sessions_app.lockout.respond"
AXES_VERBOSE = False
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

STATIC_URL = "/static/"
STATIC_ROOT = HOME_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
# Without a collectstatic the files are served from where the packages keep them.
WHITENOISE_USE_FINDERS = not STATIC_ROOT.is_dir()
warnings.filterwarnings("ignore", "No directory at", UserWarning)  # whitenoise on a STATIC_ROOT that is not needed

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",  # the first one makes the 401's WWW-Authenticate
        "rest_framework.authentication.SessionAuthentication",
        "sessions_app.api.authentication.BasicAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["sessions_app.api.permissions.MayView"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["sessions_app.api.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "sessions_app.api.pagination.Cursor",
    "DEFAULT_THROTTLE_CLASSES": [
        "sessions_app.api.throttles.AnonThrottle",
        "sessions_app.api.throttles.UserThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": env.text("API_ANON_RATE") or "60/min",
        "user": env.text("API_USER_RATE") or "1200/min",
        "send": env.text("API_SEND_RATE") or "300/min",
        "token": "10/min",
    },
    "EXCEPTION_HANDLER": "sessions_app.api.problems.handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Parley",
    "DESCRIPTION": "Sessions, messages and failed set-ups of the SIP MESSAGE to MSRP gateway. Lists are narrowed by "
    "the filters of the pages and cut by cursors; errors are RFC 9457 problem details. `GET /api/v1/events/` is a "
    "stream of server-sent events, `/ws/events/` the same over WebSocket.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "/static/sessions_app/icon.svg",
    "SERVERS": [{"url": "/"}],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "SessionState": "sessions_app.models.GatewaySession.State",
        "MessageState": "sessions_app.models.MessageRecord.State",
        "MessageDirection": "sessions_app.models.MessageRecord.Direction",
        "Side": "sessions_app.models.GatewaySession.Initiator",
        "FrameDirection": [("in", "in"), ("out", "out")],
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "sessions_app.api.schema.finish",
    ],
}
UNFOLD = {
    "SITE_TITLE": "Parley",
    "SITE_HEADER": "Parley",
    "SITE_URL": "/",
    "SITE_SYMBOL": "forum",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("sessions_app/icon.svg")}
    ],
    "SIDEBAR": {"navigation": "sessions_app.admin.navigation.sidebar"},
    "STYLES": [lambda request: static("sessions_app/admin.css")],
    "SHOW_HISTORY": False,
    "COLORS": {  # the pages' teal, dark enough for white text from 600 on
        "primary": {
            "50": "oklch(98.4% .014 180.7)",
            "100": "oklch(95.3% .051 180.8)",
            "200": "oklch(91% .096 180.4)",
            "300": "oklch(85.5% .138 181.1)",
            "400": "oklch(77.7% .152 181.9)",
            "500": "oklch(60% .118 184.7)",
            "600": "oklch(51.1% .096 186.4)",
            "700": "oklch(43.7% .078 188.2)",
            "800": "oklch(38.6% .063 188.4)",
            "900": "oklch(33% .055 190)",
            "950": "oklch(27.7% .046 192.5)",
        }
    },
}

# -- security ------------------------------------------------------------------------------------------------------

_wildcard = HTTP_LISTEN.host in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
_own_host = HTTP_LISTEN.hostport.rpartition(":")[0]
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", *([] if _wildcard else [_own_host])])
CSRF_TRUSTED_ORIGINS = env.items("CSRF_TRUSTED_ORIGINS")
for _origin in CSRF_TRUSTED_ORIGINS:
    if not _origin.startswith(("http://", "https://")):
        raise EnvError("CSRF_TRUSTED_ORIGINS", f"{_origin!r} has no scheme, write https://{_origin}")

X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True

#: The pages are reached over TLS only, through a proxy that sets X-Forwarded-Proto itself (deploy/nginx.conf).
HTTPS_ONLY = env.flag("HTTPS_ONLY")
#: Where that proxy is: whose word it is (sessions_app/addresses.py).
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES", "127.0.0.0/8 ::1/128")
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
# Asked on the machine itself, without TLS: probes, metrics, the management interface.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$", r"^mi$"]
if HTTPS_ONLY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = env.integer("HSTS_SECONDS", 365 * 24 * 3600)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("HSTS_SUBDOMAINS", True)
    SECURE_HSTS_PRELOAD = env.flag("HSTS_PRELOAD", True)

# -- logging -------------------------------------------------------------------------------------------------------

LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOG_FORMAT = env.choice("LOG_FORMAT", "line", ("line", "json"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "gateway_project.logs.LineFormatter"},
        "json": {"()": "gateway_project.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Django and Daphne bring handlers of their own; ours is enough.
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.server": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.channels.server": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "daphne": {"level": "WARNING" if LOG_LEVEL == "INFO" else LOG_LEVEL},
        "asyncio": {"level": "WARNING"},
        "celery": {"level": "WARNING" if LOG_LEVEL == "INFO" else LOG_LEVEL},
        "kombu": {"level": "WARNING"},
        "kombu.connection": {"level": "ERROR"},  # warns of the missing host in filesystem://
    },
}
