"""Read the lines of a file: lessons, students, and the marks as they stood at a position."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from django.db.models import QuerySet, Sum

from kiosk.register.exports.records import ChangeLine, Line
from kiosk.register.handover.position import Position
from kiosk.register.handover.trail import Standing, Step, standing
from kiosk.register.models import Lesson, MarkChange, ParticipationPoint, Person
from kiosk.register.overview.history import Span
from kiosk.register.overview.members import guests_of, memberships_within
from kiosk.register.rules.codes import Code


@dataclass(frozen=True, slots=True)
class Scope:
    """What is exported.

    Attributes:
        title: How it is called in the file and its name.
        classes: Ids of the classes.
        span: The days.
        student: Only this student; "" for all.
        lesson: Only this lesson; "" for all.
    """

    title: str
    classes: Sequence[str]
    span: Span
    student: str = ""
    lesson: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The lines, and the changes that led to them."""

    lines: tuple[Line, ...]
    changes: tuple[ChangeLine, ...]


def select(
    scope: Scope, position: Position, zone_of: Callable[[str], ZoneInfo], limit: int | None = None
) -> Selection:
    """Read what a file has at a position.

    Args:
        scope: What is wanted.
        position: Where the file stands.
        zone_of: The time zone of a site.
        limit: The most lines; ``None`` for any number.

    Raises:
        ValueError: There are more lines.
    """
    wanted = _lessons(scope, position)
    rows = list(wanted.select_related("school_class").order_by("starts_at", "lesson_id"))
    expected = _expected(scope, rows)
    count = sum(len(people) for people in expected.values())
    if limit is not None and count > limit:
        raise ValueError(f"{count} lines, at most {limit} at once; choose fewer days or classes")
    steps = _steps(scope, wanted, position)
    points = _points(wanted, position)
    merged = _merged_ids()
    lines: list[Line] = []
    changes: list[ChangeLine] = []
    for lesson in rows:
        zone = zone_of(lesson.site)
        for person in expected[lesson.pk]:
            key = lesson.pk, person.pk
            line = _line(lesson, person, standing(steps[key]), points.get(key, 0), zone)
            line = replace(line, merged_ids=merged.get(person.pk, ()))
            lines.append(line)
            changes.extend(_change_line(line, one, zone) for one in steps[key])
    return Selection(tuple(lines), tuple(changes))


def _lessons(scope: Scope, position: Position) -> QuerySet[Lesson]:
    found = Lesson.objects.filter(
        school_class__in=scope.classes,
        date__gte=scope.span.first,
        date__lte=scope.span.last,
        starts_at__lte=position.at,
        status="scheduled",
    )
    return found.filter(pk=scope.lesson) if scope.lesson else found


def _expected(scope: Scope, lessons: Sequence[Lesson]) -> dict[str, list[Person]]:
    """Return who was in the class of each lesson on its date, and its guests."""
    classes = {one.school_class_id for one in lessons}
    first, last = scope.span.first, scope.span.last
    members = {one: memberships_within(one, first, last) for one in sorted(classes)}
    guests = guests_of(one.pk for one in lessons)
    return {
        one.pk: [
            person
            for person in dict.fromkeys(
                [
                    *(person for person, is_in in members[one.school_class_id] if is_in(one.date)),
                    *guests.get(one.pk, ()),
                ]
            )
            if scope.student in {"", person.pk}
        ]
        for one in lessons
    }


def _steps(
    scope: Scope, lessons: QuerySet[Lesson], position: Position
) -> Mapping[tuple[str, str], list[Step]]:
    found = MarkChange.objects.filter(pk__lte=position.changes, lesson__in=lessons)
    if scope.student:
        found = found.filter(person=scope.student)
    columns = ("pk", "lesson_id", "person_id", "at", "before", "after", "account__username")
    more = ("rule", "reason", "minutes_late", "seen_at", "clock", "undoes_id")
    steps: dict[tuple[str, str], list[Step]] = defaultdict(list)
    for row in found.order_by("pk").values(*columns, *more):
        step = Step(
            position=row["pk"],
            lesson_id=row["lesson_id"],
            subject_id=row["person_id"],
            at=row["at"],
            before=Code(row["before"]),
            after=Code(row["after"]),
            account=row["account__username"] or "",
            rule=row["rule"],
            reason=row["reason"],
            minutes_late=row["minutes_late"],
            seen_at=row["seen_at"],
            clock=row["clock"],
            undoes=row["undoes_id"],
        )
        steps[step.lesson_id, step.subject_id].append(step)
    return steps


def _points(lessons: QuerySet[Lesson], position: Position) -> dict[tuple[str, str], int]:
    found = ParticipationPoint.objects.filter(pk__lte=position.points, lesson__in=lessons)
    rows = found.values_list("lesson_id", "person_id").annotate(total=Sum("points"))
    return {(lesson_id, person_id): total for lesson_id, person_id, total in rows}


def _merged_ids() -> dict[str, tuple[str, ...]]:
    """Return the ids of the temporary students who were merged, by the student's id."""
    rows = Person.objects.exclude(merged_into=None).order_by("pk")
    found: dict[str, tuple[str, ...]] = {}
    for own, student in rows.values_list("pk", "merged_into_id"):
        found[student] = (*found.get(student, ()), own)
    return found


def _line(lesson: Lesson, person: Person, mark: Standing, points: int, zone: ZoneInfo) -> Line:
    derived, correction = mark.derived, mark.correction
    is_trusted = derived.clock == "synchronised" if derived and derived.clock else None
    seen_at = derived.seen_at if derived and is_trusted else None
    return Line(
        class_id=lesson.school_class_id,
        class_title=lesson.school_class.title,
        lesson_id=lesson.pk,
        lesson_title=lesson.title,
        date=lesson.date,
        starts_at=lesson.starts_at.astimezone(zone),
        ends_at=lesson.ends_at.astimezone(zone),
        room=lesson.room,
        student_id=person.pk,
        sis_id=person.sis_id,
        name=person.name,
        code=mark.code,
        derived=derived.after if derived else Code.NOT_KNOWN,
        rule=derived.rule if derived else "",
        minutes_late=derived.minutes_late if derived else None,
        arrived_at=seen_at.astimezone(zone) if seen_at else None,
        is_clock_trusted=is_trusted,
        corrected_by=correction.account if correction else "",
        corrected_at=correction.at.astimezone(zone) if correction else None,
        reason=correction.reason if correction else "",
        points=points,
    )


def _change_line(line: Line, step: Step, zone: ZoneInfo) -> ChangeLine:
    return ChangeLine(
        position=step.position,
        at=step.at.astimezone(zone),
        line=line,
        before=step.before,
        after=step.after,
        changed_by=step.account,
        rule=step.rule,
        reason=step.reason,
        undoes=step.undoes,
    )
