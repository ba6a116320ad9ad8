"""The registers of today and of the last days that were not taken."""

from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from kiosk.register.web.access import MARKERS, SignedIn, page
from kiosk.register.web.lesson_list import earlier_not_taken, lessons_of_day

_EARLIER_MAX: Final = 100


@page(*MARKERS)
def registers(request: SignedIn) -> HttpResponse:
    """Show the lessons that have begun and whose register nobody has confirmed."""
    now = timezone.now()
    lessons = lessons_of_day(request.user, now)
    earlier = earlier_not_taken(request.user, now, _EARLIER_MAX + 1)
    facts = {
        "lessons": [one for one in lessons if one.is_due],
        "has_begun": any(one.state in {"running", "over"} for one in lessons),
        "earlier": earlier[:_EARLIER_MAX],
        "has_more": len(earlier) > _EARLIER_MAX,
    }
    return render(request, "registers.html", facts)


urlpatterns = [path("registers", registers, name="registers")]
