"""A student's day: events go to lessons, and who stays in a room is carried over."""

from kiosk.register.rules.codes import Code
from kiosk.register.rules.lesson import Lesson, Scan
from kiosk.register.rules.mark import Mark, Rule
from kiosk.register.rules.settings import RuleSettings
from kiosk.register.rules.student import derive_day
from tests.kiosk.register.rules.support import BOTH_WAYS, SETTINGS, at, door, lesson, scan

DOUBLE = (lesson("08:00", "08:45", "maths"), lesson("08:45", "09:30", "art"))
LATER = lesson("10:00", "10:45", "choir")
DOORS = {"107": (door("12:00"),)}


def day(
    *scans: Scan,
    lessons: tuple[Lesson, ...] = (*DOUBLE, LATER),
    settings: RuleSettings = SETTINGS,
    corrected: dict[str, Code] | None = None,
) -> dict[str, Mark]:
    seen = [("107", one) for one in scans]
    return derive_day(lessons, seen, DOORS, settings, at("12:00"), corrected=corrected or {})


def rules(found: dict[str, Mark]) -> list[str]:
    return [one.rule.value for one in found.values()]


def test_one_event_serves_a_double_lesson_and_not_the_one_after_the_break() -> None:
    """After a break everybody passes the door again."""
    assert rules(day(scan("07:58"))) == [Rule.IN_WINDOW, Rule.CARRIED_OVER, Rule.NOT_SEEN]


def test_an_event_counts_in_one_lesson_only() -> None:
    """At 08:40 the first lesson runs; the student is late there and stays for the second."""
    found = day(scan("08:40", "e"))
    assert rules(found)[:2] == [Rule.LATE, Rule.CARRIED_OVER]


def test_what_a_teacher_corrects_decides_who_stays() -> None:
    """Somebody else's face was taken for the student's."""
    found = day(scan("07:58"), corrected={"maths": Code.ABSENT})
    assert found["art"].code is Code.ABSENT


def test_who_left_after_the_lesson_does_not_stay() -> None:
    """At a door that counts both ways."""
    lessons = (DOUBLE[0], lesson("08:50", "09:30", "art"))
    out = scan("08:46", direction="left")
    assert rules(day(scan("07:58"), out, lessons=lessons, settings=BOTH_WAYS)) == [
        Rule.IN_WINDOW,
        Rule.NOT_SEEN,
    ]


def test_an_event_without_a_clock_leaves_every_lesson_open() -> None:
    """It may be of each of them; in the other room it is of none."""
    found = day(scan("03:00", "e", trusted=False, arrived="12:00"))
    assert set(rules(found)) == {Rule.CLOCK_UNKNOWN}
    elsewhere = lesson("08:00", "08:45", "gym", room="gym")
    seen = [("107", scan("03:00", trusted=False, arrived="12:00"))]
    doors = {"gym": (door("12:00"),)}
    other = derive_day([elsewhere], seen, doors, SETTINGS, at("12:00"))
    assert rules(other) == [Rule.NOT_SEEN]


def test_a_cancelled_lesson_has_no_mark_and_ends_no_stay() -> None:
    """Its event is in no mark."""
    found = day(scan("08:05", "e"), lessons=(lesson(is_cancelled=True),))
    assert found == {}
