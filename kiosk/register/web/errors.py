"""What is shown instead of a page."""

import logging
import sys
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve
from django.utils import translation
from django.utils.translation import gettext as _

from kiosk.register.database import AWAY
from kiosk.register.outage import one_line

_FOR_PROGRAMS: Final = "/api/"


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django gives it by name
    """Say that the account may not see the page."""
    return error_page(
        request, _("Not allowed"), _("Your account may not see this page."), status=403
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django gives it by name
    """Say that there is no such page."""
    if request.path.startswith(_FOR_PROGRAMS):
        text = "there is no such address; /api/v1/openapi.json describes all"
        return JsonResponse({"error": text}, status=404)
    message = _("There is no such page, or what it showed is gone.")
    return error_page(request, _("Not found"), message, status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """Say that the page failed, and whether the database is the cause.

    Django calls this while it handles the exception. The page is the same for everybody: to know
    who asks would need the database.
    """
    is_away = isinstance(sys.exc_info()[1], AWAY)
    status = 503 if is_away else 500
    if request.path.startswith(_FOR_PROGRAMS):
        text = (
            "the database cannot be reached; try again later"
            if is_away
            else "an error; see the log"
        )
        return JsonResponse({"error": text}, status=status)
    with translation.override(translation.get_language_from_request(request)):
        title, message = _away_texts() if is_away else _failed_texts()
        page = render_to_string("error.html", {"title": title, "message": message})
    return HttpResponse(page, status=status)


def _away_texts() -> tuple[str, str]:
    return _("The database cannot be reached"), _(
        "Try again in a minute, and look whether your last change was stored."
        " Kiosks keep what they see."
    )


def _failed_texts() -> tuple[str, str]:
    return _("Something went wrong"), _(
        "This page has a fault. Tell your administrator: the log of the pages has the details."
    )


class ShortWithoutDatabase(logging.Filter):
    """Leaves the traceback out of the log where the database is away: it shows no fault of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; keep it."""
        fault = record.exc_info[1] if record.exc_info else None
        if isinstance(fault, AWAY):
            record.msg, record.args = "%s: %s", (record.getMessage(), one_line(fault))
            record.exc_info = None
        return True


class WithoutAddress(logging.Filter):
    """Leaves the address out of the log, which may hold a student's id; its pattern stays."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; keep it."""
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
            paths, pattern = {request.path, request.path_info}, _pattern(request)
            record.args = tuple(pattern if one in paths else one for one in record.args)
        return True


def _pattern(request: HttpRequest) -> str:
    try:
        return f"/{resolve(request.path_info).route}"
    except Resolver404:
        return "an address of no page"


def form_too_old(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django gives it by name
    """Say that a form was not of this session: it was open since before the last sign-in."""
    if request.path.startswith(_FOR_PROGRAMS):
        answer = JsonResponse({"error": "nothing can be changed here; expected GET"}, status=405)
        answer.headers["Allow"] = "GET"
        return answer
    message = _("This form is too old. Go back, load the page again, and send it again.")
    return error_page(request, _("Nothing was stored"), message, status=403)


def form_only(request: HttpRequest, allowed: str) -> HttpResponse:
    """Say that an address shows nothing: only forms are sent there, by the methods allowed."""
    message = _("This address only takes what a form sends. Open the page with the form again.")
    answer = error_page(request, _("Nothing to show"), message, status=405)
    answer.headers["Allow"] = allowed
    return answer


def error_page(request: HttpRequest, title: str, message: str, *, status: int) -> HttpResponse:
    """Return a page that says what went wrong."""
    return render(request, "error.html", {"title": title, "message": message}, status=status)
