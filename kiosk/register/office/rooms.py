"""The rooms of the timetable that kiosks call otherwise."""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from kiosk.protocol.topics import KioskAddress
from kiosk.register.marking.again import REACH, place_again
from kiosk.register.marking.stale import LOOK_BACK, touch
from kiosk.register.models import Kiosk, Lesson, RoomName
from kiosk.register.publications.room_timetables import publish_timetables

_SHOWN: Final = 200


def room_names(site: str) -> dict[str, str]:
    """Return the kiosks' word for each room that the timetable of a site calls otherwise."""
    return dict(RoomName.objects.filter(site=site).values_list("title", "room"))


def rooms_without_kiosk(site: str, now: datetime) -> list[str]:
    """Return the rooms of lessons in which no kiosk of the site stands, in order."""
    here = Kiosk.objects.filter(site=OuterRef("site"), room=OuterRef("room"))
    lessons = Lesson.objects.filter(~Exists(here), site=site, ends_at__gt=now - LOOK_BACK)
    rooms = lessons.exclude(room="").order_by("room").values_list("room", flat=True)
    return list(rooms.distinct()[:_SHOWN])


@transaction.atomic
def give_room(kiosk: KioskAddress, title: str, now: datetime) -> int:
    """Say that a room of the timetable is that of a kiosk; return how many lessons are there now.

    Lessons of the last 31 days and to come follow, with their events, and the kiosk is told them.
    """
    RoomName.objects.update_or_create(site=kiosk.site, title=title, defaults={"room": kiosk.room})
    return _move(kiosk.site, title, kiosk.room, title, now)


@transaction.atomic
def take_room(kiosk: KioskAddress, title: str, now: datetime) -> int:
    """Take that back; return how many lessons are without a kiosk again."""
    count, _ = RoomName.objects.filter(site=kiosk.site, title=title, room=kiosk.room).delete()
    return _move(kiosk.site, title, title, "", now) if count else 0


def _move(site: str, title: str, room: str, room_title: str, now: datetime) -> int:
    """Move the lessons of a room of the timetable."""
    named = Q(room_title=title) | Q(room_title="", room=title)
    lessons = Lesson.objects.filter(named, site=site, ends_at__gt=now - LOOK_BACK)
    ids = list(lessons.values_list("pk", flat=True))
    place_again(lessons.filter(starts_at__lte=now + REACH))
    for begin in range(0, len(ids), 500):
        some = Lesson.objects.filter(pk__in=ids[begin : begin + 500])
        some.update(room=room, room_title=room_title)
        touch(some, now)
    publish_timetables(now)
    return len(ids)
