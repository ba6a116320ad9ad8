"""When the camera of each kiosk saw its door."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from kiosk.protocol.topics import KioskAddress
from kiosk.register.messages.arrival import HealthReading
from kiosk.register.models import Watch

Span: TypeAlias = tuple[datetime, datetime]
KEPT: Final = timedelta(days=32)
"""Longer than a lesson may wait for its decision."""


def note_watches(readings: Iterable[HealthReading]) -> None:
    """Store what health tells; in the transaction that holds the lock of the kiosk's outbox."""
    for one in readings:
        if one.watched is not None:
            _note(one.address, one.watched)


def load_watches(rooms: Collection[str], now: datetime) -> dict[KioskAddress, tuple[Span, ...]]:
    """Return the spans of the kiosks of some rooms; a kiosk that told nothing is not in it."""
    spans: dict[KioskAddress, tuple[Span, ...]] = {}
    for one in Watch.objects.filter(room__in=rooms, end__gte=now - KEPT).order_by("begin"):
        address = KioskAddress(one.site, one.room, one.kiosk)
        spans[address] = (*spans.get(address, ()), (one.begin, one.end))
    return spans


def _note(address: KioskAddress, span: Span) -> None:
    """Store a span as one with those that it overlaps."""
    begin, end = span
    own = Watch.objects.filter(site=address.site, room=address.room, kiosk=address.kiosk)
    overlapping = list(own.filter(begin__lte=end, end__gte=begin))
    row = (
        overlapping[0]
        if overlapping
        else Watch(site=address.site, room=address.room, kiosk=address.kiosk)
    )
    row.begin = min([begin, *(one.begin for one in overlapping)])
    row.end = max([end, *(one.end for one in overlapping)])
    row.save()
    own.filter(pk__in=[one.pk for one in overlapping[1:]]).delete()
