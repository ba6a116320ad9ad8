"""Three students of one lesson."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from kiosk.register.exports.records import Line, Stamp
from kiosk.register.rules.codes import Code

ZONE = ZoneInfo("America/Mexico_City")
STAMP = Stamp("r-1", "1234-5-20261125T150000Z", "10B: 25/11/2026")
DAY = date(2026, 11, 25)


def line(name: str = "Ada", code: Code = Code.PRESENT, **changed: object) -> Line:
    facts: dict[str, Any] = {
        "class_id": "10B",
        "class_title": "10B",
        "lesson_id": "maths",
        "lesson_title": "Maths",
        "date": DAY,
        "starts_at": datetime(2026, 11, 25, 8, tzinfo=ZONE),
        "ends_at": datetime(2026, 11, 25, 8, 45, tzinfo=ZONE),
        "room": "107",
        "student_id": f"s-{name}",
        "name": name,
        "code": code,
    }
    return Line(**{**facts, **changed})


LATE = line(
    "Bob",
    Code.LATE,
    derived=Code.LATE,
    rule="late.after",
    minutes_late=12,
    arrived_at=datetime(2026, 11, 25, 8, 11, 30, tzinfo=ZONE),
    is_clock_trusted=True,
)
EXCUSED = line(
    "Cy",
    Code.EXCUSED,
    sis_id="1041",
    derived=Code.ABSENT,
    rule="absent.lesson-over-and-complete",
    corrected_by="office",
    corrected_at=datetime(2026, 11, 25, 9, tzinfo=ZONE),
    reason="dentist",
    points=2,
)
LINES = (line(), LATE, EXCUSED)
