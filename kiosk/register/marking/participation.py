"""Open and close participation windows, and tell the kiosks of the room."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from kiosk.protocol.participation import ParticipationWindow as WindowMessage
from kiosk.protocol.participation import encode_window
from kiosk.protocol.topics import PARTICIPATION_WINDOW, KioskAddress
from kiosk.register.audit import tell
from kiosk.register.models import (
    Account,
    Kiosk,
    Lesson,
    ParticipationPoint,
    ParticipationWindow,
    Publication,
)


def open_window(lesson: Lesson, account: Account, now: datetime) -> bool:
    """Open a window; the open one of another lesson in the room is closed.

    Returns:
        Whether it was opened: not if the lesson has one that is open, is over or cancelled.
    """
    if now >= lesson.ends_at or lesson.status != "scheduled":
        return False
    with transaction.atomic():
        # The lock keeps two clicks from opening two windows.
        Lesson.objects.select_for_update().get(pk=lesson.pk)
        in_room = ParticipationWindow.objects.filter(
            closed_at=None, lesson__site=lesson.site, lesson__room=lesson.room
        )
        opened = list(in_room.select_related("lesson"))
        if any(one.lesson_id == lesson.lesson_id for one in opened):
            return False
        for one in opened:
            _close(one, now)
        made = ParticipationWindow.objects.create(lesson=lesson, opened_by=account, opened_at=now)
        _publish(made, now)
        tell("participation", [lesson.lesson_id, *(one.lesson_id for one in opened)], now)
    return True


def close_window(lesson: Lesson, now: datetime) -> bool:
    """Close the open window of a lesson; return whether there was one."""
    with transaction.atomic():
        opened = ParticipationWindow.objects.filter(lesson=lesson, closed_at=None)
        closed = [_close(one, now) for one in opened.select_related("lesson")]
        if any(closed):
            tell("participation", [lesson.lesson_id], now)
    return any(closed)


def close_ended_windows(now: datetime) -> None:
    """Close the windows that were left open until the lesson ended."""
    ended = ParticipationWindow.objects.filter(closed_at=None, lesson__ends_at__lte=now)
    for one in ended.select_related("lesson"):
        with transaction.atomic():
            if _close(one, one.lesson.ends_at):
                tell("participation", [one.lesson_id], now)


def _close(window: ParticipationWindow, now: datetime) -> bool:
    """Close a window, unless somebody else has."""
    window.closed_at = now
    unclosed = ParticipationWindow.objects.filter(pk=window.pk, closed_at=None)
    if not unclosed.update(closed_at=now):
        return False
    _publish(window, now)
    return True


def _publish(window: ParticipationWindow, now: datetime) -> None:
    """Have the ingest tell every kiosk of the room."""
    lesson = window.lesson
    payload = encode_window(
        WindowMessage(
            window=window.pk,
            state="open" if window.closed_at is None else "closed",
            session=lesson.lesson_id,
            opened_at=window.opened_at.isoformat(timespec="milliseconds"),
            closes_at=lesson.ends_at.isoformat(timespec="milliseconds"),
        )
    )
    kiosks = Kiosk.objects.filter(site=lesson.site, room=lesson.room)
    Publication.objects.bulk_create(
        Publication(
            topic=KioskAddress(one.site, one.room, one.kiosk).topic(PARTICIPATION_WINDOW),
            payload=payload,
            retain=True,
            made_at=now,
        )
        for one in kiosks.order_by("kiosk")
    )


def give_points(
    lesson: Lesson,
    subject_ids: Iterable[str],
    points: int,
    reason: str,
    *,
    account: Account,
    now: datetime,
) -> int:
    """Give students a point by hand, or take one back; return how many have been changed.

    Args:
        lesson: The lesson.
        subject_ids: Whose.
        points: 1, or -1 to take one back: who has none keeps none.
        reason: Why.
        account: Who.
        now: When.
    """
    with transaction.atomic():
        Lesson.objects.select_for_update().get(pk=lesson.pk)
        totals = ParticipationPoint.objects.filter(lesson=lesson).values("person_id")
        have = {one["person_id"]: one["total"] for one in totals.annotate(total=Sum("points"))}
        rows = [
            ParticipationPoint(
                lesson=lesson, person_id=one, points=points, at=now, account=account, reason=reason
            )
            for one in sorted(set(subject_ids))
            if have.get(one, 0) + points >= 0
        ]
        ParticipationPoint.objects.bulk_create(rows)
        tell("participation", [lesson.lesson_id] if rows else [], now)
    return len(rows)
