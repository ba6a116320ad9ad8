"""What the page of a lesson shows: rows, counts, doors, participation, who took the register."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Max, Sum, TextField
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kiosk.register.alphabet import contains, told_apart
from kiosk.register.among import as_utc
from kiosk.register.ingest.heartbeat import away_since
from kiosk.register.marking.doors import current
from kiosk.register.models import (
    Lesson,
    Mark,
    MarkChange,
    ParticipationPoint,
    ParticipationWindow,
    Taken,
)
from kiosk.register.office.kiosk_view import read_health
from kiosk.register.office.trouble import is_blind
from kiosk.register.overview.door_status import DoorStatus, load_door_statuses
from kiosk.register.overview.members import expected_in
from kiosk.register.prepared import Given, Prepared
from kiosk.register.rules.codes import Code
from kiosk.register.rules.completeness import Completeness
from kiosk.register.web.tags import clock_time

_LESSON: Final = Given("lesson", TextField())
_MARKS: Final = Prepared(
    lambda: Mark.objects.filter(lesson=_LESSON).values_list(
        *("person_id", "status", "version", "is_corrected", "minutes_late", "clock")
    )
)
_POINTS: Final = Prepared(
    lambda: (
        ParticipationPoint.objects.filter(lesson=_LESSON)
        .values_list("person_id")
        .annotate(Sum("points"))
    )
)
_TAKEN: Final = Prepared(
    lambda: (
        Taken.objects.filter(lesson=_LESSON)
        .order_by("-id")
        .values_list(
            *("at", "audit_position", "account__first_name", "account__last_name"),
            "account__username",
        )[:1]
    )
)
_OPEN_SINCE: Final = Prepared(
    lambda: (
        ParticipationWindow.objects.filter(lesson=_LESSON, closed_at=None)
        .order_by("id")
        .values_list("opened_at")[:1]
    )
)
_NO_MARK: Final = (Code.NOT_KNOWN.value, 0, False, None, "")


@dataclass(frozen=True, slots=True)
class Row:
    """A student with the mark, as the page shows them; nothing else decides what it writes.

    Attributes:
        subject_id: The student.
        name: The full name; with the id where another student of the lesson is called so, too.
        status: The code that counts now.
        version: The version of the mark; 0 without one.
        is_corrected: A person has set the code.
        minutes_late: From the start of the lesson; ``None`` if it is not known.
        is_doubtful: The time of the deciding event cannot be relied on.
        is_guest: The student is of another class.
        points: Points for participation in the lesson.
        is_stale: The mark is not what the page showed when it was sent.
        is_chosen: The row was chosen in the form that is shown again.
        is_hidden: The filter leaves the row out.
    """

    subject_id: str
    name: str
    status: str
    version: int
    is_corrected: bool
    minutes_late: int | None
    is_doubtful: bool
    is_guest: bool
    points: int
    is_stale: bool
    is_chosen: bool
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """What is shown of a class: a status, or "" for all; and a part of the name."""

    status: str = ""
    name: str = ""

    def leaves_out(self, status: str, name: str) -> bool:
        """Return whether a row is not shown."""
        is_unwanted = bool(self.name) and not contains(name, self.name)
        return is_unwanted or bool(self.status and self.status != status)


def load_rows(
    lesson: Lesson,
    shown: Filter = Filter(),
    *,
    stale: Collection[str] = (),
    chosen: Collection[str] = (),
) -> list[Row]:
    """Return who is expected in a lesson, by name, with their marks."""
    marks = {key: mark for key, *mark in _MARKS.rows(lesson=lesson.pk)}
    points = dict(_POINTS.rows(lesson=lesson.pk))
    expected = expected_in(lesson)
    names = told_apart({one.subject_id: one.name for one in expected})
    rows = []
    for one in expected:
        key = one.subject_id
        name = names[key]
        status, version, is_corrected, minutes_late, clock = marks.get(key, _NO_MARK)
        rows.append(
            Row(
                key,
                name,
                status,
                version,
                is_corrected=bool(is_corrected),
                minutes_late=minutes_late,
                is_doubtful=clock == "unsynchronised",
                is_guest=one.is_guest,
                points=points.get(key, 0),
                is_stale=key in stale,
                is_chosen=key in chosen,
                is_hidden=shown.leaves_out(status, name),
            )
        )
    return rows


def counts_of(rows: Collection[Row]) -> list[tuple[str, int]]:
    """Return each status that occurs with its count, in the order of the codes."""
    counts = Counter(str(one.status) for one in rows)
    return [(code.value, counts[code.value]) for code in Code if counts[code.value]]


def doors_of(lesson: Lesson, now: datetime) -> list[DoorStatus]:
    """Return the kiosks of a lesson's room."""
    return [
        one for one in load_door_statuses(now, [lesson.room]) if one.address.site == lesson.site
    ]


def door_notes(
    lesson: Lesson, doors: Collection[DoorStatus], unknown: int, now: datetime
) -> list[str]:
    """Return why students are not known yet, in words; empty if nothing is wrong.

    Args:
        lesson: The lesson.
        doors: The kiosks of its room.
        unknown: How many students are not known yet.
        now: The current time.
    """
    if not unknown or now < lesson.starts_at or lesson.status != "scheduled":
        return []
    waited_for = [
        one for one in current(doors) if one.retired_at is None or lesson.starts_at < one.retired_at
    ]
    if not waited_for:
        return [_("No kiosk of %(room)s was heard yet.") % {"room": lesson.room}]
    notes = [
        note
        for one in waited_for
        if (note := _door_note(one.address.kiosk, one.completeness, lesson, now))
    ]
    if now < lesson.ends_at:
        notes += [
            _("%(kiosk)s gives no usable picture") % {"kiosk": one.address.kiosk}
            for one in waited_for
            if is_blind(read_health(one.health)[0])
        ]
    if not notes:
        return []
    if (away := away_since(now)) is not None:  # then no kiosk is to blame
        note = _("nothing has arrived since %(time)s, because the register does not run")
        notes = [note % {"time": clock_time(away, now)}]
    count = ngettext("%(count)s student not known yet", "%(count)s students not known yet", unknown)
    return [*notes, count % {"count": unknown}]


def _door_note(kiosk: str, facts: Completeness, lesson: Lesson, now: datetime) -> str:
    if facts.offline_since is not None:
        since = clock_time(facts.offline_since, now)
        return _("%(kiosk)s is offline since %(time)s") % {"kiosk": kiosk, "time": since}
    if now < lesson.ends_at:
        return ""
    if facts.missing:
        text = ngettext(
            "%(count)s event of %(kiosk)s is expected",
            "%(count)s events of %(kiosk)s are expected",
            facts.missing,
        )
        return text % {"count": facts.missing, "kiosk": kiosk}
    if facts.complete_until is None or facts.complete_until < lesson.ends_at:
        return _("%(kiosk)s has not said yet that the lesson is complete") % {"kiosk": kiosk}
    return ""


@dataclass(frozen=True, slots=True)
class TakenNote:
    """Who has confirmed the register last and when, and whether marks changed since."""

    name: str
    at: datetime
    is_changed_since: bool


def taken_note(lesson: Lesson) -> TakenNote | None:
    """Return the newest confirmation of the register; ``None`` without one."""
    for at, position, first_name, last_name, username in _TAKEN.rows(lesson=lesson.pk):
        newest = MarkChange.objects.filter(lesson=lesson).aggregate(newest=Max("id"))["newest"] or 0
        taken_at = as_utc(at)
        assert taken_at is not None
        name = f"{first_name} {last_name}".strip() or username
        return TakenNote(name, taken_at, newest > position)
    return None


def open_since(lesson: Lesson) -> datetime | None:
    """Return since when the teacher's window for participation is open; ``None`` if it is not."""
    return next((as_utc(at) for (at,) in _OPEN_SINCE.rows(lesson=lesson.pk)), None)
