"""A teacher's start page: the lessons of today that matter now, live."""

from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from kiosk.register.web.access import MARKERS, SignedIn, page
from kiosk.register.web.lesson_list import lessons_of_day

_KEYS_MAX: Final = 40
"""Lessons that an address names to the live updates; a longer list hears of every lesson, and so
asks less often."""
_EVERY_S: Final = 2
_EVERY_LONG_S: Final = 10


@page(*MARKERS)
def now(request: SignedIn) -> HttpResponse:
    """Show today's lessons of the account's classes, or to htmx only the list."""
    lessons = lessons_of_day(request.user, timezone.now())
    is_short = len(lessons) <= _KEYS_MAX
    context = {
        "lessons": lessons,
        "due": sum(one.is_due for one in lessons),
        # Without a key, it would hear of all lessons: "-" is none.
        "live_keys": [one.lesson.lesson_id for one in lessons] or ["-"] if is_short else [],
        "every_s": _EVERY_S if is_short else _EVERY_LONG_S,
    }
    is_part = bool(request.headers.get("HX-Request"))
    return render(request, "now_list.html" if is_part else "now.html", context)


urlpatterns = [path("now", now, name="now")]
