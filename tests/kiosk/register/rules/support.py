"""A lesson from 08:00 to 08:45 in Mexico City, and what may be seen at its door."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from kiosk.register.rules.completeness import Completeness
from kiosk.register.rules.lesson import Door, Lesson, Scan
from kiosk.register.rules.settings import RuleSettings

ZONE = ZoneInfo("America/Mexico_City")
SETTINGS = RuleSettings()
BOTH_WAYS = RuleSettings(exit_direction="left")


def at(clock: str, day: str = "2026-11-25", zone: ZoneInfo = ZONE) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=zone)


def lesson(
    start: str = "08:00",
    end: str = "08:45",
    name: str = "maths",
    *,
    room: str = "107",
    session: str | None = None,
    is_cancelled: bool = False,
) -> Lesson:
    starts_at = at(start)
    return Lesson(
        lesson_id=name,
        site="centro",
        room=room,
        date=starts_at.date(),
        starts_at=starts_at,
        ends_at=at(end),
        session=f"2026-11-25/{name}" if session is None else session,
        is_cancelled=is_cancelled,
    )


def scan(
    clock: str,
    event_id: str | None = None,
    *,
    trusted: bool = True,
    direction: str | None = None,
    session: str = "",
    arrived: str | None = None,
) -> Scan:
    return Scan(
        event_id=event_id or f"e-{clock}",
        scanned_at=at(clock),
        arrived_at=at(arrived or clock),
        clock_is_synchronised=trusted,
        session=session,
        direction=direction,
    )


def door(until: str | None, kiosk: str = "door", *, offline: str | None = None) -> Door:
    return Door(
        kiosk,
        Completeness(
            complete_until=None if until is None else at(until),
            offline_since=None if offline is None else at(offline),
            missing=0,
        ),
    )


LESSON = lesson()
COMPLETE = (door("09:00"),)
MINUTE = timedelta(minutes=1)
