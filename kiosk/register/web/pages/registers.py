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
    lessons = [one for one in lessons_of_day(request.user, timezone.now()) if one.is_due]
    return render(request, "registers.html", {"lessons": lessons})


urlpatterns = [path("registers", registers, name="registers")]
