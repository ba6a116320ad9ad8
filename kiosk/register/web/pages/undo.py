"""Undo: take changes of marks back by other changes; with a reason, or those of the last click."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kiosk.register.marking.corrections import Changed, Outdated, undo_change, undo_changes
from kiosk.register.models import Lesson, MarkChange
from kiosk.register.rules.correction import Refused
from kiosk.register.web.access import MARKERS, SignedIn, changeable_lesson, page
from kiosk.register.web.application import config
from kiosk.register.web.pages.class_now import Form, changes_of, show_class
from kiosk.register.web.pages.mark_details import show_details
from kiosk.register.web.refusals import denial_text, stale_text

AT_ONCE = "taken back at once"
"""The reason of an undo by one click; pages show it in their language."""


@page(*MARKERS)
@require_POST
def undo(request: SignedIn, *, lesson_id: str, change: int) -> HttpResponse:
    """Take a change back by another one."""
    lesson = changeable_lesson(request.user, lesson_id)
    found = get_object_or_404(_by_people(lesson), pk=change)
    outcome = undo_change(
        lesson,
        found,
        request.POST.get("reason", ""),
        account=request.user,
        settings=config().rules,
        now=timezone.now(),
    )
    match outcome:
        case Refused():
            error = denial_text(outcome, request.user.role)
            return show_details(request, lesson, found.person_id, error, 400)
        case Outdated():
            return show_details(request, lesson, found.person_id, stale_text(), 409)
        case Changed():
            messages.success(request, _("The change was taken back."))
            return redirect("mark-details", lesson_id=lesson_id, subject_id=found.person_id)


@page(*MARKERS)
@require_POST
def undo_last(request: SignedIn, *, lesson_id: str) -> HttpResponse:
    """Take back what the account has changed by its last click."""
    lesson = changeable_lesson(request.user, lesson_id)
    changes = changes_of(request.user, lesson, request.POST.getlist("changed"))
    outcome = undo_changes(
        lesson, changes, AT_ONCE, account=request.user, settings=config().rules, now=timezone.now()
    )
    match outcome:
        case Refused():
            return show_class(request, lesson, Form(denial_text(outcome, request.user.role)), 400)
        case Outdated(subject_ids):
            return show_class(request, lesson, Form(stale_text(), stale=subject_ids), 409)
        case Changed():
            messages.success(request, _("The change was taken back."))
            return redirect("class-now", lesson_id=lesson_id)


def _by_people(lesson: Lesson) -> QuerySet[MarkChange]:
    return MarkChange.objects.filter(lesson=lesson, account__isnull=False)


urlpatterns = [
    path("lessons/<path:lesson_id>/undo", undo_last, name="undo-last"),
    path("lessons/<path:lesson_id>/undo/<int:change>", undo, name="undo"),
]
