"""A teacher's start page: the lessons of today that matter now."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from kiosk.register.web.access import MARKERS, SignedIn, page
from kiosk.register.web.lesson_list import lessons_of_day


@page(*MARKERS)
def now(request: SignedIn) -> HttpResponse:
    """Show today's lessons of the account's classes."""
    return render(request, "now.html", {"lessons": lessons_of_day(request.user, timezone.now())})


urlpatterns = [path("now", now, name="now")]
