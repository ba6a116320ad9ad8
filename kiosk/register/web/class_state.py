"""What the page of a lesson shows: rows, counts, doors, participation, who took the register."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kiosk.register.alphabet import contains
from kiosk.register.marking.doors import current
from kiosk.register.models import Kiosk, Lesson, Mark, MarkChange, ParticipationPoint, Taken
from kiosk.register.office.kiosk_view import health_of
from kiosk.register.office.trouble import is_blind
from kiosk.register.overview.members import expected_in, guests_of
from kiosk.register.overview.status import load_statuses
from kiosk.register.rules.codes import Code
from kiosk.register.rules.completeness import Completeness
from kiosk.register.web.tags import clock_time


@dataclass(frozen=True, slots=True)
class Row:
    """A student with the mark; ``None`` while nothing is known.

    Attributes:
        points: Points for participation in the lesson.
        is_stale: The mark is not what the page showed when it was sent.
        is_chosen: The row was chosen in the form that is shown again.
        is_hidden: The filter leaves the row out.
        is_guest: The student is of another class.
    """

    subject_id: str
    name: str
    mark: Mark | None
    points: int = 0
    is_stale: bool = False
    is_chosen: bool = False
    is_hidden: bool = False
    is_guest: bool = False

    @property
    def status(self) -> str:
        """The code that counts now."""
        return self.mark.status if self.mark else Code.NOT_KNOWN

    @property
    def version(self) -> int:
        """The version of the mark; 0 without one."""
        return self.mark.version if self.mark else 0

    @property
    def is_doubtful(self) -> bool:
        """The time of the deciding event cannot be relied on."""
        return self.mark is not None and self.mark.clock == "unsynchronised"


@dataclass(frozen=True, slots=True)
class Filter:
    """What is shown of a class: a status, or "" for all; and a part of the name."""

    status: str = ""
    name: str = ""

    def leaves_out(self, status: str, name: str) -> bool:
        """Return whether a row is not shown."""
        return not contains(name, self.name) or bool(self.status and self.status != status)


def load_rows(
    lesson: Lesson,
    shown: Filter = Filter(),
    *,
    stale: Collection[str] = (),
    chosen: Collection[str] = (),
) -> list[Row]:
    """Return who is expected in a lesson, by name, with their marks."""
    marks = {one.person_id: one for one in lesson.marks.all()}
    points = ParticipationPoint.objects.filter(lesson=lesson).values("person_id")
    counts = {one["person_id"]: one["total"] for one in points.annotate(total=Sum("points"))}
    guests = {one.pk for one in guests_of([lesson.pk]).get(lesson.pk, ())}
    rows = []
    for one in expected_in(lesson):
        key, mark = one.subject_id, marks.get(one.subject_id)
        status = mark.status if mark else Code.NOT_KNOWN
        rows.append(
            Row(
                key,
                one.name,
                mark,
                counts.get(key, 0),
                is_stale=key in stale,
                is_chosen=key in chosen,
                is_hidden=shown.leaves_out(status, one.name),
                is_guest=key in guests,
            )
        )
    return rows


def counts_of(rows: Collection[Row]) -> list[tuple[str, int]]:
    """Return each status that occurs with its count, in the order of the codes."""
    counts = Counter(str(one.status) for one in rows)
    return [(code.value, counts[code.value]) for code in Code if counts[code.value]]


def door_notes(lesson: Lesson, kiosks: Collection[Kiosk], unknown: int, now: datetime) -> list[str]:
    """Return why students are not known yet, in words; empty if nothing is wrong.

    Args:
        lesson: The lesson.
        kiosks: The kiosks of its room.
        unknown: How many students are not known yet.
        now: The current time.
    """
    if not unknown or now < lesson.starts_at or lesson.status != "scheduled":
        return []
    statuses = [
        one
        for one in current(load_statuses(now, [lesson.room]))
        if one.address.site == lesson.site
        and (one.retired_at is None or lesson.starts_at < one.retired_at)
    ]
    if not statuses:
        return [_("No kiosk of %(room)s was heard yet.") % {"room": lesson.room}]
    notes = [
        note
        for one in statuses
        if (note := _door_note(one.address.kiosk, one.completeness, lesson, now))
    ]
    if now < lesson.ends_at:
        notes += [
            _("%(kiosk)s gives no usable picture") % {"kiosk": one.kiosk}
            for one in kiosks
            if is_blind(health_of(one)[0])
        ]
    if not notes:
        return []
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
    """Who has confirmed the register last, and whether marks changed since."""

    taken: Taken
    is_changed_since: bool


def taken_note(lesson: Lesson) -> TakenNote | None:
    """Return the newest confirmation of the register; ``None`` without one."""
    taken = Taken.objects.filter(lesson=lesson).select_related("account").order_by("id").last()
    if taken is None:
        return None
    newest = MarkChange.objects.filter(lesson=lesson).aggregate(newest=Max("id"))["newest"] or 0
    return TakenNote(taken, newest > taken.audit_position)
