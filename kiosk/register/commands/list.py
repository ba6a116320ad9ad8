"""``kiosk register list``: the stored events."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

from django.db.models import QuerySet

from kiosk.register.commands.output import (
    opened,
    print_json,
    print_line,
    print_table,
    shown_payload,
)
from kiosk.register.config import RegisterConfig
from kiosk.register.models import Event, Person

_HEADER = ("scanned", "arrived", "kiosk", "type", "session", "person", "notes")


def list_events(
    config: RegisterConfig,
    *,
    day: date | None,
    kiosk: str | None,
    person: str | None,
    limit: int,
    as_json: bool,
) -> int:
    """Print the newest events in the order of their scans.

    Args:
        config: The configuration.
        day: Only events of this day, in the configured time zone.
        kiosk: Only this kiosk: SITE/ROOM/KIOSK, or KIOSK alone.
        person: Only this subject id.
        limit: At most so many.
        as_json: Print one JSON object a line.

    Raises:
        RegisterError: The database cannot be read.
    """
    with opened():
        found = _filter(Event.objects.all(), config, day=day, kiosk=kiosk, person=person)
        events = list(found.order_by("-scanned_at", "-id")[:limit])[::-1]
        if as_json:
            for one in events:
                print_json(as_record(one))
            return 0
        if not events:
            print_line("no events are stored" if not Event.objects.exists() else "none matches")
            return 0
        names = dict(Person.objects.values_list("subject_id", "name"))
        print_table(_HEADER, [_row(one, names, config) for one in events])
    return 0


def as_record(event: Event) -> dict[str, object]:
    """Return an event with what the register knows beside it, for JSON."""
    return {
        "id": event.pk,
        "arrived_at": event.arrived_at,
        "replayed": event.is_replayed,
        "event": shown_payload(bytes(event.payload)),
    }


def within_day(
    events: QuerySet[Event], config: RegisterConfig, first: date, last: date
) -> QuerySet[Event]:
    """Keep events that were scanned from ``first`` to ``last``, both included."""
    begin = datetime.combine(first, time_of_day(), config.zone)
    end = datetime.combine(last + timedelta(days=1), time_of_day(), config.zone)
    return events.filter(scanned_at__gte=begin, scanned_at__lt=end)


def _filter(
    events: QuerySet[Event],
    config: RegisterConfig,
    *,
    day: date | None,
    kiosk: str | None,
    person: str | None,
) -> QuerySet[Event]:
    if day is not None:
        events = within_day(events, config, day, day)
    if kiosk is not None:
        names = kiosk.split("/")
        columns = ("site", "room", "kiosk")[-len(names) :]
        events = events.filter(**dict(zip(columns, names, strict=False)))
    if person is not None:
        events = events.filter(subject_id=person)
    return events


def _row(event: Event, names: Mapping[str, str], config: RegisterConfig) -> tuple[str, ...]:
    scanned = event.scanned_at.astimezone(config.zone)
    arrived = event.arrived_at.astimezone(config.zone)
    is_same_day = scanned.date() == arrived.date()
    notes = [
        *(["replayed"] if event.is_replayed else []),
        *(["clock not synchronised"] if event.clock != "synchronised" else []),
    ]
    return (
        scanned.strftime("%Y-%m-%d %H:%M:%S"),
        arrived.strftime("%H:%M:%S" if is_same_day else "%Y-%m-%d %H:%M:%S"),
        f"{event.site}/{event.room}/{event.kiosk}",
        event.type,
        event.session,
        names.get(event.subject_id, event.subject_id),
        ", ".join(notes),
    )
