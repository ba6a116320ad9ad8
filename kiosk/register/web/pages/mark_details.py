"""One mark: why it is what it is, and everything that was done to it. Never an image."""

from dataclasses import dataclass

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from kiosk.protocol.event import AttendanceEvent, DecisionRecord, PersonEvent, card_of, decode
from kiosk.register.alphabet import told_apart
from kiosk.register.marking.facts import lesson_of
from kiosk.register.models import Event, Lesson, MarkChange, ParticipationPoint
from kiosk.register.office.guests import guest_elsewhere
from kiosk.register.overview.members import expected_in
from kiosk.register.rules.correction import Role, may_change
from kiosk.register.rules.mark import Rule
from kiosk.register.web.access import MARKERS, SignedIn, page, visible_lesson
from kiosk.register.web.application import config


@dataclass(frozen=True, slots=True)
class Evidence:
    """An event with the figures of the kiosk's decision, or with the card that it was made of."""

    row: Event
    decision: DecisionRecord | None
    card: str
    direction: str | None


@page(*MARKERS)
def mark_details(request: SignedIn, *, lesson_id: str, subject_id: str) -> HttpResponse:
    """Show the page."""
    return show_details(request, visible_lesson(request.user, lesson_id), subject_id)


def show_details(
    request: SignedIn, lesson: Lesson, subject_id: str, error: str = "", status: int = 200
) -> HttpResponse:
    """Show the mark of a student of the class.

    Raises:
        django.http.Http404: The student is not in the class on that date.
    """
    people = {one.subject_id: one for one in expected_in(lesson)}
    if subject_id not in people:
        raise Http404
    mark = lesson.marks.filter(person=subject_id).select_related("event").first()
    changes = list(
        MarkChange.objects.filter(lesson=lesson, person=subject_id)
        .select_related("account", "undoes")
        .order_by("-id")
    )
    refused = may_change(Role(request.user.role), lesson_of(lesson), config().rules, timezone.now())
    newest = changes[0] if changes else None
    is_newest = newest is not None and mark is not None and newest.version == mark.version
    can_undo = is_newest and newest is not None and newest.account_id is not None and not refused
    points = ParticipationPoint.objects.filter(lesson=lesson, person=subject_id)
    is_elsewhere = mark is not None and mark.rule == Rule.GUEST_ELSEWHERE
    facts = {
        "lesson": lesson,
        "student": people[subject_id],
        "name": told_apart({key: one.name for key, one in people.items()})[subject_id],
        "mark": mark,
        "status_code": mark.status if mark else "not-known",
        "guest_in": guest_elsewhere(lesson, subject_id) if is_elsewhere else (),
        "evidence": _evidence(mark.event) if mark and mark.event else None,
        "changes": changes,
        "undo": newest if can_undo else None,
        "points": points.select_related("account", "event").order_by("id"),
        "error": error,
    }
    return render(request, "mark_details.html", facts, status=status)


def _evidence(row: Event) -> Evidence | None:
    event = decode(bytes(row.payload))
    if not isinstance(event, PersonEvent):
        return None
    direction = event.direction if isinstance(event, AttendanceEvent) else None
    return Evidence(row, event.decision or None, card_of(event), direction)


urlpatterns = [
    path(
        "lessons/<path:lesson_id>/students/<path:subject_id>/mark",
        mark_details,
        name="mark-details",
    )
]
