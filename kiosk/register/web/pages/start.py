"""The first page after signing in: the one that the person needs most."""

from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone

from kiosk.register.models import Account, Lesson, Role
from kiosk.register.office.checklist import is_ready, load_facts
from kiosk.register.web.access import EVERYBODY, SignedIn, changeable_classes, page
from kiosk.register.web.application import config


@page(*EVERYBODY)
def start(request: SignedIn) -> HttpResponse:
    """Go to a teacher's class of now, or to the page of the role.

    An administrator first sets up what is missing.
    """
    role, now = request.user.role, timezone.now()
    if role == Role.TECHNICIAN:
        return redirect("kiosks")
    if role == Role.ADMINISTRATOR and not is_ready(load_facts(now)):
        return redirect("set-up")
    if role == Role.TEACHER and (lesson := _lesson_now(request.user, now)):
        return redirect("class-now", lesson_id=lesson.pk)
    return redirect("now")


def _lesson_now(account: Account, now: datetime) -> Lesson | None:
    """Return the lesson of a teacher's classes that runs, or whose students come in already.

    ``None`` if there is none, or if there are several.
    """
    opens = now + config().rules.window_before
    lessons = Lesson.objects.filter(
        school_class__in=changeable_classes(account), starts_at__lte=opens, ends_at__gt=now
    ).exclude(status="cancelled")
    for part in (lessons.filter(starts_at__lte=now), lessons.filter(starts_at__gt=now)):
        if found := list(part[:2]):
            return found[0] if len(found) == 1 else None
    return None


urlpatterns = [path("", start, name="start")]
