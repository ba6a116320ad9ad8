"""What the kiosks sent.

A message is stored as the bytes that came, and never changed; the columns beside them are copies to
search by. The ingest alone writes these tables; several instances may share them.

``site`` comes from the event itself, so that the events can be split by site over several
databases (it must then become part of both unique keys).
"""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models


class Register(models.Model):
    """The identity of this database; one row.

    ``secret`` signs the cookies of the pages, and ``card_key``, a private key of Ed25519 in
    base64url, the students' cards and the orders to kiosks; all instances share them.
    """

    register_id = models.TextField(primary_key=True)
    created_at = models.DateTimeField()
    secret = models.TextField(default="")
    card_key = models.TextField(default="")


class Event(models.Model):
    """An event, as it came.

    ``scanned_at`` is the kiosk's time and is never replaced by ``arrived_at``, the register's.
    ``corrected_at`` is the right time that the kiosk sent later, where its clock was wrong.
    ``id`` grows in the order of storing, and is used by nobody else but those who page through.
    ``placing`` says what became of it: "new" until the marker has seen it, then "placed", or the
    reason why it belongs to no lesson (:mod:`kiosk.register.marking`), or "dismissed".
    """

    event_id = models.TextField()
    outbox_id = models.TextField(null=True)  # noqa: DJ001 - several NULLs are no repeats
    sequence = models.BigIntegerField()
    site = models.TextField()
    room = models.TextField()
    kiosk = models.TextField()
    type = models.TextField()
    subject_id = models.TextField()
    session = models.TextField()
    scanned_at = models.DateTimeField()
    clock = models.TextField()
    arrived_at = models.DateTimeField()
    is_replayed = models.BooleanField()
    payload = models.BinaryField()
    placing = models.TextField(db_default="new")
    corrected_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event_id"], name="event_once"),
            models.UniqueConstraint(fields=["outbox_id", "sequence"], name="event_of_outbox"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["scanned_at"], name="event_time"),
            models.Index(
                fields=["placing", "id"],
                condition=~models.Q(placing="placed"),
                name="event_unplaced",
            ),
            models.Index(fields=["room", "scanned_at"], name="event_room"),
            models.Index(fields=["subject_id", "scanned_at"], name="event_subject"),
            models.Index(
                fields=["subject_id", "corrected_at"],
                condition=models.Q(corrected_at__isnull=False),
                name="event_corrected",
            ),
        ]

    @property
    def seen_at(self) -> datetime:
        """The corrected time, or else the kiosk's."""
        return self.corrected_at or self.scanned_at


class TimeCorrection(models.Model):
    """The newest word of a kiosk on the right time of one of its events, stored or still to come.

    The event of type "time-correction" is in :class:`Event`, as it came.
    """

    event_id = models.TextField()
    outbox_id = models.TextField()
    corrected_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event_id", "outbox_id"], name="time_correction_once")
        ]


class Alarm(models.Model):
    """Two different events that claim one event id, or one number of one outbox.

    The first one that came stays; this row has the other one. ``digest`` (SHA-256 of topic and
    payload) makes a repeat of it a repeat and not a second alarm.
    """

    digest = models.TextField()
    event_id = models.TextField()
    outbox_id = models.TextField(null=True)  # noqa: DJ001 - several NULLs are no repeats
    sequence = models.BigIntegerField()
    topic = models.TextField()
    payload = models.BinaryField()
    arrived_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["digest"], name="alarm_once")]


class BinEntry(models.Model):
    """A message that could not be placed; ``kiosk register bin --retry`` processes it again.

    ``due_at`` is when the register does so itself: what was missing has come by then; ``NULL``
    while that is not known.
    """

    digest = models.TextField()
    reason = models.TextField()
    detail = models.TextField()
    topic = models.TextField()
    payload = models.BinaryField()
    arrived_at = models.DateTimeField()
    dismissed_at = models.DateTimeField(null=True)
    dismissed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    dismissed_why = models.TextField(default="")
    due_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["digest"], name="bin_once")]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], condition=models.Q(due_at__isnull=False), name="bin_due"
            )
        ]


class Dismissal(models.Model):
    """A person has taken an event that belongs to no lesson out of the bin; the event stays.

    ``placing`` is the reason that the event was in the bin for.
    """

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="dismissals")
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    at = models.DateTimeField()
    why = models.TextField()
    placing = models.TextField()


class Outbox(models.Model):
    """The state of one outbox (:class:`kiosk.register.ingest.outbox_state.OutboxState`)."""

    outbox_id = models.TextField(primary_key=True)
    site = models.TextField()
    room = models.TextField()
    kiosk = models.TextField()
    watermark = models.BigIntegerField()
    beyond = models.TextField()
    reported_last = models.BigIntegerField()
    reported_at = models.DateTimeField(null=True)
    covered_at = models.DateTimeField(null=True)
    missing_since = models.DateTimeField(null=True)
    request_after = models.DateTimeField(null=True)
    requests = models.IntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["missing_since"], name="outbox_missing")]


class Gap(models.Model):
    """Numbers that a kiosk no longer had when it was asked for them."""

    outbox_id = models.TextField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    reason = models.TextField()
    found_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["outbox_id"], name="gap_outbox")]


class Kiosk(models.Model):
    """A kiosk that was heard, or is in the imported list.

    ``retired_at`` is since when it is out of service: nobody waits for its events of later lessons.
    ``health_signature`` is of the health that is stored
    (:data:`kiosk.register.identity.keys.SignatureState`); ``health_refused_at`` is when another one
    was refused for its signature. ``erasure_version`` is the list of erasure orders that the kiosk
    has answered last.
    """

    site = models.TextField()
    room = models.TextField()
    kiosk = models.TextField()
    is_listed = models.BooleanField(default=False)
    is_online = models.BooleanField(null=True)
    availability = models.BinaryField(null=True)
    availability_at = models.DateTimeField(null=True)
    health = models.BinaryField(null=True)
    health_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)
    retired_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    health_signature = models.TextField(default="")
    health_refused_at = models.DateTimeField(null=True)
    erasure_version = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["site", "room", "kiosk"], name="kiosk_address")
        ]
