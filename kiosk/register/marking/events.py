"""Read events as the rules see them."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import OuterRef, QuerySet, Subquery, TextField
from django.db.models.functions import Coalesce

from kiosk.decoder import decoder_of
from kiosk.register.among import as_utc, plain
from kiosk.register.models import Event, Person
from kiosk.register.rules.lesson import Scan
from kiosk.register.rules.settings import RuleSettings


@dataclass(frozen=True, slots=True)
class Seen:
    """An event.

    Attributes:
        key: Its primary key.
        type: "attendance" or "participation".
        subject_id: Who; of a temporary student the one whom that was merged into.
        site: Where.
        room: Where.
        scan: What the rules see of it.
        first_at: The kiosk's first word on its time, if another one has come since.
    """

    key: int
    type: str
    subject_id: str
    site: str
    room: str
    scan: Scan
    first_at: datetime | None = None


class _Direction(msgspec.Struct, frozen=True):
    direction: str | None = None


def load_new(sites: Collection[str], settings: RuleSettings, limit: int) -> list[Seen]:
    """Return the oldest events that are not placed yet.

    Args:
        sites: The sites that this instance serves; empty for all.
        settings: The rules.
        limit: Return at most so many.
    """
    # Literally the condition of the index: SQLite does not use it for a parameter.
    events = Event.objects.extra(where=["""NOT ("placing" = 'placed')""", """"placing" = 'new'"""])
    if sites:
        events = events.filter(site__in=sites)
    has_direction = bool(settings.exit_direction)
    return read_events(events.order_by("id")[:limit], has_direction=has_direction)


def was_adrift(seen: Seen) -> bool:
    """Return whether the kiosk's clock was not synchronised, corrected since or not."""
    return seen.first_at is not None or not seen.scan.clock_is_synchronised


def moments_of(seen: Iterable[Seen]) -> Iterator[datetime]:
    """Yield when events may have been."""
    for one in seen:
        yield one.scan.scanned_at
        if one.first_at is not None:
            yield one.first_at
        if was_adrift(one):
            yield one.scan.arrived_at


def read_events(events: QuerySet[Event], *, has_direction: bool) -> list[Seen]:
    """Read the events of a query, with the direction or without."""
    columns = ["id", "type", "student", "site", "room", "event_id", "session"]
    columns += ["scanned_at", "corrected_at", "arrived_at", "clock", "is_replayed"]
    if has_direction:  # otherwise nobody asks where people go
        columns.append("payload")
    merged = Person.objects.filter(pk=OuterRef("subject_id")).values("merged_into")
    events = events.annotate(
        student=Coalesce(Subquery(merged[:1]), "subject_id", output_field=TextField())
    )
    return [_seen(*row) for row in plain(events.values_list(*columns))]


def _seen(
    key: int,
    kind: str,
    student: str,
    site: str,
    room: str,
    event_id: str,
    session: str,
    *rest: Any,  # noqa: ANN401 - as the database has them
) -> Seen:
    """Return the event of a row."""
    clock, is_replayed, *others = rest[3:]
    scanned_at, corrected_at, arrived_at = map(as_utc, rest[:3])
    assert scanned_at is not None
    assert arrived_at is not None
    return Seen(
        key=key,
        type=kind,
        subject_id=student,
        site=site,
        room=room,
        scan=Scan(
            event_id=event_id,
            scanned_at=corrected_at or scanned_at,
            arrived_at=arrived_at,
            clock_is_synchronised=clock == "synchronised" or corrected_at is not None,
            session=session,
            direction=_direction(others[0]) if others else None,
            is_replayed=bool(is_replayed),
        ),
        first_at=scanned_at if corrected_at is not None else None,
    )


def _direction(payload: bytes) -> str | None:
    return decoder_of(_Direction).decode(bytes(payload)).direction
