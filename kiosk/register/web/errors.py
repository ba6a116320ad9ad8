"""What is shown instead of a page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django gives it by name
    """Say that the account may not see the page."""
    return error_page(
        request, _("Not allowed"), _("Your account may not see this page."), status=403
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django gives it by name
    """Say that there is no such page."""
    message = _("There is no such page, or what it showed is gone.")
    return error_page(request, _("Not found"), message, status=404)


def form_too_old(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django gives it by name
    """Say that a form was not of this session: it was open since before the last sign-in."""
    message = _("This form is too old. Go back, load the page again, and send it again.")
    return error_page(request, _("Nothing was stored"), message, status=403)


def error_page(request: HttpRequest, title: str, message: str, *, status: int) -> HttpResponse:
    """Return a page that says what went wrong."""
    return render(request, "error.html", {"title": title, "message": message}, status=status)
