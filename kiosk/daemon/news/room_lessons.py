"""The lessons of the room as the register tells them, kept for a start without a network."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final, Self

from kiosk.config.keys import Config
from kiosk.config.timetable import ClassSession
from kiosk.daemon.news.kept_file import KeptFile
from kiosk.errors import PayloadError
from kiosk.logs import OnceWarner
from kiosk.protocol.timetable import RoomTimetable, decode_timetable
from kiosk.protocol.topics import TIMETABLE, KioskAddress

_log = logging.getLogger(__name__)

_YEARS: Final = range(2000, 3000)
_BYTES_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson on one date.

    Attributes:
        session: What events of it name as their class session.
        starts_at: Start, aware; included.
        ends_at: End, aware; not included.
    """

    session: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Lessons:
    """The lessons of a room.

    Attributes:
        until: The list says nothing of the time from then on.
        lessons: The lessons, by their start.
    """

    until: datetime
    lessons: tuple[Lesson, ...]

    @classmethod
    def of(cls, timetable: RoomTimetable) -> Self:
        """Read the times.

        Raises:
            PayloadError: One is no time of the calendar, or a lesson ends before it starts.
        """
        lessons = [
            Lesson(one.session, _time(one.starts_at), _time(one.ends_at))
            for one in timetable.lessons
        ]
        for one in lessons:
            if not one.session.isprintable() or one.ends_at <= one.starts_at:
                raise PayloadError(f"lessons: {one.session!a}: expected printable text, end later")
        lessons.sort(key=lambda one: (one.starts_at, one.session))
        return cls(_time(timetable.until), tuple(lessons))


def lesson_at(lessons: Sequence[Lesson], moment: datetime, before: timedelta) -> Lesson | None:
    """Return the lesson that a person who comes now comes to.

    The one that is running, of several the one that began last; else the next one, if it begins
    soon.

    Args:
        lessons: The lessons of a room, by their start.
        moment: Now.
        before: How long before its start somebody comes to a lesson.
    """
    running = [one for one in lessons if one.starts_at <= moment < one.ends_at]
    coming = [one for one in lessons if one.starts_at - before <= moment < one.starts_at]
    return running[-1] if running else next(iter(coming), None)


class RoomLessons:
    """The newest lessons that the register told; one thread writes, others read.

    Args:
        path: Where they are kept; ``None`` keeps them in memory alone.
        topic: The topic that they come on, which tells those of another room.
        zone: The time zone of the dates of class sessions.
        before: How long before its start somebody comes to a lesson.
    """

    def __init__(
        self,
        path: Path | None = None,
        topic: str = "",
        zone: tzinfo = UTC,
        before: timedelta = timedelta(0),
    ) -> None:
        self._file = KeptFile(path, _BYTES_MAX) if path is not None else None
        self._topic = topic
        self._zone = zone
        self._before = before
        self._lessons: Lessons | None = None
        self._warner = OnceWarner(_log)

    def load(self) -> None:
        """Use what was kept; go on without it when that cannot be used."""
        if self._file is not None:
            self._lessons = self._file.load(self._read_kept)

    def hear(self, payload: bytes, now: datetime | None) -> None:
        """Use what the register says, and keep it; refuse what cannot be used with a log line.

        Args:
            payload: The message; an empty one means that there are no lessons to know any more.
            now: The time; ``None`` if it is not certain.
        """
        try:
            lessons = _read(payload) if payload else None
        except PayloadError as exc:
            self._warner.warn(f"ignored: the register sent no valid timetable ({exc})")
            return
        if lessons is not None and now is not None and lessons.until <= now:
            self._warner.warn(f"ignored: the register's timetable ended on {lessons.until.date()}")
            return
        self._lessons = lessons
        if self._file is not None:
            self._file.save(self._topic.encode() + b"\n" + payload)

    def ends_at(self, moment: datetime) -> datetime | None:
        """Return when the lesson of a moment ends; ``None`` if none is known for it."""
        known = self._lessons
        lesson = lesson_at(known.lessons, moment, self._before) if known else None
        return lesson.ends_at if lesson else None

    def at(self, moment: datetime) -> ClassSession | None:
        """Return the class session of a moment; ``None`` if no lesson is known for it."""
        known = self._lessons
        lesson = lesson_at(known.lessons, moment, self._before) if known else None
        if lesson is None:
            return None
        day = lesson.starts_at.astimezone(self._zone).date()
        return ClassSession(day, lesson.session, is_named_by_register=True)

    def _read_kept(self, content: bytes) -> Lessons | None:
        """Read a file: the topic, and the message behind it; ``None`` for another room's."""
        topic, _, payload = content.partition(b"\n")
        return _read(payload) if topic == self._topic.encode() and payload else None


def load_room_lessons(config: Config) -> RoomLessons:
    """Return the lessons of the kiosk's room, with those that the register told before."""
    topic = KioskAddress.of(config.kiosk).topic(TIMETABLE)
    before = timedelta(minutes=config.timetable.before_min)
    lessons = RoomLessons(config.directory / "timetable.json", topic, config.zone, before)
    lessons.load()
    return lessons


def _read(payload: bytes) -> Lessons:
    return Lessons.of(decode_timetable(payload))


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise PayloadError(f"time: expected a date and time of the calendar ({exc})") from exc
    if moment.year not in _YEARS:
        raise PayloadError(f"time: expected a year from {_YEARS.start} to {_YEARS.stop - 1}")
    return moment.astimezone(UTC)
