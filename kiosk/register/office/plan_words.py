"""What an import would change, line by line, for the person who brought the file."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from django.utils import timezone

from kiosk.register.imports.plan import RosterPlan, TimetablePlan
from kiosk.register.imports.records import ClassRow, LessonRow, MembershipRow, PersonRow, TermRow

SHOWN: Final = 100
"""Lines that are shown of each kind of change."""

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of change.

    Attributes:
        code: Which, as in :func:`kiosk.register.office.imports.counts`.
        count: How many.
        lines: The first of them, each a text with "before → after" where something changes.
    """

    code: str
    count: int
    lines: tuple[str, ...]


def sections(plan: RosterPlan | TimetablePlan) -> list[Section]:
    """Return the kinds of changes that a plan has."""
    found = _of_timetable(plan) if isinstance(plan, TimetablePlan) else _of_roster(plan)
    return [one for one in found if one.count]


def _of_roster(plan: RosterPlan) -> Iterator[Section]:
    yield _section("people_added", plan.people_added, _person)
    yield _section(
        "people_changed",
        plan.people_changed,
        lambda pair: f"{_person(pair[0])} → {_person(pair[1])}",
    )
    yield _section("classes_added", plan.classes_added, _class)
    yield _section(
        "classes_changed",
        plan.classes_changed,
        lambda pair: f"{_class(pair[0])} → {_class(pair[1])}",
    )
    yield _section("terms_added", plan.terms_added, _term)
    yield _section(
        "terms_changed",
        plan.terms_changed,
        lambda pair: f"{_term(pair[0])} → {_term(pair[1])}",
    )
    yield _section("memberships_begun", plan.begun, _membership)
    yield _section(
        "memberships_changed",
        plan.changed,
        lambda one: f"{_membership(one.before)} → {_span(one.after)}",
    )
    past = [one for one in plan.changed if one.is_past]
    yield _section("past_lists_changed", past, lambda one: _membership(one.before))


def _of_timetable(plan: TimetablePlan) -> Iterator[Section]:
    yield _section("lessons_added", plan.added, _lesson)
    yield _section(
        "lessons_changed",
        plan.changed,
        lambda pair: f"{_lesson(pair[0])} → {_lesson(pair[1])}",
    )
    yield _section("lessons_cancelled", plan.cancelled, _lesson)
    yield Section("lessons_over", plan.kept, ())


def _section(code: str, rows: Iterable[Row], text: Callable[[Row], str]) -> Section:
    rows = list(rows)
    return Section(code, len(rows), tuple(text(one) for one in rows[:SHOWN]))


def _person(row: PersonRow) -> str:
    more = ", ".join(one for one in (row.sis_id, row.email) if one)
    return f"{row.person_id} {row.name}" + (f" ({more})" if more else "")


def _class(row: ClassRow) -> str:
    return f"{row.title} ({row.course_code})" if row.course_code else row.title


def _term(row: TermRow) -> str:
    return f"{row.title} [{_day(row.begin)} … {_day(row.end)}]"


def _membership(row: MembershipRow) -> str:
    return f"{row.person_id} {row.class_id} {_span(row)}"


def _span(row: MembershipRow) -> str:
    return f"[{_day(row.begin)} … {_day(row.end)}]"


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _lesson(row: LessonRow) -> str:
    begin, end = timezone.localtime(row.starts_at), timezone.localtime(row.ends_at)
    times = f"{begin:%Y-%m-%d %H:%M} … {end:%H:%M}"
    state = "" if row.status == "scheduled" else " ✗"
    return f"{times} {row.class_title} {row.title}, {row.room}{state}"
