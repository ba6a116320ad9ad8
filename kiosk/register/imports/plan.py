"""What an import would change: shown first (dry run), then applied as it was shown.

Nothing is deleted. Who is no longer in the file leaves the class today, so the list of a day in
March stays what it was in March. A lesson that is no longer in the file is cancelled. Lessons that
are over are not added, changed or cancelled.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from kiosk.register.imports.plan_memberships import MembershipChange, compare
from kiosk.register.imports.records import (
    ClassRow,
    LessonRow,
    MembershipRow,
    PersonRow,
    Roster,
    TermRow,
)

Row = TypeVar("Row", bound=Hashable)


@dataclass(frozen=True, slots=True)
class RosterPlan:
    """What a roster would change.

    Attributes:
        people_added: New people.
        people_changed: People with another name, role, id or address: before and after.
        classes_added: New classes.
        classes_changed: Classes with another title: before and after.
        terms_added: New terms.
        terms_changed: Terms with other days: before and after.
        begun: Memberships to add.
        changed: Memberships that get other dates; those that end today are of them.
    """

    people_added: tuple[PersonRow, ...]
    people_changed: tuple[tuple[PersonRow, PersonRow], ...]
    classes_added: tuple[ClassRow, ...]
    classes_changed: tuple[tuple[ClassRow, ClassRow], ...]
    terms_added: tuple[TermRow, ...]
    terms_changed: tuple[tuple[TermRow, TermRow], ...]
    begun: tuple[MembershipRow, ...]
    changed: tuple[MembershipChange, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        people = (*self.people_added, *self.people_changed)
        classes = (*self.classes_added, *self.classes_changed)
        terms = (*self.terms_added, *self.terms_changed)
        return not (people or classes or terms or self.begun or self.changed)


@dataclass(frozen=True, slots=True)
class TimetablePlan:
    """What a timetable would change.

    Attributes:
        added: New lessons.
        changed: Lessons with another time, room, title or status: before and after.
        cancelled: Lessons that the file has no longer, as they are stored.
        kept: How many lessons that are over the file has otherwise, or not at all, or new.
    """

    added: tuple[LessonRow, ...]
    changed: tuple[tuple[LessonRow, LessonRow], ...]
    cancelled: tuple[LessonRow, ...]
    kept: int

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.added or self.changed or self.cancelled)


def plan_roster(new: Roster, stored: Roster, today: date) -> RosterPlan:
    """Compare a roster with what is stored.

    Args:
        new: The file.
        stored: All people, classes and memberships, former ones included.
        today: The date in the school's time zone.
    """
    people = {one.person_id: one for one in stored.people}
    classes = {one.class_id: one for one in stored.classes}
    begun: list[MembershipRow] = []
    changed: list[MembershipChange] = []
    known = {one.class_id for one in stored.memberships}
    wanted = _by_person_and_class(new.memberships)
    held = _by_person_and_class(stored.memberships)
    for key in {**held, **wanted}:
        first = today if key[1] in known else None
        more, other = compare(held.get(key, ()), wanted.get(key, ()), first, today)
        begun += more
        changed += other
    return RosterPlan(
        *_differences(people, {one.person_id: one for one in new.people}),
        *_differences(classes, {one.class_id: one for one in new.classes}),
        *_differences(
            {one.title: one for one in stored.terms}, {one.title: one for one in new.terms}
        ),
        tuple(begun),
        tuple(changed),
    )


def _differences(
    old: Mapping[str, Row], new: Mapping[str, Row]
) -> tuple[tuple[Row, ...], tuple[tuple[Row, Row], ...]]:
    """Return what is new, and what is there otherwise: before and after."""
    added = tuple(one for key, one in new.items() if key not in old)
    return added, tuple((old[key], one) for key, one in new.items() if old.get(key, one) != one)


def plan_timetable(
    new: Sequence[LessonRow], stored: Iterable[LessonRow], now: datetime
) -> TimetablePlan:
    """Compare a timetable with what is stored.

    Args:
        new: The file.
        stored: The lessons of its site and its classes in the time that it covers; others would be
            taken for lessons that the file has no longer.
        now: The current time, aware.
    """
    old = {one.lesson_id: one for one in stored}
    wanted = {one.lesson_id: one for one in new}
    added, changed = _differences(old, wanted)
    gone = [one for key, one in old.items() if key not in wanted and one.status != "cancelled"]
    open_added = tuple(one for one in added if one.ends_at > now)
    open_changed = tuple(pair for pair in changed if pair[0].ends_at > now)
    open_gone = tuple(one for one in gone if one.ends_at > now)
    planned = len(open_added) + len(open_changed) + len(open_gone)
    kept = len(added) + len(changed) + len(gone) - planned
    return TimetablePlan(open_added, open_changed, open_gone, kept)


def _by_person_and_class(
    rows: Iterable[MembershipRow],
) -> dict[tuple[str, str], list[MembershipRow]]:
    found: dict[tuple[str, str], list[MembershipRow]] = {}
    for row in rows:
        found.setdefault((row.person_id, row.class_id), []).append(row)
    return found
