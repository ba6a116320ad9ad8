"""To which lesson an event belongs."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.register.rules.lesson import Lesson, Membership, Scan
from kiosk.register.rules.placement import Misfit, Placed, Placement, Unplaced, place
from kiosk.register.rules.settings import RuleSettings
from tests.kiosk.register.rules.support import BOTH_WAYS, SETTINGS, at, lesson, scan

FIRST = lesson("08:00", "08:45", "maths")
NEXT = lesson("08:45", "09:30", "art")


def placed(one: Scan, *lessons: Lesson, settings: RuleSettings = SETTINGS) -> Placement:
    return place(one, "107", lessons, settings)


def test_the_session_that_the_kiosk_wrote_decides() -> None:
    """Of two lessons whose times fit, it is the named one."""
    both = (FIRST, lesson("08:00", "08:45", "choir"))
    assert placed(scan("08:10", session="2026-11-25/choir"), *both) == Placed("choir", "session")
    assert placed(scan("08:10", session="2026-11-25/maths"), *both) == Placed("maths", "session")


def test_without_a_known_session_room_and_time_decide() -> None:
    """A kiosk without a timetable writes "day"."""
    assert placed(scan("08:10", session="2026-11-25/day"), FIRST) == Placed("maths", "time")
    elsewhere = lesson(room="201")
    assert placed(scan("08:10"), elsewhere) == Unplaced(Misfit.NO_LESSON)


def test_the_running_lesson_has_an_event_before_the_next() -> None:
    """At 08:40 the first lesson runs, and the next one may be arrived for."""
    assert placed(scan("08:40"), NEXT, FIRST) == Placed("maths", "time")
    assert placed(scan("08:40"), NEXT) == Placed("art", "time")
    assert placed(scan("08:45"), NEXT, FIRST) == Placed("art", "time")


def test_the_time_before_a_lesson_is_limited() -> None:
    """The window begins ten minutes before, and ends with the lesson."""
    assert placed(scan("07:50"), FIRST) == Placed("maths", "time")
    assert placed(scan("07:49:59"), FIRST) == Unplaced(Misfit.NO_LESSON)
    assert placed(scan("08:45"), FIRST) == Unplaced(Misfit.NO_LESSON)


def test_who_leaves_leaves_the_lesson_that_ended() -> None:
    """An event of leaving does not make somebody early for the next lesson."""
    out = scan("08:47", direction="left")
    later = lesson("08:50", "09:30", "art")
    assert placed(out, FIRST, later, settings=BOTH_WAYS) == Placed("maths", "time")
    assert placed(out, FIRST, later) == Placed("art", "time")


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("07:59:59", Unplaced(Misfit.NO_LESSON)),
        ("08:00", Placed("maths", "time")),
        ("08:59:59", Placed("maths", "time")),
        ("09:00", Unplaced(Misfit.NO_LESSON)),
    ],
)
def test_who_leaves_was_in_the_lesson(clock: str, expected: Placed | Unplaced) -> None:
    """From its start until fifteen minutes after its end."""
    assert placed(scan(clock, direction="left"), FIRST, settings=BOTH_WAYS) == expected


def test_of_several_running_lessons_the_newest_has_the_event() -> None:
    """A lesson runs from its first minute on, and does not run in the minute of its end."""
    assert placed(scan("08:20"), FIRST, lesson("08:20", "09:00", "choir")) == Placed(
        "choir", "time"
    )
    out = scan("08:45", direction="left")
    block = lesson("07:30", "09:30", "block")
    assert placed(out, FIRST, block, settings=BOTH_WAYS) == Placed("block", "time")


def test_a_moved_lesson_has_its_new_time() -> None:
    """The kiosk's old timetable names the lesson, but it takes place later."""
    moved = lesson("12:00", "12:45", "maths")
    said = scan("08:10", session="2026-11-25/maths")
    assert placed(said, moved) == Unplaced(Misfit.MOVED)
    assert placed(said, moved, lesson("08:00", "08:45", "art")) == Placed("art", "time")


def test_a_cancelled_lesson_takes_no_event() -> None:
    """The reason says so."""
    assert placed(scan("08:10"), lesson(is_cancelled=True)) == Unplaced(Misfit.CANCELLED)
    for other in (lesson(room="201", is_cancelled=True), replace(NEXT, is_cancelled=True)):
        assert placed(scan("08:10"), other) == Unplaced(Misfit.NO_LESSON)


def test_a_session_that_no_lesson_has_was_not_moved() -> None:
    """The kiosk named the day, and there is no lesson now."""
    assert placed(scan("12:00", session="2026-11-25/day"), FIRST) == Unplaced(Misfit.NO_LESSON)


def test_a_time_of_a_wrong_clock_in_no_lesson_is_said_to_be_one() -> None:
    """A kiosk that starts without a network may believe any date."""
    assert placed(scan("03:00", trusted=False), FIRST) == Unplaced(Misfit.CLOCK)


clocks = st.builds("{:02}:{:02}".format, st.integers(0, 22), st.integers(0, 59))


@given(clocks, st.permutations([FIRST, NEXT, lesson("08:20", "09:00", "choir")]))
def test_the_order_of_the_lessons_does_not_matter(clock: str, order: list[Lesson]) -> None:
    """The same event goes to the same lesson, however the lessons are listed."""
    assert placed(scan(clock), *order) == placed(scan(clock), *order[::-1])


def test_a_list_is_that_of_the_lessons_date() -> None:
    """Who joins the class on the day after has no mark; who left it before has none either."""
    before, day, after = (at("08:00", f"2026-11-{n}").date() for n in (24, 25, 26))
    assert Membership().covers(day)
    assert Membership(begin=day, end=day).covers(day)
    assert not Membership(begin=after).covers(day)
    assert not Membership(end=before).covers(day)
