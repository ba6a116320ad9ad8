"""Write what a person changes of marks: compare and set, with the rows of the audit trail."""

from collections.abc import Mapping, Sequence

from django.db import transaction

from kiosk.register.audit import append, tell
from kiosk.register.models import Account, Lesson, Mark, MarkChange
from kiosk.register.rules.correction import Change


class Faster(Exception):  # noqa: N818 - the caller tells whose marks are outdated
    """Somebody was faster between reading and writing."""


def write_changes(
    lesson: Lesson,
    wanted: Sequence[Change],
    marks: Mapping[str, Mark],
    account: Account,
    undoes: MarkChange | None,
) -> tuple[MarkChange, ...]:
    """Write changes of one lesson in one transaction, and tell open pages.

    Args:
        lesson: The lesson.
        wanted: The changes; not empty.
        marks: The marks as they were read, by subject id.
        account: Who.
        undoes: The change that these take back.

    Raises:
        Faster: A mark is no longer as it was read; nothing was written.
        django.db.IntegrityError: There was none, and now there is; nothing was written.
    """
    rows = tuple(_row(one, account, undoes, marks.get(one.student_id)) for one in wanted)
    with transaction.atomic():
        for one in wanted:
            _write(one, marks.get(one.student_id))
        append(rows)
        tell("lesson", [lesson.lesson_id], wanted[0].author.at)
    return rows


def _write(change: Change, mark: Mark | None) -> None:
    """Write a mark where it still is as it was read.

    Raises:
        Faster: It is not.
        django.db.IntegrityError: There was none, and now there is.
    """
    values = {
        "status": change.after.code.value,
        "is_corrected": change.after.corrected is not None,
        "version": change.version,
        "updated_at": change.author.at,
    }
    if mark is None:
        derived = change.after.derived.value
        Mark.objects.create(
            lesson_id=change.lesson_id, person_id=change.student_id, derived=derived, **values
        )
        return
    same = Mark.objects.filter(pk=mark.pk, version=mark.version, derived=mark.derived)
    if not same.update(**values):
        raise Faster


def _row(
    change: Change, account: Account, undoes: MarkChange | None, mark: Mark | None
) -> MarkChange:
    """Return the row of the audit trail; with the event's part where the rules' code is back."""
    derived = mark if change.after.corrected is None else None
    return MarkChange(
        lesson_id=change.lesson_id,
        person_id=change.student_id,
        at=change.author.at,
        before=change.before.code.value,
        after=change.after.code.value,
        account=account,
        reason=change.reason,
        version=change.version,
        undoes=undoes,
        minutes_late=derived.minutes_late if derived else None,
        seen_at=derived.event.scanned_at if derived and derived.event else None,
        clock=derived.clock if derived else "",
    )
