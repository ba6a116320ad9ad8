"""A timetable as one plain CSV."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kiosk.register.imports.outcome import Outcome
from kiosk.register.imports.records import LessonRow
from kiosk.register.imports.timetable_csv import Place, read_timetable

MEXICO = Place("centro", ZoneInfo("America/Mexico_City"))
TIJUANA = Place("tijuana", ZoneInfo("America/Tijuana"))
HEADER = "class,room,title,days,start,end,from,until\n"


def read(rows: str, place: Place = MEXICO) -> Outcome[tuple[LessonRow, ...]]:
    text = rows if "\n" in rows else HEADER + rows
    return read_timetable(text.encode(), "week.csv", place)


def lessons(rows: str, place: Place = MEXICO) -> tuple[LessonRow, ...]:
    found = read(rows, place)
    assert found.problems == ()
    assert found.content is not None
    return found.content


def test_a_row_is_the_lesson_of_each_week() -> None:
    """First and last day are included."""
    found = lessons("10B,107,Maths,mon thu,08:00,08:45,2026-11-23,2026-11-30")
    assert [one.starts_at.isoformat() for one in found] == [
        "2026-11-23T08:00:00-06:00",
        "2026-11-26T08:00:00-06:00",
        "2026-11-30T08:00:00-06:00",
    ]
    assert found[0] == LessonRow(
        lesson_id="centro/10B/20261123T0800",
        class_title="10B",
        room="107",
        site="centro",
        starts_at=datetime(2026, 11, 23, 14, tzinfo=UTC),
        ends_at=datetime(2026, 11, 23, 14, 45, tzinfo=UTC),
        title="Maths",
    )


@pytest.mark.parametrize(
    ("start", "end", "last"),
    [
        ("23:30", "24:00", "2026-11-24T00:00:00-06:00"),
        ("23:30", "00:30", "2026-11-24T00:30:00-06:00"),
        ("8:00", "8:45", "2026-11-23T08:45:00-06:00"),
        ("08:00:00", "12:45 p. m.", "2026-11-23T12:45:00-06:00"),
        ("12:15 AM", "1:00 am", "2026-11-23T01:00:00-06:00"),
    ],
)
def test_the_end_may_be_on_the_next_day(start: str, end: str, last: str) -> None:
    """A lesson over midnight, one up to 24:00, and hours as Excel writes them."""
    (found,) = lessons(f"10B,107,,,{start},{end},2026-11-23,")
    assert found.ends_at.isoformat() == last


def test_a_lesson_keeps_its_hour_where_there_is_daylight_saving() -> None:
    """Tijuana's clocks go back on 1 November 2026."""
    row = "10B,107,,sat sun,08:00,08:45,2026-10-31,2026-11-01"
    before, after = lessons(row, TIJUANA)
    assert (before.starts_at.hour, after.starts_at.hour) == (8, 8)
    gap = after.starts_at.astimezone(UTC) - before.starts_at.astimezone(UTC)
    assert gap == timedelta(hours=25)


def test_spanish_columns_and_days_are_read() -> None:
    """As a school in Mexico writes them."""
    text = "Grupo;Salón;Materia;Días;Inicio;Fin;Desde;Hasta\n10B;107;Mate;lunes, mié;8:00;8:45;"
    found = lessons(f"{text}23/11/2026;25/11/2026\n")
    assert [one.starts_at.day for one in found] == [23, 25]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("7/..,107,,,08:00,08:45,2026-11-23,", 'week.csv:2: class: has the part "." or ".."'),
        ("10B,,,mon,08:00,08:45,2026-11-23,2026-11-30", "week.csv:2: room: empty"),
        ("10B,107,,moon,08:00,08:45,2026-11-23,2026-11-30", "week.csv:2: days: expected days"),
        ("10B,107,,mon,8h,08:45,2026-11-23,2026-11-30", "week.csv:2: start: expected a time"),
        ("10B,107,,mon,08:00,25:00,2026-11-23,2026-11-30", "week.csv:2: end: no such time"),
        ("10B,107,,,24:00,00:45,2026-11-23,", "week.csv:2: start: write 00:00 of the next day"),
        ("10B,107,,mon,08:00,07:00,2026-11-23,2026-11-30", "week.csv:2: end: longer than 14 hours"),
        ("10B,107,,mon,08:00,08:45,2026-11-23,", "week.csv:2: until: empty; a lesson of each"),
        ("10B,107,,mon,08:00,08:45,2026-11-23,2029-11-23", "week.csv:2: until: expected a date"),
        ("10B,107,,,08:00,08:45,2026-11-23,2026-11-24", "week.csv:2: days: empty; name the"),
        ("10B,107,,sun,08:00,08:45,2026-11-23,2026-11-24", "week.csv:2: days: no such day"),
        (
            f"{HEADER}10B,107,,,08:00,08:45,2026-11-23,\n10B,9,,mon,08:00,09:00,2026-11-16,2026-11-30\n",
            "week.csv:3: start: the same class and start as line 2 on 2026-11-23",
        ),
    ],
)
def test_a_mistake_is_named_by_its_line(row: str, expected: str) -> None:
    """And nothing of the file is read."""
    found = read(row)
    assert found.content is None
    assert [str(one)[: len(expected)] for one in found.problems] == [expected]
