"""The registers of today that were not taken."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from kiosk.register.web.access import MARKERS, SignedIn, page
from kiosk.register.web.lesson_list import lessons_of_day


@page(*MARKERS)
def registers(request: SignedIn) -> HttpResponse:
    """Show the lessons that have begun and whose register nobody has confirmed."""
    lessons = lessons_of_day(request.user, timezone.now())
    facts = {
        "lessons": [one for one in lessons if one.is_due],
        "has_begun": any(one.state in {"running", "over"} for one in lessons),
    }
    return render(request, "registers.html", facts)


urlpatterns = [path("registers", registers, name="registers")]
