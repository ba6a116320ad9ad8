"""Note that the register listens, and when it did not.

While it does not, nothing is known of any kiosk: who asks is told so, and gets what was known then.
"""

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
        outage = own_outage(_last_beat(), now)
        if outage is not None:
            Blind.objects.create(begin=outage.begin, end=outage.end)
        Heartbeat.objects.update_or_create(instance=instance, defaults={"at": now})


def away_since(now: datetime) -> datetime | None:
    """Return since when no instance has listened; ``None`` if one does, or none ever did.

    Raises:
        django.db.OperationalError, django.db.InterfaceError: The database is away.
    """
    outage = own_outage(_last_beat(), now)
    return outage.begin if outage is not None else None


def _last_beat() -> datetime | None:
    last: datetime | None = Heartbeat.objects.aggregate(last=Max("at"))["last"]
    return last
