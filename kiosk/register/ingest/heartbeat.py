"""Note that the register listens, and when it did not."""

from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.db.models import Max

from kiosk.register.models import Blind, Heartbeat
from kiosk.register.rules.alert import own_outage

EVERY_S: Final = 10.0
_LOCK: Final = 0x6265617400
"""Number of an advisory lock in PostgreSQL: "beat" in ASCII."""


def beat(instance: str, now: datetime) -> None:
    """Note that an instance listens now; a pause of all instances becomes a :class:`Blind` row.

    Raises:
        django.db.OperationalError, django.db.InterfaceError: The database is away.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":  # so that one of several instances notes the pause
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        last = Heartbeat.objects.aggregate(last=Max("at"))["last"]
        outage = own_outage(last, now)
        if outage is not None:
            Blind.objects.create(begin=outage.begin, end=outage.end)
        Heartbeat.objects.update_or_create(instance=instance, defaults={"at": now})
