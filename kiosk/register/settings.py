"""The Django settings that do not depend on the configuration file.

:func:`kiosk.register.database.use_database` adds the database, and
:func:`kiosk.register.web.application.build_application` what the pages need. As a settings module
of its own this file serves ``django-admin`` and the type checker, with an empty database.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

_WEB: Final = Path(__file__).parent / "web"

DATABASES: dict[str, Any] = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
}
INSTALLED_APPS: Final = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "kiosk.register",
]
DEFAULT_AUTO_FIELD: Final = "django.db.models.BigAutoField"
USE_TZ: Final = True
TIME_ZONE: Final = "UTC"
LOGGING_CONFIG: Final = None
"""The command sets up logging."""
SILENCED_SYSTEM_CHECKS: Final = ["axes.W003"]
"""The back end is a subclass of that of axes, which its check does not see."""

KIOSK: Any = None
"""The :class:`kiosk.register.config.RegisterConfig` of the pages."""

# Accounts and sessions, as OWASP's cheat sheets on authentication and session management ask.
AUTH_USER_MODEL: Final = "register.Account"
AUTHENTICATION_BACKENDS: Final = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS: Final = ["kiosk.register.accounts.passwords.PasswordHasher"]
AUTH_PASSWORD_VALIDATORS: Final = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("MinimumLengthValidator", {"min_length": 12}),
        ("UserAttributeSimilarityValidator", {}),
        ("CommonPasswordValidator", {}),
    )
]
LOGIN_URL: Final = "sign-in"
LOGIN_REDIRECT_URL: Final = "start"
LOGOUT_REDIRECT_URL: Final = "sign-in"
AXES_FAILURE_LIMIT: Final = 10
AXES_COOLOFF_TIME: Final = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS: Final = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS: Final = True
AXES_VERBOSE: Final = False
AXES_LOCKOUT_TEMPLATE: Final = "locked.html"
AXES_SENSITIVE_PARAMETERS: Final = ["username", "ip_address", "next"]
"""What is not kept of a failed attempt; ``next`` may be the page of a student."""
SESSION_COOKIE_AGE: Final = 12 * 3600
SESSION_COOKIE_NAME: Final = "kiosk-session"
SESSION_EXPIRE_AT_BROWSER_CLOSE: Final = True
SESSION_COOKIE_SAMESITE: Final = "Lax"
CSRF_COOKIE_NAME: Final = "kiosk-csrf"
CSRF_COOKIE_HTTPONLY: Final = True
CSRF_FAILURE_VIEW: Final = "kiosk.register.web.errors.form_too_old"
X_FRAME_OPTIONS: Final = "DENY"
SECURE_REFERRER_POLICY: Final = "same-origin"
CONTENT_SECURITY_POLICY: Final = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# Pages. Style and scripts are served by kiosk.register.web.handler.
MIDDLEWARE: Final = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "kiosk.register.web.middleware.VisitorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF: Final = "kiosk.register.web.urls"
TEMPLATES: Final = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_WEB / "pages", _WEB / "templates"],
        "OPTIONS": {
            "builtins": ["django.templatetags.i18n", "django.templatetags.static"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "kiosk.register.web.navigation.navigation",
            ],
            "libraries": {
                "marks": "kiosk.register.web.tags",
                "problems": "kiosk.register.web.problems",
                "times": "kiosk.register.web.times",
                "erasure_words": "kiosk.register.web.erasure_words",
            },
        },
    }
]
STATIC_URL: Final = "static/"
STATICFILES_DIRS: Final = [_WEB / "static"]
SERVESTATIC_USE_FINDERS: Final = True
SERVESTATIC_AUTOREFRESH: Final = False
SERVESTATIC_ALLOW_ALL_ORIGINS: Final = False
LANGUAGE_CODE: Final = "en"
LANGUAGES: Final = [("en", "English"), ("es", "Español")]
FORMAT_MODULE_PATH: Final = "kiosk.register.web.formats"
LOCALE_PATHS: Final = [_WEB / "locale"]
FORM_RENDERER: Final = "django.forms.renderers.DjangoTemplates"
MESSAGE_STORAGE: Final = "django.contrib.messages.storage.session.SessionStorage"
DATA_UPLOAD_MAX_MEMORY_SIZE: Final = 20_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS: Final = 5_000
