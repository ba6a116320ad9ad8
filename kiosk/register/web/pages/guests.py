"""Guests of a lesson: add a student of another class, and remove one again."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kiosk.register.alphabet import told_apart
from kiosk.register.marking.facts import lesson_of
from kiosk.register.models import Person
from kiosk.register.office import guests as office
from kiosk.register.overview.members import expected_in
from kiosk.register.rules.correction import Role, may_change
from kiosk.register.web.access import MARKERS, SignedIn, changeable_lesson, page
from kiosk.register.web.application import config
from kiosk.register.web.pages.class_now import Form, show_class
from kiosk.register.web.refusals import denial_text
from kiosk.register.web.words import GUEST_PROBLEMS


@page(*MARKERS)
@require_POST
def guests(request: SignedIn, *, lesson_id: str) -> HttpResponse:
    """Add the student of the form to the lesson, or remove the guest of the button."""
    lesson, now = changeable_lesson(request.user, lesson_id), timezone.now()
    refused = may_change(Role(request.user.role), lesson_of(lesson), config().rules, now)
    if refused is not None:
        return show_class(request, lesson, Form(error=denial_text(refused, request.user.role)), 400)
    removed = request.POST.get("remove", "")
    if removed:
        if office.remove_guest(lesson, removed, now):
            messages.success(request, _("The guest is removed."))
        return redirect("class-now", lesson_id=lesson_id)
    text = request.POST.get("guest", "")
    added = office.add_guest(lesson, text, request.user, now)
    if not isinstance(added, Person):
        error = str(GUEST_PROBLEMS[added])
        return show_class(request, lesson, Form(error=error, guest=text), 400)
    names = told_apart({one.subject_id: one.name for one in expected_in(lesson)})
    messages.success(request, _("%(name)s is a guest of this lesson.") % {"name": names[added.pk]})
    return redirect("class-now", lesson_id=lesson_id)


urlpatterns = [path("lessons/<path:lesson_id>/guests", guests, name="guests")]
