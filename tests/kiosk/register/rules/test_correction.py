"""Who may correct which mark, and what is recorded."""

from datetime import timedelta

import pytest

from kiosk.register.rules.codes import Code
from kiosk.register.rules.correction import (
    Author,
    Change,
    Denial,
    MarkState,
    Outcome,
    Refused,
    Role,
    Stale,
    correct,
    may_change,
    undo,
)
from kiosk.register.rules.lesson import Lesson
from tests.kiosk.register.rules.support import LESSON, SETTINGS, lesson

END = LESSON.ends_at
STATE = MarkState(version=0, derived=Code.ABSENT)


def author(role: Role = Role.TEACHER, hours: float = 1) -> Author:
    return Author(account="t-1", role=role, at=END + timedelta(hours=hours))


def set_code(
    code: Code = Code.PRESENT,
    *,
    of: Lesson = LESSON,
    state: MarkState = STATE,
    seen: int | None = None,
    who: Author | None = None,
    reason: str = " was in the library ",
) -> Outcome:
    version = state.version if seen is None else seen
    return correct(
        of,
        "s-1",
        state,
        code,
        reason,
        seen_version=version,
        author=who or author(),
        settings=SETTINGS,
    )


@pytest.mark.parametrize(
    ("role", "hours", "denial"),
    [
        (Role.TEACHER, -100, None),
        (Role.TEACHER, 47.9, None),
        (Role.TEACHER, 48, Denial.WINDOW),
        (Role.OFFICE, 719.9, None),
        (Role.OFFICE, 720, Denial.WINDOW),
        (Role.ADMINISTRATOR, 99_999, None),
        (Role.TECHNICIAN, 0, Denial.ROLE),
    ],
)
def test_each_role_has_its_time(role: Role, hours: float, denial: Denial | None) -> None:
    """Teachers two days, the office thirty, an administrator always, a technician never."""
    found = may_change(role, LESSON, SETTINGS, END + timedelta(hours=hours))
    assert (found.denial if found else None) == denial


def test_a_change_keeps_what_stood_before() -> None:
    """Who, when, why, before and after; the derived code stays beneath."""
    change = set_code()
    assert isinstance(change, Change)
    assert (change.version, change.reason) == (1, "was in the library")
    assert (change.before, change.before.code) == (STATE, Code.ABSENT)
    assert change.after == MarkState(1, Code.ABSENT, Code.PRESENT)
    assert change.after.code is Code.PRESENT


@pytest.mark.parametrize(
    ("outcome", "denial"),
    [
        (set_code(reason=" \n"), Denial.REASON),
        (set_code(reason="x" * 501), Denial.REASON_TOO_LONG),
        (set_code(Code.NOT_KNOWN), Denial.NOT_KNOWN),
        (set_code(state=MarkState(3, Code.ABSENT, Code.PRESENT)), Denial.UNCHANGED),
        (set_code(of=lesson(is_cancelled=True)), Denial.CANCELLED),
        (set_code(who=author(hours=50)), Denial.WINDOW),
    ],
)
def test_a_change_that_cannot_be_is_refused(outcome: Outcome, denial: Denial) -> None:
    """Each with its reason."""
    assert isinstance(outcome, Refused)
    assert outcome.denial is denial


def test_a_reason_has_500_characters_at_most() -> None:
    """The longest one is kept whole."""
    change = set_code(reason="x" * 500)
    assert isinstance(change, Change)
    assert change.reason == "x" * 500


@pytest.mark.parametrize(
    ("who", "reason", "denial"),
    [
        (author(Role.TECHNICIAN), "mistake", Denial.ROLE),
        (author(hours=50), "mistake", Denial.WINDOW),
        (author(), " ", Denial.REASON),
    ],
)
def test_an_undo_is_refused_as_a_change_is(who: Author, reason: str, denial: Denial) -> None:
    """Who may not change a mark, or gives no reason, takes nothing back."""
    change = set_code()
    assert isinstance(change, Change)
    found = undo(change, LESSON, change.after, who, SETTINGS, reason)
    assert isinstance(found, Refused)
    assert found.denial is denial


def test_a_teacher_may_confirm_what_was_derived() -> None:
    """So that a later event changes it no more."""
    assert isinstance(set_code(Code.ABSENT), Change)


def test_a_stale_page_overwrites_nothing() -> None:
    """It gets what stands now."""
    assert set_code(state=MarkState(2, Code.ABSENT, Code.EXCUSED), seen=1) == Stale(
        MarkState(2, Code.ABSENT, Code.EXCUSED)
    )


def test_undo_returns_to_what_is_derived_now() -> None:
    """An event that arrived meanwhile shows again."""
    change = set_code(Code.EXCUSED)
    assert isinstance(change, Change)
    now = MarkState(1, Code.LATE, Code.EXCUSED)
    undone = undo(change, LESSON, now, author(), SETTINGS, "mistake")
    assert isinstance(undone, Change)
    assert (undone.after, undone.undoes) == (MarkState(2, Code.LATE), 1)
    assert undone.after.code is Code.LATE


def test_only_the_newest_change_can_be_undone() -> None:
    """Somebody else has changed the mark since."""
    change = set_code()
    assert isinstance(change, Change)
    newer = MarkState(2, Code.ABSENT, Code.EXCUSED)
    assert undo(change, LESSON, newer, author(), SETTINGS, "mistake") == Stale(newer)
