"""Write what was derived, if what it was derived from still stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from kiosk.register.audit import append, tell
from kiosk.register.marking.deriving import Derived
from kiosk.register.marking.events import Seen
from kiosk.register.marking.facts import Facts, MarkKey
from kiosk.register.models import Event, Mark, MarkChange, ParticipationPoint
from kiosk.register.models.placing import NEW, PLACED
from kiosk.register.rules import mark as rules
from kiosk.register.rules.codes import Code


class Overtaken(Exception):  # noqa: N818 - nobody's error: the next attempt reads what stands now
    """Another instance, or a person, has changed a mark meanwhile."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written.

    Attributes:
        lessons: Ids of the lessons whose marks differ from before.
        changes: What was appended to the audit trail.
    """

    lessons: frozenset[str]
    changes: tuple[MarkChange, ...]


def save(derived: Derived, facts: Facts, now: datetime) -> None:
    """Write marks, points, places of events, and tell open pages; the caller holds a transaction.

    Raises:
        Overtaken: Something else has written one of the marks; the transaction must be undone.
        django.db.IntegrityError: So has another instance, or a lesson is gone.
    """
    saved = save_marks(derived.marks, facts, now)
    _take_back_points(derived)
    points = [
        ParticipationPoint(
            lesson_id=one.lesson_id,
            person_id=one.subject_id,
            event_id=one.event.key,
            at=one.event.scan.scanned_at,
        )
        for one in derived.points
    ]
    ParticipationPoint.objects.bulk_create(points, ignore_conflicts=True)
    of_placing: dict[str, list[int]] = {}
    for key, placing in derived.placings.items():
        of_placing.setdefault(placing, []).append(key)
    for placing, keys in sorted(of_placing.items()):
        Event.objects.filter(pk__among=keys, placing=NEW).update(placing=placing)
    tell("lesson", saved.lessons, now)
    tell("participation", {one.lesson_id for one in derived.points}, now)
    tell("bin", [""] if set(of_placing) - {PLACED} else [], now)


def _take_back_points(derived: Derived) -> None:
    """Delete the points of events that belong to another lesson, or student, than until now."""
    owners = {one.event.key: (one.lesson_id, one.subject_id) for one in derived.points}
    stored = ParticipationPoint.objects.filter(event__in=derived.participations)
    gone = [
        one.pk
        for one in stored
        if one.event_id is not None and owners.get(one.event_id) != (one.lesson_id, one.person_id)
    ]
    ParticipationPoint.objects.filter(pk__in=gone).delete()


def save_marks(
    wanted: Mapping[MarkKey, rules.Mark], facts: Facts, now: datetime, reason: str = ""
) -> Saved:
    """Write marks that differ from those stored, with the changes.

    Args:
        wanted: What each mark must say.
        facts: What it was derived from.
        now: When.
        reason: Why, if a person asked for it.

    Raises:
        Overtaken: As :func:`save`.
    """
    seen = {one.scan.event_id: one for events in facts.seen.values() for one in events}
    made: list[Mark] = []
    changes: list[MarkChange] = []
    touched: set[str] = set()
    for (lesson_id, subject_id), want in sorted(wanted.items()):
        before = facts.marks.get((lesson_id, subject_id))
        event = seen.get(want.event_id or "")
        key = event.key if event is not None else None
        if (
            (key is None and want.code is Code.NOT_KNOWN)
            if before is None
            else (_is_same(before, want, key, _clock(event)))
        ):
            continue
        after = _next(lesson_id, subject_id, before, want, now)
        after.event_id = key
        after.clock = _clock(event)
        touched.add(lesson_id)
        if before is None:
            made.append(after)
        else:
            _replace(before, after)
        if not after.is_corrected:
            changes.append(_change(before, after, event, reason))
    Mark.objects.bulk_create(made)
    append(changes)
    return Saved(frozenset(touched), tuple(changes))


def _is_same(mark: Mark, want: rules.Mark, event: int | None, clock: str) -> bool:
    have = (mark.derived, mark.rule, mark.minutes_late, mark.event_id, mark.clock)
    return have == (want.code.value, want.rule.value, want.minutes_late, event, clock)


def _next(
    lesson_id: str, subject_id: str, before: Mark | None, want: rules.Mark, now: datetime
) -> Mark:
    """Return the mark as it must be; a correction stays, and the version counts what is shown."""
    is_corrected = before is not None and before.is_corrected
    status = before.status if before is not None and is_corrected else want.code.value
    version = before.version if before is not None else 0
    shown = before.status if before is not None else Code.NOT_KNOWN.value
    return Mark(
        pk=before.pk if before is not None else None,
        lesson_id=lesson_id,
        person_id=subject_id,
        status=status,
        derived=want.code.value,
        rule=want.rule.value,
        is_corrected=is_corrected,
        minutes_late=want.minutes_late,
        version=version + (status != shown),
        updated_at=now,
    )


def _replace(before: Mark, after: Mark) -> None:
    """Write a mark, if it is still as it was read.

    Raises:
        Overtaken: It is not.
    """
    columns = ("status", "derived", "rule", "minutes_late", "event_id", "clock")
    values = {name: getattr(after, name) for name in (*columns, "version", "updated_at")}
    same = {name: getattr(before, name) for name in ("derived", "rule", "event_id", "version")}
    if not Mark.objects.filter(pk=before.pk, is_corrected=before.is_corrected, **same).update(
        **values
    ):
        raise Overtaken


def _change(before: Mark | None, after: Mark, event: Seen | None, reason: str) -> MarkChange:
    return MarkChange(
        lesson_id=after.lesson_id,
        person_id=after.person_id,
        at=after.updated_at,
        before=before.status if before is not None else Code.NOT_KNOWN.value,
        after=after.status,
        rule=after.rule,
        minutes_late=after.minutes_late,
        seen_at=event.scan.scanned_at if event is not None else None,
        clock=after.clock,
        reason=reason,
        version=after.version,
    )


def _clock(event: Seen | None) -> str:
    if event is None:
        return ""
    if event.first_at is not None:
        return "corrected"
    return "synchronised" if event.scan.clock_is_synchronised else "unsynchronised"
