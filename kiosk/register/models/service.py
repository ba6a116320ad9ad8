"""What the processes of the register tell one another, and what they know of themselves."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class Change(models.Model):
    """Something that an open page may show has changed; live updates tell it.

    Attributes:
        kind: "lesson", "kiosk", "bin", "participation" or "erasure".
        key: The lesson id or the kiosk's address; "" where there is only one.
    """

    at = models.DateTimeField()
    kind = models.TextField()
    key = models.TextField(default="")


class Publication(models.Model):
    """A message that the pages want published; the ingest sends it and keeps the row.

    The newest row of a topic wins: an older one that is still unsent is dropped.
    """

    topic = models.TextField()
    payload = models.BinaryField()
    retain = models.BooleanField()
    made_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=models.Q(sent_at=None), name="publication_unsent")
        ]


class Upload(models.Model):
    """A file that was uploaded for an import, until the import is confirmed or ``expires_at``.

    So what is applied are the bytes of the dry run. ``digest`` is SHA-256; ``options`` is JSON.
    """

    digest = models.TextField()
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    kind = models.TextField()
    file_name = models.TextField()
    options = models.TextField()
    content = models.BinaryField()
    expires_at = models.DateTimeField()


class Heartbeat(models.Model):
    """When an instance of the ingest last worked, connected to the broker."""

    instance = models.TextField(primary_key=True)
    at = models.DateTimeField()


class Blind(models.Model):
    """No instance of the register listened from ``begin`` until ``end``."""

    begin = models.DateTimeField()
    end = models.DateTimeField()


class Watch(models.Model):
    """A kiosk's camera saw the door from ``begin`` until ``end``, as its health has told.

    Who passed outside of these times was perhaps not seen, and is not absent for it.
    """

    site = models.TextField()
    room = models.TextField()
    kiosk = models.TextField()
    begin = models.DateTimeField()
    end = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["room", "end"], name="watch_room")]


class KioskAlert(models.Model):
    """A kiosk was silent or blind in lesson time; ``end`` is ``NULL`` while it still is."""

    site = models.TextField()
    room = models.TextField()
    kiosk = models.TextField()
    kind = models.TextField()
    begin = models.DateTimeField()
    end = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["site", "room", "kiosk", "kind"],
                condition=models.Q(end=None),
                name="alert_open_once",
            )
        ]
