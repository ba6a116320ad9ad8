"""What is shown instead of a page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django gives it by name
    """Say that the account may not see the page."""
    message = _("Your account may not see this page.")
    return render(
        request, "error.html", {"title": _("Not allowed"), "message": message}, status=403
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django gives it by name
    """Say that there is no such page."""
    message = _("There is no such page, or what it showed is gone.")
    return render(request, "error.html", {"title": _("Not found"), "message": message}, status=404)
