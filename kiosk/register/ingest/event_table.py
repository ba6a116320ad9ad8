"""Store events, and recognise those that are stored already."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from django.db import connection
from django.db.models import Q

from kiosk.protocol.event import event_type, subject_of
from kiosk.register.among import writer_of_times
from kiosk.register.messages.arrival import EventReading
from kiosk.register.models import Event

_COLUMNS: Final = (
    *("event_id", "outbox_id", "sequence", "site", "room", "kiosk", "type", "subject_id"),
    *("session", "scanned_at", "clock", "arrived_at", "is_replayed", "payload"),
)
_INTO: Final = f"register_event ({', '.join(_COLUMNS)})"
_INSERT: Final = f"INSERT INTO {_INTO} VALUES ({', '.join(['%s'] * len(_COLUMNS))})"  # noqa: S608 - of constants
_COPY: Final = f"COPY {_INTO} FROM STDIN"

Key: TypeAlias = tuple[str, int] | str
"""An event id, or outbox id and number: either names one event for ever."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """A batch of events, without the repeats.

    Attributes:
        new: Events that are not stored.
        rivals: Events that claim the event id or the number of a different one.
    """

    new: tuple[EventReading, ...]
    rivals: tuple[EventReading, ...]


def sort_out(
    readings: Iterable[EventReading], is_suspect: Callable[[EventReading], bool]
) -> Sorted:
    """Tell new events from repeats and rivals.

    Args:
        readings: Events in the order in which they came; one may be in it more than once.
        is_suspect: Whether an event may be stored already; only those are looked up.
    """
    readings = list(readings)
    payloads = _stored([one for one in readings if is_suspect(one)])
    new: list[EventReading] = []
    rivals: list[EventReading] = []
    for one in readings:
        payload = one.arrival.payload
        found = [payloads[key] for key in _keys(one) if key in payloads]
        if not found:
            payloads.update(dict.fromkeys(_keys(one), payload))
            new.append(one)
        elif any(other != payload for other in found):
            rivals.append(one)
    return Sorted(tuple(new), tuple(rivals))


def insert_events(readings: Iterable[EventReading]) -> None:
    """Insert new events.

    Raises:
        django.db.IntegrityError: One is stored already.
    """
    adapt = writer_of_times()
    rows = [_row(one, adapt) for one in readings]
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.executemany(_INSERT, rows)
            return
        with connection.wrap_database_errors, cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(row)


def _keys(reading: EventReading) -> list[Key]:
    event = reading.event
    if event.outbox_id is None:
        return [event.event_id]
    return [event.event_id, (event.outbox_id, event.sequence)]


def _stored(suspects: Sequence[EventReading]) -> dict[Key, bytes]:
    """Return the payloads of the stored events that have a key in common with these."""
    if not suspects:
        return {}
    numbers: dict[str, list[int]] = {}
    for one in suspects:
        if one.event.outbox_id is not None:
            numbers.setdefault(one.event.outbox_id, []).append(one.event.sequence)
    wanted = Q(event_id__among=[one.event.event_id for one in suspects])
    for outbox_id, sequences in numbers.items():
        wanted |= Q(outbox_id=outbox_id, sequence__among=sequences)
    found: dict[Key, bytes] = {}
    columns = ("event_id", "outbox_id", "sequence", "payload")
    for event_id, outbox_id, sequence, payload in Event.objects.filter(wanted).values_list(
        *columns
    ):
        found[event_id] = bytes(payload)
        if outbox_id is not None:
            found[outbox_id, sequence] = bytes(payload)
    return found


def _row(reading: EventReading, adapt: Callable[[datetime], Any]) -> tuple[Any, ...]:
    event, arrival = reading.event, reading.arrival
    return (
        event.event_id,
        event.outbox_id,
        event.sequence,
        event.site,
        event.room,
        event.kiosk,
        event_type(event),
        subject_of(event),
        event.session,
        adapt(reading.scanned_at),
        event.clock,
        adapt(arrival.at),
        reading.is_replayed,
        arrival.payload,
    )
