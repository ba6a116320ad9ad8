"""A timetable as one plain CSV: a row for each lesson on one date, or for each lesson of the week.

::

    class,room,title,days,start,end,from,until
    10B,107,Maths,mon thu,08:00,08:45,2026-08-31,2027-07-09
    10B,107,Exam,,23:30,24:00,2026-12-04,

Without ``days`` the lesson takes place on the date ``from`` alone. ``end`` may be 24:00, and an end
that is not after the start is on the next day. Names of columns and days may be Spanish.

A lesson is known again by class, date and start; one with another start is another lesson.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from kiosk.register.imports.addresses import address_problem
from kiosk.register.imports.csv_rows import Columns, Row, plain, read_rows
from kiosk.register.imports.dates import DateForm, date_form, parse_time
from kiosk.register.imports.outcome import Outcome, Remark, outcome
from kiosk.register.imports.records import LessonRow

COLUMNS: Final[Columns] = {
    "class": ("group", "section", "grupo", "clase", "sección"),
    "room": ("aula", "salón", "location"),
    "title": ("subject", "lesson", "materia", "asignatura"),
    "days": ("day", "weekday", "día", "días"),
    "start": ("start time", "begins", "inicio", "hora de inicio", "entrada"),
    "end": ("end time", "ends", "fin", "hora de fin", "salida"),
    "from": ("date", "first day", "fecha", "desde"),
    "until": ("last day", "hasta"),
}
REQUIRED: Final = ("class", "room", "start", "end", "from")
DAYS: Final = {
    name: number
    for number, names in enumerate(
        (
            "mon monday lun lunes",
            "tue tuesday mar martes",
            "wed wednesday mie miercoles",
            "thu thursday jue jueves",
            "fri friday vie viernes",
            "sat saturday sab sabado",
            "sun sunday dom domingo",
        )
    )
    for name in names.split()
}
DAYS_MAX: Final = 400
"""Longest time from the first to the last lesson of a row: more than a school year."""
LESSONS_MAX: Final = 200_000
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
LONGEST: Final = 14 * _HOUR
"""Longest lesson over midnight: an end before the start is more often a mistake."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a timetable does not say itself.

    Attributes:
        site: The site.
        zone: Its time zone.
    """

    site: str
    zone: ZoneInfo


def read_timetable(data: bytes, file: str, place: Place) -> Outcome[tuple[LessonRow, ...]]:
    """Read a timetable.

    Args:
        data: The content of the file.
        file: Its name, for remarks.
        place: Where it is, and in which time zone.
    """
    found = read_rows(data, file, COLUMNS, REQUIRED)
    if found.problems and not found.rows:
        return Outcome(None, found.problems, found.notes)
    form = date_form(row[column] for row in found.rows for column in ("from", "until"))
    problems = [*found.problems]
    lessons: dict[str, tuple[Row, LessonRow]] = {}
    for row in found.rows:
        if len(lessons) > LESSONS_MAX:
            problems.append(row.remark("", f"more than {LESSONS_MAX} lessons; divide the file"))
            break
        for lesson in _lessons(row, form, place, problems):
            first, _ = lessons.setdefault(lesson.lesson_id, (row, lesson))
            if first is not row:
                text = f"the same class and start as line {first.line} on {lesson.starts_at:%F}"
                problems.append(row.remark("start", text))
    return outcome(tuple(lesson for _, lesson in lessons.values()), problems, found.notes)


def _lessons(row: Row, form: DateForm, place: Place, problems: list[Remark]) -> Iterator[LessonRow]:
    """Yield the lessons of a row; none if it has a problem."""
    before = len(problems)
    problems += [row.remark(column, "empty") for column in REQUIRED if not row[column]]
    if text := address_problem(row["class"]):
        problems.append(row.remark("class", text))
    days = _weekdays(row, problems)
    first, last = _dates(row, form, problems)
    start, end = (_time(row, column, problems) for column in ("start", "end"))
    if len(problems) > before or start == "24:00":
        if start == "24:00":
            problems.append(row.remark("start", "write 00:00 of the next day"))
        return
    assert first is not None
    assert last is not None
    assert isinstance(start, time)
    dates = [first + _DAY * n for n in range((last - first).days + 1)]
    on = [day for day in dates if not days or day.weekday() in days]
    if not on:
        problems.append(row.remark("days", "no such day from first to last"))
    lessons = [_lesson(row, day, start, end, place) for day in on]
    over_midnight = isinstance(end, time) and end <= start
    if over_midnight and any(one.ends_at - one.starts_at > LONGEST for one in lessons):
        text = f"longer than {LONGEST // _HOUR} hours; is the end before the start?"
        problems.append(row.remark("end", text))
        return
    yield from lessons


def _lesson(row: Row, day: date, start: time, end: time | str | None, place: Place) -> LessonRow:
    starts_at = datetime.combine(day, start, place.zone)
    end_time = end if isinstance(end, time) else time(0)
    is_next_day = end_time <= start
    return LessonRow(
        lesson_id=f"{place.site}/{row['class']}/{day:%Y%m%d}T{start:%H%M}",
        class_title=row["class"],
        room=row["room"],
        site=place.site,
        starts_at=starts_at,
        ends_at=datetime.combine(day + _DAY if is_next_day else day, end_time, place.zone),
        title=row["title"],
    )


def _weekdays(row: Row, problems: list[Remark]) -> frozenset[int]:
    words = plain(row["days"]).split()
    if any(word not in DAYS for word in words):
        problems.append(row.remark("days", 'expected days such as "mon thu" or "lunes jueves"'))
    return frozenset(DAYS[word] for word in words if word in DAYS)


def _dates(row: Row, form: DateForm, problems: list[Remark]) -> tuple[date | None, date | None]:
    """Return the first and the last date; without weekdays the last one is the first."""
    found: list[date | None] = []
    for column in ("from", "until"):
        day = form.parse(row[column]) if row[column] else None
        if isinstance(day, str):
            problems.append(row.remark(column, day))
        found.append(day if isinstance(day, date) else None)
    first, last = found
    if first is None:
        return None, None
    if row["days"] and not row["until"]:
        problems.append(row.remark("until", "empty; a lesson of each week needs its last day"))
    if last is not None and not 0 <= (last - first).days <= DAYS_MAX:
        text = f"expected a date from the first day on, at most {DAYS_MAX} days later"
        problems.append(row.remark("until", text))
    if last is not None and not row["days"] and last != first:
        problems.append(row.remark("days", "empty; name the weekdays of this lesson"))
    return first, last or first


def _time(row: Row, column: str, problems: list[Remark]) -> time | str | None:
    if not row[column]:
        return None
    found = parse_time(row[column])
    if isinstance(found, str) and found != "24:00":
        problems.append(row.remark(column, found))
    return found
