"""Store what cannot be placed, once each."""

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime

from kiosk.printable import printable
from kiosk.protocol.topics import KioskAddress
from kiosk.register.messages.arrival import Arrival, EventReading, Reason, Rejected
from kiosk.register.models import Alarm, BinEntry


def digest(arrival: Arrival) -> str:
    """Return what identifies a message, the kind in its topic aside: SHA-256, hexadecimal.

    So an event and its replay are one.
    """
    place = arrival.topic.rpartition("/")[0]
    return hashlib.sha256(place.encode() + b"\n" + arrival.payload).hexdigest()


def put_in_bin(rejected: Iterable[Rejected]) -> None:
    """Store messages in the bin; one that is there already stays as it is."""
    rows = [
        BinEntry(
            digest=digest(one.arrival),
            reason=one.reason.value,
            detail=printable(one.detail),
            topic=printable(one.arrival.topic),
            payload=one.arrival.payload,
            arrived_at=one.arrival.at,
            due_at=one.due_at,
        )
        for one in rejected
    ]
    BinEntry.objects.bulk_create(sorted(rows, key=_digest), ignore_conflicts=True)


def make_due(reasons: Collection[Reason], now: datetime, kiosk: KioskAddress | None = None) -> int:
    """Have the register process messages of these reasons again; return how many.

    For whoever brings what they wait for: a list, a trusted key, a right time.

    Args:
        reasons: Why they are in the bin.
        now: When.
        kiosk: Only those of this kiosk; ``None`` for all.
    """
    entries = BinEntry.objects.filter(reason__in=reasons, dismissed_at=None)
    if kiosk is not None:
        entries = entries.filter(topic__startswith=kiosk.topic(""))
    return entries.update(due_at=now)


def raise_alarms(rivals: Iterable[EventReading]) -> None:
    """Store events that claim the id or number of another; a repeated one is stored once."""
    rows = [
        Alarm(
            digest=digest(one.arrival),
            event_id=one.event.event_id,
            outbox_id=one.event.outbox_id,
            sequence=one.event.sequence,
            topic=one.arrival.topic,
            payload=one.arrival.payload,
            arrived_at=one.arrival.at,
        )
        for one in rivals
    ]
    Alarm.objects.bulk_create(sorted(rows, key=_digest), ignore_conflicts=True)


def _digest(row: BinEntry | Alarm) -> str:
    """Return the key of the order in which every instance inserts, so none waits in a circle."""
    return row.digest
