"""The first page after signing in: the one that the role needs most."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone

from kiosk.register.models import Role
from kiosk.register.office.checklist import is_ready, load_facts
from kiosk.register.web.access import EVERYBODY, SignedIn, page


@page(*EVERYBODY)
def start(request: SignedIn) -> HttpResponse:
    """Go to the page of the role; an administrator first sets up what is missing."""
    role = request.user.role
    if role == Role.TECHNICIAN:
        return redirect("kiosks")
    if role == Role.ADMINISTRATOR and not is_ready(load_facts(timezone.now())):
        return redirect("set-up")
    return redirect("now")


urlpatterns = [path("", start, name="start")]
