"""Class now: the students of a lesson with their marks, live."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kiosk.register.marking.facts import lesson_of
from kiosk.register.models import Account, Lesson, Mark, MarkChange
from kiosk.register.rules.codes import Code
from kiosk.register.rules.correction import Role, may_change
from kiosk.register.web.access import MARKERS, SignedIn, page, visible_lesson
from kiosk.register.web.application import config
from kiosk.register.web.class_state import (
    Filter,
    counts_of,
    door_notes,
    doors_of,
    load_rows,
    open_since,
    taken_note,
)
from kiosk.register.web.refusals import denial_text
from kiosk.register.web.student_rows import write_rows

SETTABLE = [one.value for one in Code if one is not Code.NOT_KNOWN]
"""The codes that a person may set."""

REASONS = (
    _("told us before"),
    _("brought a note"),
    _("was ill"),
    _("the bus was late"),
    _("is elsewhere for the school"),
    _("another person was taken for the student"),
)
"""What the form proposes; any other reason may be written."""
SEEN = "seen in the room"
"""The reason of whoever marks students present by one click; pages show it in their language."""


@dataclass(frozen=True, slots=True)
class Form:
    """The form as it was sent, to show it again with what is wrong."""

    error: str = ""
    code: str = ""
    reason: str = ""
    chosen: Collection[str] = ()
    stale: Collection[str] = ()
    guest: str = ""

    @property
    def query(self) -> str:
        """What a live update must say, so that chosen and marked rows stay so."""
        rows = [("chosen", one) for one in self.chosen] + [("stale", one) for one in self.stale]
        return f"?{urlencode(rows)}" if rows else ""


@page(*MARKERS)
def class_now(request: SignedIn, *, lesson_id: str) -> HttpResponse:
    """Show the page, or to htmx only what changes."""
    lesson = visible_lesson(request.user, lesson_id)
    chosen, stale = request.GET.getlist("chosen"), request.GET.getlist("stale")
    return show_class(request, lesson, Form(chosen=chosen, stale=stale))


def show_class(
    request: SignedIn,
    lesson: Lesson,
    form: Form = Form(),
    status: int = 200,
) -> HttpResponse:
    """Show the page of a lesson, with the form as it was sent."""
    now = timezone.now()
    shown = Filter(request.GET.get("status", ""), request.GET.get("name", ""))
    rows = load_rows(lesson, shown, stale=form.stale, chosen=form.chosen)
    counts = counts_of(rows)
    doors = doors_of(lesson, now)
    refused = may_change(Role(request.user.role), lesson_of(lesson), config().rules, now)
    facts = {
        "lesson": lesson,
        "rows": write_rows(rows, _details(lesson), is_open=refused is None),
        "is_nobody_shown": bool(rows) and all(one.is_hidden for one in rows),
        "counts": counts,
        "notes": door_notes(lesson, doors, dict(counts).get(Code.NOT_KNOWN, 0), now),
        "taken": taken_note(lesson),
        "open_since": open_since(lesson),
        "is_running": lesson.starts_at <= now < lesson.ends_at,
        "has_begun": lesson.starts_at <= now,
        "is_cancelled": lesson.status == "cancelled",
        "refused": denial_text(refused, request.user.role) if refused else "",
        "codes": SETTABLE,
        "reasons": REASONS,
        "window_states": ("open", "closed"),
        "live_keys": [lesson.lesson_id, *sorted({str(one.address) for one in doors})],
        "shown": shown,
        "form": form,
        "changed": _undoable(changes_of(request.user, lesson, request.GET.getlist("changed"))),
    }
    is_part = bool(request.headers.get("HX-Request")) and request.method == "GET"
    facts["is_part"] = is_part
    template = "class_now_rows.html" if is_part else "class_now.html"
    return render(request, template, facts, status=status)


def changes_of(account: Account, lesson: Lesson, keys: Sequence[str]) -> list[MarkChange]:
    """Return those of some changes that an account has made in a lesson."""
    numbers = [int(one) for one in keys if one.isdecimal() and len(one) < 19]
    if not numbers:
        return []
    return list(MarkChange.objects.filter(pk__in=numbers, lesson=lesson, account=account))


def _undoable(changes: list[MarkChange]) -> list[MarkChange]:
    """Return the changes if all of them are the newest of their marks, else none.

    After an undo the address may be shown again, by "Back" or a reload.
    """
    newest = Mark.objects.filter(
        lesson__in={one.lesson_id for one in changes}, person__in={one.person_id for one in changes}
    )
    versions = dict(newest.values_list("person_id", "version"))
    stand = all(versions.get(one.person_id) == one.version for one in changes)
    return changes if stand else []


def _details(lesson: Lesson) -> str:
    """Return how the address of every student's mark in a lesson begins."""
    # Asked for once, not for each student: a live update must be quick.
    whole = reverse("mark-details", kwargs={"lesson_id": lesson.lesson_id, "subject_id": "-"})
    return whole.removesuffix("-/mark")


urlpatterns = [path("lessons/<path:lesson_id>/now", class_now, name="class-now")]
