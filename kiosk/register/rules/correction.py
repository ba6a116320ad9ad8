"""Corrections: who may change which mark, and the record of a change.

The derived mark stays beneath a correction, and shows again when the correction is undone. A change
names the version of the mark that the person saw: if somebody else was quicker, nothing is
overwritten.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from kiosk.register.rules.codes import Code
from kiosk.register.rules.lesson import Lesson
from kiosk.register.rules.settings import RuleSettings

REASON_MAX: Final = 500


class Role(StrEnum):
    """What an account may do; :mod:`kiosk.register.web.access` decides by it."""

    ADMINISTRATOR = "administrator"
    OFFICE = "office"
    TEACHER = "teacher"
    TECHNICIAN = "technician"


class Denial(StrEnum):
    """Why a change is refused."""

    ROLE = "this account may not correct marks"
    WINDOW = "the time to correct this lesson is over"
    CANCELLED = "the lesson is cancelled and has no marks"
    REASON = "a reason is needed"
    REASON_TOO_LONG = "the reason is too long"
    UNCHANGED = "the mark has this code already"
    NOT_KNOWN = "undo the correction to return to what the kiosks say"


@dataclass(frozen=True, slots=True)
class Refused:
    """A change that is not made.

    Attributes:
        denial: Why.
        until: When the time to correct ended; only for :attr:`Denial.WINDOW`.
    """

    denial: Denial
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class MarkState:
    """What stands for a student in a lesson.

    Attributes:
        version: Grows by one with each change; 0 without any.
        derived: The code that the rules derived.
        corrected: The code that a person set; ``None`` without a correction.
    """

    version: int
    derived: Code
    corrected: Code | None = None

    @property
    def code(self) -> Code:
        """The code that is shown and counted."""
        return self.derived if self.corrected is None else self.corrected


@dataclass(frozen=True, slots=True)
class Stale:
    """Somebody else changed the mark meanwhile; the page shows what stands now."""

    current: MarkState


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who makes a change, and when.

    Attributes:
        account: The signed-in account.
        role: Its role.
        at: The current time, aware.
    """

    account: str
    role: Role
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of one mark, to be appended and never altered.

    Attributes:
        lesson_id: The lesson.
        student_id: The student.
        version: The version that the change makes.
        before: What stood before it.
        after: What stands after it.
        reason: Why, in the author's words.
        author: Who, as which role, and when.
        undoes: The version that it takes back; ``None`` for a change of its own.
    """

    lesson_id: str
    student_id: str
    version: int
    before: MarkState
    after: MarkState
    reason: str
    author: Author
    undoes: int | None = None


Outcome: TypeAlias = Change | Stale | Refused


def may_change(role: Role, lesson: Lesson, settings: RuleSettings, now: datetime) -> Refused | None:
    """Return why a role may not change the marks of a lesson now; ``None`` if it may.

    A mark may be set before the lesson: somebody may be excused in advance.
    """
    if role is Role.TECHNICIAN:
        return Refused(Denial.ROLE)
    if lesson.is_cancelled:
        return Refused(Denial.CANCELLED)
    until = window_ends(role, lesson, settings)
    return Refused(Denial.WINDOW, until) if until is not None and now >= until else None


def window_ends(role: Role, lesson: Lesson, settings: RuleSettings) -> datetime | None:
    """Return until when a role may correct a lesson; ``None`` for without end."""
    time = correction_time(role, settings)
    return None if time is None else lesson.ends_at + time


def correction_time(role: Role, settings: RuleSettings) -> timedelta | None:
    """Return for how long after a lesson a role may correct it; ``None`` for without end."""
    hours = {Role.TEACHER: settings.correction_teacher_h, Role.OFFICE: settings.correction_office_h}
    return timedelta(hours=hours[role]) if role in hours else None


def correct(
    lesson: Lesson,
    student_id: str,
    current: MarkState,
    code: Code,
    reason: str,
    *,
    seen_version: int,
    author: Author,
    settings: RuleSettings,
) -> Outcome:
    """Return the change that sets a code, or why there is none.

    Args:
        lesson: The lesson.
        student_id: The student, who is expected in it.
        current: What stands now; the caller reads it in the transaction that stores the change.
        code: The new code.
        reason: Why.
        seen_version: The version that the author's page showed.
        author: Who and when.
        settings: The rules.
    """
    refused = may_change(author.role, lesson, settings, author.at) or _wording(reason)
    if refused is not None:
        return refused
    if seen_version != current.version:
        return Stale(current)
    if code is Code.NOT_KNOWN:
        return Refused(Denial.NOT_KNOWN)
    if code is current.corrected:
        return Refused(Denial.UNCHANGED)
    return _change(lesson, student_id, current, code, reason, author)


def undo(
    change: Change,
    lesson: Lesson,
    current: MarkState,
    author: Author,
    settings: RuleSettings,
    reason: str,
) -> Outcome:
    """Return the change that takes another one back, or why there is none.

    Only the newest change of a mark can be taken back; what the rules derived meanwhile stays.
    """
    refused = may_change(author.role, lesson, settings, author.at) or _wording(reason)
    if refused is not None:
        return refused
    if change.version != current.version:
        return Stale(current)
    return _change(
        lesson,
        change.student_id,
        current,
        change.before.corrected,
        reason,
        author,
        undoes=change.version,
    )


def _wording(reason: str) -> Refused | None:
    if not reason.strip():
        return Refused(Denial.REASON)
    return Refused(Denial.REASON_TOO_LONG) if len(reason.strip()) > REASON_MAX else None


def _change(
    lesson: Lesson,
    student_id: str,
    current: MarkState,
    corrected: Code | None,
    reason: str,
    author: Author,
    *,
    undoes: int | None = None,
) -> Change:
    version = current.version + 1
    return Change(
        lesson_id=lesson.lesson_id,
        student_id=student_id,
        version=version,
        before=current,
        after=MarkState(version, current.derived, corrected),
        reason=reason.strip(),
        author=author,
        undoes=undoes,
    )
