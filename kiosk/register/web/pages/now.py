"""A teacher's start page: the lessons of today that matter now."""

from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from kiosk.register.models import Account, Lesson
from kiosk.register.web.access import MARKERS, SignedIn, page, visible_classes


@page(*MARKERS)
def now(request: SignedIn) -> HttpResponse:
    """Show today's lessons of the account's classes."""
    return render(request, "now.html", {"lessons": lessons_of_day(request.user, timezone.now())})


def lessons_of_day(account: Account, moment: datetime) -> list[Lesson]:
    """Return the lessons of the day of a moment, by their start."""
    today = timezone.localdate(moment)
    lessons = Lesson.objects.filter(date=today, school_class__in=visible_classes(account))
    return list(lessons.select_related("school_class").order_by("starts_at", "lesson_id"))


urlpatterns = [path("now", now, name="now")]
