"""The first page after signing in: the one that the role needs most."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path

from kiosk.register.web.access import EVERYBODY, SignedIn, page


@page(*EVERYBODY)
def start(request: SignedIn) -> HttpResponse:
    """Go to the page of the role."""
    return redirect("now" if request.user.role != "technician" else "kiosks")


urlpatterns = [path("", start, name="start")]
