"""What holds for every request of a visitor: language, time zone, and the end of old sessions."""

from collections.abc import Callable
from http import HTTPStatus

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils import timezone, translation

from kiosk.register.web.application import config
from kiosk.register.web.errors import form_only
from kiosk.register.web.session import began_at


class VisitorMiddleware:
    """Set language and time zone; sign out a session that began before "sign out everywhere".

    Async views run behind it as they are: it is called in a thread, once for each request.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle a request; refuse one with a NUL, which PostgreSQL does not store."""
        if _has_nul(request):
            text = "The address or the form has a NUL.\n"
            return HttpResponseBadRequest(text, content_type="text/plain; charset=utf-8")
        _end_old_session(request)
        chosen = request.user.language if request.user.is_authenticated else ""
        language = chosen or translation.get_language_from_request(request)
        with translation.override(language), timezone.override(config().zone):
            response = self._get_response(request)
            is_refused = response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
            if is_refused and request.method == "GET":
                response = form_only(request, response.headers["Allow"])
        response.headers.setdefault("Content-Language", language)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _has_nul(request: HttpRequest) -> bool:
    fields = (*request.GET.lists(), *request.POST.lists())
    texts = (text for name, values in fields for text in (name, *values))
    return "\0" in request.path_info or any("\0" in text for text in texts)


def _end_old_session(request: HttpRequest) -> None:
    if not request.user.is_authenticated or request.user.sessions_valid_from is None:
        return
    began = began_at(request.session)
    if began is None or began < request.user.sessions_valid_from:
        logout(request)
