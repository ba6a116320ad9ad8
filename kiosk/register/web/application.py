"""Build the web application from the configuration: the composition root of the pages."""

import logging
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.templatetags.static import static
from django.urls import reverse

from kiosk.register.config import RegisterConfig
from kiosk.register.models import Register
from kiosk.register.web.errors import ShortWithoutDatabase, WithoutAddress
from kiosk.register.web.handler import PooledHandler

_SHORT: Final = ShortWithoutDatabase()
_WITHOUT_ADDRESS: Final = WithoutAddress()
"""One of each for all applications of a process: a logger has each filter once."""


def build_application(config: RegisterConfig) -> ASGIHandler:
    """Give Django what the pages need, and return the application.

    Call it after :func:`kiosk.register.database.use_database`, on a database with tables.
    """
    pages = config.pages
    url = urlsplit(pages.url)
    settings.KIOSK = config
    settings.SECRET_KEY = Register.objects.get().secret
    settings.LANGUAGE_CODE = pages.language
    settings.ALLOWED_HOSTS = [url.hostname] if url.hostname else ["*"]
    settings.CSRF_TRUSTED_ORIGINS = [f"{url.scheme}://{url.netloc}"] if url.hostname else []
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = pages.is_https
    settings.SECURE_HSTS_SECONDS = 31_536_000 if pages.is_https else 0
    settings.SECURE_PROXY_SSL_HEADER = (
        ("HTTP_X_FORWARDED_PROTO", "https") if pages.is_https else None
    )
    for name in ("django.request", "django.security.csrf"):
        logging.getLogger(name).addFilter(_WITHOUT_ADDRESS)
    logging.getLogger("django.request").addFilter(_SHORT)
    return PooledHandler((reverse("changes"), static("")))


def config() -> RegisterConfig:
    """Return the configuration that the application was built with."""
    found: RegisterConfig = settings.KIOSK
    return found
