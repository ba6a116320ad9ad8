"""The register as a Django application."""

from django.apps import AppConfig


class RegisterApp(AppConfig):
    """Models and migrations; its tables begin with ``register_``."""

    name = "kiosk.register"
    default_auto_field = "django.db.models.BigAutoField"
