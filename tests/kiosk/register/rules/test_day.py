"""Half-days, days, rates and absences in a row."""

from datetime import date, time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.register.rules.codes import CODES, Code
from kiosk.register.rules.day import LessonCode, combine, consecutive_absences, rate, roll_up
from tests.kiosk.register.rules.support import at

P, L, A, E = Code.PRESENT, Code.LATE, Code.ABSENT, Code.EXCUSED
LEFT, OFF, EXEMPT, OPEN = Code.LEFT_EARLY, Code.OFF_SITE, Code.EXEMPT, Code.NOT_KNOWN


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], None),
        ([P, P], P),
        ([P, OPEN], OPEN),
        ([A, A], A),
        ([A, E], A),
        ([E, E], E),
        ([E, P], P),
        ([L, P], L),
        ([P, L], P),
        ([A, P], L),
        ([P, A, P], P),
        ([P, A], LEFT),
        ([P, LEFT], LEFT),
        ([OFF, OFF], OFF),
        ([EXEMPT, EXEMPT], EXEMPT),
        ([EXEMPT, A], A),
    ],
)
def test_lessons_make_one_code(codes: list[Code], expected: Code | None) -> None:
    """First and last lesson decide, unless all are the same or one is not known."""
    assert combine(codes) is expected


@given(st.lists(st.sampled_from(Code), min_size=1, max_size=6))
def test_a_day_is_absent_exactly_when_nothing_was_attended(codes: list[Code]) -> None:
    """Whatever the lessons, one attended lesson makes a day that counts as present."""
    code = combine(codes)
    assert code is not None
    if code is OPEN:
        assert OPEN in codes
    elif code is not EXEMPT:
        assert CODES[code].counts_present == any(CODES[one].counts_present for one in codes)


def test_noon_divides_the_day() -> None:
    """The morning missed is half a day absent."""
    hours = [("08:00", A), ("11:59", A), ("12:00", P), ("13:00", OPEN)]
    found = roll_up([LessonCode(at(clock), code) for clock, code in hours], time(12))
    assert (found.code, found.morning, found.afternoon) == (OPEN, A, OPEN)
    assert found.half_days_absent() == 1
    noon = roll_up([LessonCode(at("12:00"), P)], time(12))
    assert (noon.morning, noon.afternoon) == (None, P)


def test_a_day_without_lessons_is_nothing() -> None:
    """It counts neither as attended nor as missed."""
    found = roll_up([], time(12))
    assert (found.code, found.half_days_absent()) == (None, 0)


def test_a_rate_counts_only_what_counts() -> None:
    """Excused, exempt and not known lessons are not held against anybody."""
    found = rate([P, L, A, E, EXEMPT, OPEN, OFF])
    assert (found.attended, found.counted, found.value) == (3, 4, Fraction(3, 4))
    assert rate([E]).value is None


def test_absences_in_a_row_end_with_a_day_at_school() -> None:
    """What is not known neither ends the row nor adds to it."""
    days = [(date(2026, 11, n), code) for n, code in enumerate([A, P, A, OPEN, EXEMPT, E, A], 1)]
    found = consecutive_absences(days)
    assert (found.days, found.since) == (3, date(2026, 11, 3))
    assert consecutive_absences([*days, (date(2026, 11, 20), L)]).days == 0
