"""The register as a Django application."""

from django.apps import AppConfig


class RegisterApp(AppConfig):
    """Models and migrations; its tables begin with ``register_``."""

    name = "kiosk.register"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Add a lookup; note when each session begins, whatever signs somebody in."""
        from django.contrib.auth.signals import user_logged_in  # noqa: PLC0415 - needs the settings

        from kiosk.register import among  # noqa: F401, PLC0415 - Django must be ready
        from kiosk.register.web.session import note_begin  # noqa: PLC0415 - Django must be ready

        user_logged_in.connect(note_begin)
