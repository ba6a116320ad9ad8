"""Store what a person changes of marks: all chosen rows, or none."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from django.db import IntegrityError, transaction
from django.db.models import Max

from kiosk.register.audit import tell
from kiosk.register.marking.again import derive_following
from kiosk.register.marking.correction_rows import Faster, write_changes
from kiosk.register.marking.facts import lesson_of
from kiosk.register.models import Account, Lesson, Mark, MarkChange, Taken
from kiosk.register.rules.codes import Code
from kiosk.register.rules.correction import (
    Author,
    Change,
    Denial,
    MarkState,
    Refused,
    Role,
    Stale,
    correct,
    undo,
)
from kiosk.register.rules.settings import RuleSettings


@dataclass(frozen=True, slots=True)
class Changed:
    """What was stored: the changes, one for each mark; a mark that had the code already has none.

    Attributes:
        changes: In the order of the students.
    """

    changes: tuple[MarkChange, ...]


@dataclass(frozen=True, slots=True)
class Outdated:
    """Nothing was stored: these marks are not what the page showed.

    Attributes:
        subject_ids: Whose.
    """

    subject_ids: frozenset[str]


Outcome: TypeAlias = Changed | Outdated | Refused


def set_marks(
    lesson: Lesson,
    versions: Mapping[str, int],
    code: Code,
    reason: str,
    *,
    account: Account,
    settings: RuleSettings,
    now: datetime,
) -> Outcome:
    """Set a code for students of a lesson.

    Args:
        lesson: The lesson.
        versions: The version of each student's mark that the page showed, by subject id; 0 without.
        code: The code.
        reason: Why.
        account: Who.
        settings: The rules.
        now: When.
    """
    marks = _marks(lesson, versions)
    wanted: list[Change] = []
    stale: set[str] = set()
    for subject_id, version in sorted(versions.items()):
        outcome = correct(
            lesson_of(lesson),
            subject_id,
            state_of(marks.get(subject_id)),
            code,
            reason,
            seen_version=version,
            author=_author(account, now),
            settings=settings,
        )
        if isinstance(outcome, Refused):
            if outcome.denial is not Denial.UNCHANGED:
                return outcome
        elif isinstance(outcome, Stale):
            stale.add(subject_id)
        else:
            wanted.append(outcome)
    if stale:
        return Outdated(frozenset(stale))
    return _store(lesson, wanted, marks, account, settings)


def undo_change(
    lesson: Lesson,
    change: MarkChange,
    reason: str,
    *,
    account: Account,
    settings: RuleSettings,
    now: datetime,
) -> Outcome:
    """Take back the newest change of a mark, which a person has made; the change itself stays."""
    history = MarkChange.objects.filter(lesson=lesson, person=change.person_id).order_by("id")
    mark = _marks(lesson, [change.person_id]).get(change.person_id)
    before = corrected_before(list(history), change)
    current = state_of(mark)
    made = Change(
        lesson_id=lesson.lesson_id,
        student_id=change.person_id,
        version=change.version,
        before=MarkState(change.version - 1, current.derived, before),
        after=MarkState(change.version, current.derived, Code(change.after)),
        reason=change.reason,
        author=_author(account, change.at),
    )
    outcome = undo(made, lesson_of(lesson), current, _author(account, now), settings, reason)
    if isinstance(outcome, Refused):
        return outcome
    if isinstance(outcome, Stale):
        return Outdated(frozenset([change.person_id]))
    marks = {change.person_id: mark} if mark is not None else {}
    return _store(lesson, [outcome], marks, account, settings, undoes=change)


def undo_changes(
    lesson: Lesson,
    changes: Sequence[MarkChange],
    reason: str,
    *,
    account: Account,
    settings: RuleSettings,
    now: datetime,
) -> Outcome:
    """Take the newest changes of several marks back: all of them, or none."""
    made: list[MarkChange] = []
    with transaction.atomic():
        for one in changes:
            outcome = undo_change(lesson, one, reason, account=account, settings=settings, now=now)
            if not isinstance(outcome, Changed):
                transaction.set_rollback(True)
                return outcome
            made.extend(outcome.changes)
    return Changed(tuple(made))


def corrected_before(history: Sequence[MarkChange], change: MarkChange) -> Code | None:
    """Return what a person had set before a change; ``None`` if the rules' code stood.

    Args:
        history: All changes of the mark, the oldest first.
        change: One of them.
    """
    earlier = [one for one in history if one.pk < change.pk]
    return _corrected_after(earlier, earlier[-1]) if earlier else None


def take(lesson: Lesson, account: Account, now: datetime) -> None:
    """Note that a person has confirmed the register of a lesson as it stands."""
    with transaction.atomic():
        newest = MarkChange.objects.filter(lesson=lesson).aggregate(newest=Max("id"))["newest"]
        Taken.objects.create(lesson=lesson, account=account, at=now, audit_position=newest or 0)
        tell("lesson", [lesson.lesson_id], now)


def state_of(mark: Mark | None) -> MarkState:
    """Return a mark as the rules of corrections see it."""
    if mark is None:
        return MarkState(0, Code.NOT_KNOWN)
    corrected = Code(mark.status) if mark.is_corrected else None
    return MarkState(mark.version, Code(mark.derived), corrected)


def _corrected_after(history: Sequence[MarkChange], change: MarkChange) -> Code | None:
    if change.account_id is None:  # the rules change no mark that a person has set
        return None
    if change.undoes_id is None:
        return Code(change.after)
    undone = next(one for one in history if one.pk == change.undoes_id)
    return corrected_before(history, undone)


def _marks(lesson: Lesson, subject_ids: Collection[str]) -> dict[str, Mark]:
    found = Mark.objects.filter(lesson=lesson, person__in=subject_ids)
    return {one.person_id: one for one in found}


def _author(account: Account, at: datetime) -> Author:
    return Author(account=account.username, role=Role(account.role), at=at)


def _store(
    lesson: Lesson,
    wanted: Sequence[Change],
    marks: Mapping[str, Mark],
    account: Account,
    settings: RuleSettings,
    *,
    undoes: MarkChange | None = None,
) -> Changed | Outdated:
    if not wanted:
        return Changed(())
    students = [one.student_id for one in wanted]
    try:
        rows = write_changes(lesson, wanted, marks, account, undoes)
    except (Faster, IntegrityError):
        return Outdated(frozenset(students))
    derive_following(lesson, students, settings, wanted[0].author.at)
    return Changed(rows)
