"""The Django settings that do not depend on the configuration file.

:func:`kiosk.register.database.use_database` adds the database. As a settings module of its own this
file serves ``django-admin makemigrations`` and the type checker, with an empty database.
"""

from typing import Any, Final

DATABASES: dict[str, Any] = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
}
INSTALLED_APPS: Final = ["kiosk.register"]
USE_TZ: Final = True
TIME_ZONE: Final = "UTC"
LOGGING_CONFIG: Final = None
"""The command sets up logging."""
