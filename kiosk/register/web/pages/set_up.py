"""Set up: what a new system still needs, and where to do it."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from kiosk.register.models import Role
from kiosk.register.office.checklist import load_facts, steps
from kiosk.register.web.access import SignedIn, page
from kiosk.register.web.words import STEPS

ADDRESSES = {
    "roster": "imports",
    "timetable": "imports",
    "kiosk": "kiosks",
    "enrolled": "kiosks",
    "accounts": "accounts",
    "teachers": "accounts",
}


@page(Role.ADMINISTRATOR)
def set_up(request: SignedIn) -> HttpResponse:
    """Show the checklist, or to htmx only its lines."""
    found = steps(load_facts(timezone.now()))
    context = {
        "steps": [(one, STEPS[one.code], ADDRESSES[one.code]) for one in found],
        "open": sum(not one.is_done for one in found),
    }
    is_part = bool(request.headers.get("HX-Request"))
    return render(request, "set_up_steps.html" if is_part else "set_up.html", context)


urlpatterns = [path("set-up", set_up, name="set-up")]
