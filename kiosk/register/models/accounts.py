"""Who may sign in, and what they may do."""

from typing import ClassVar, Final

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models

from kiosk.register.models.people import SchoolClass
from kiosk.register.rules.correction import Role

_ROLES: Final = [(role.value, role.value.capitalize()) for role in Role]


class Account(AbstractUser):
    """A person who signs in.

    Attributes:
        role: One of :class:`Role`.
        language: "en", "es", or "" for that of the browser.
        oidc_issuer, oidc_subject: The account at an OpenID provider; "" without one.
        sessions_valid_from: A session that began earlier is signed out ("sign out everywhere").
    """

    role = models.TextField(choices=_ROLES, default=Role.TEACHER.value)
    language = models.TextField(default="", blank=True)
    oidc_issuer = models.TextField(default="", blank=True)
    oidc_subject = models.TextField(default="", blank=True)
    sessions_valid_from = models.DateTimeField(null=True)


class Teaching(models.Model):
    """A teacher has this class; without dates."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="teaching"
    )
    school_class = models.ForeignKey(SchoolClass, on_delete=models.CASCADE, related_name="teaching")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "school_class"], name="teaching_once")
        ]


class Invitation(models.Model):
    """A link with which an invited person chooses a password; its token is stored as a hash."""

    token_hash = models.TextField(primary_key=True)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations"
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class ApiToken(models.Model):
    """A key for programs; only its hash is stored. ``scopes`` are words with blanks between."""

    token_hash = models.TextField(primary_key=True)
    title = models.TextField()
    scopes = models.TextField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
