"""Delete what the school need not keep any longer, in the order of the schedule.

1. Marks: marks, their changes, points, windows and confirmations of lessons before a day. The
   lesson itself names nobody and stays, so that no timetable makes it again and no sweep marks it.
2. Events: events and alarms that arrived, and were scanned, before a day, and messages in the bin.
   What the marker has not looked at stays. Their numbers stay confirmed.

Students, classes, cards and consents stay: ``kiosk register erase`` deletes a person.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from kiosk.register.config import RetentionSection
from kiosk.register.models import (
    Alarm,
    BinEntry,
    Event,
    Mark,
    MarkChange,
    ParticipationPoint,
    ParticipationWindow,
    RetentionRun,
    Taken,
)
from kiosk.register.models.placing import NEW

_BATCH: Final = 1_000
"""Rows of one transaction: others write in between."""


@dataclass(frozen=True, slots=True)
class Step:
    """Rows of one table that are due.

    Attributes:
        table: The table, in words of the receipt.
        before: Everything before this day is due.
        rows: The rows.
    """

    table: str
    before: date
    rows: QuerySet[Any]


def plan(section: RetentionSection, zone: ZoneInfo, now: datetime) -> list[Step]:
    """Return what is due, in the order in which it is deleted; reads nothing yet.

    Args:
        section: How many days are kept; 0 keeps everything.
        zone: The time zone of the days.
        now: The current time, UTC.
    """
    today = now.astimezone(zone).date()
    steps: list[Step] = []
    if section.marks_days:
        first = today - timedelta(days=section.marks_days)
        tables: dict[str, QuerySet[Any]] = {
            "markchange": MarkChange.objects.all(),
            "mark": Mark.objects.all(),
            "participationpoint": ParticipationPoint.objects.all(),
            "participationwindow": ParticipationWindow.objects.all(),
            "taken": Taken.objects.all(),
        }
        steps += [
            Step(name, first, rows.filter(lesson__date__lt=first)) for name, rows in tables.items()
        ]
    if section.events_days:
        first = today - timedelta(days=section.events_days)
        begin = datetime.combine(first, time.min, zone)
        events = Event.objects.filter(scanned_at__lt=begin, arrived_at__lt=begin)
        steps.append(Step("event", first, events.exclude(placing=NEW)))
        steps.append(Step("alarm", first, Alarm.objects.filter(arrived_at__lt=begin)))
        steps.append(Step("binentry", first, BinEntry.objects.filter(arrived_at__lt=begin)))
    return steps


def delete(steps: list[Step], now: datetime) -> RetentionRun:
    """Delete the rows of all steps; return the receipt."""
    run = begin(steps, now)
    for _ in deleting(steps, run):
        pass
    return run


def begin(steps: list[Step], now: datetime) -> RetentionRun:
    """Store the receipt, with nothing deleted yet."""
    before = json.dumps({one.table: str(one.before) for one in steps})
    return RetentionRun.objects.create(at=now, counts="{}", before=before)


def deleting(steps: list[Step], run: RetentionRun) -> Iterator[int]:
    """Delete the rows of all steps in batches; yield how many rows each had.

    The receipt is written with the rows: after a power cut it says what was deleted until then.
    """
    counts: Counter[str] = Counter()
    for step in steps:
        while count := _delete_some(step, counts, run):
            counts[step.table] += count
            yield count


def _delete_some(step: Step, counts: Counter[str], run: RetentionRun) -> int:
    with transaction.atomic():
        keys = list(step.rows.order_by("pk").values_list("pk", flat=True)[:_BATCH])
        if not keys:
            return 0
        if step.rows.model is MarkChange:  # a change that undoes another one protects it
            MarkChange.objects.filter(undoes__in=keys).update(undoes=None)
        count: int = len(keys)
        step.rows.filter(pk__in=keys).delete()
        run.counts = json.dumps({**counts, step.table: counts[step.table] + count})
        run.save(update_fields=["counts"])
    return count


def events_kept_from() -> date | None:
    """Return the day before which events were deleted; ``None`` if none ever were."""
    days = [
        date.fromisoformat(day)
        for text in RetentionRun.objects.values_list("before", flat=True)
        for table, day in json.loads(text).items()
        if table in {"event", "mark"}
    ]
    return max(days, default=None)
