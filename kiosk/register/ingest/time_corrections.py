"""Apply what kiosks say later of the time of their events.

A correction counts for events of its own outbox alone. It may come before its event.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from kiosk.protocol.event import TimeCorrectionEvent, event_type
from kiosk.register.ingest.bin_table import make_due
from kiosk.register.messages.arrival import EventReading, Reason
from kiosk.register.models import Event, TimeCorrection
from kiosk.register.models.placing import DISMISSED, NEW, PLACED

_TYPE = event_type(TimeCorrectionEvent)


def load_times(readings: Iterable[EventReading]) -> dict[str, datetime]:
    """Return the right times of events, where corrections have come before them, by event id."""
    found = _corrections_of(readings)
    return {one.event_id: one.corrected_at for one in found}


def correct_times(readings: Sequence[EventReading], now: datetime) -> None:
    """Store corrections, and have every event that one is known of placed again.

    Args:
        readings: Events that were just stored, in the order of their numbers.
        now: When.
    """
    corrections = _newest(readings)
    TimeCorrection.objects.bulk_create(
        corrections,
        update_conflicts=True,
        unique_fields=["event_id", "outbox_id"],
        update_fields=["corrected_at"],
    )
    if corrections:
        ids = [one.event.event_id for one in readings if _is_correction(one)]
        Event.objects.filter(event_id__in=ids).update(placing=PLACED)
        for kiosk in {one.address for one in readings if _is_correction(one)}:
            make_due([Reason.FUTURE], now, kiosk)
    for one in [*corrections, *_corrections_of(readings)]:
        events = Event.objects.filter(event_id=one.event_id, outbox_id=one.outbox_id)
        events = events.exclude(type=_TYPE).exclude(placing=DISMISSED)
        events.update(corrected_at=one.corrected_at, placing=NEW)


def _newest(readings: Iterable[EventReading]) -> list[TimeCorrection]:
    """Return the last correction of each event."""
    found: dict[tuple[str, str], TimeCorrection] = {}
    for one in readings:
        event = one.event
        if isinstance(event, TimeCorrectionEvent) and event.outbox_id is not None:
            found[event.corrects, event.outbox_id] = TimeCorrection(
                event_id=event.corrects,
                outbox_id=event.outbox_id,
                corrected_at=datetime.fromisoformat(event.corrected_time).astimezone(UTC),
            )
    return list(found.values())


def _corrections_of(readings: Iterable[EventReading]) -> list[TimeCorrection]:
    """Return the known corrections of these events."""
    adrift = {
        one.event.event_id: one.event.outbox_id
        for one in readings
        if one.event.clock == "unsynchronised" and not _is_correction(one)
    }
    rows = TimeCorrection.objects.filter(event_id__in=adrift) if adrift else ()
    return [one for one in rows if adrift[one.event_id] == one.outbox_id]


def _is_correction(reading: EventReading) -> bool:
    return isinstance(reading.event, TimeCorrectionEvent)
