"""The tables on who the kiosks are."""

from typing import ClassVar

from django.db import models


class NameUseRow(models.Model):
    """Who has used a kiosk's name lately: :class:`~kiosk.register.identity.name_use.NameUse`."""

    site = models.TextField()
    room = models.TextField()
    kiosk = models.TextField()
    use = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["site", "room", "kiosk"], name="name_use_address")
        ]


class KioskKey(models.Model):
    """A public key that a kiosk has announced; ``trusted_at`` is set when it was accepted."""

    site = models.TextField()
    room = models.TextField()
    kiosk = models.TextField()
    public_key = models.TextField()
    announced_at = models.DateTimeField()
    trusted_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["site", "room", "kiosk", "public_key"], name="kiosk_key_once"
            )
        ]
