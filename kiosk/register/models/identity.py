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
