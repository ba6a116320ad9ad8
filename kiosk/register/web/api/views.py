"""Answer a request of the API: check token and parameters, then ask the function of the address."""

import msgspec
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from kiosk.register.web.api.endpoints import ENDPOINTS, Endpoint
from kiosk.register.web.api.openapi import document
from kiosk.register.web.api.records import ErrorRecord
from kiosk.register.web.api.tokens import find_token


@require_GET
def answer(request: HttpRequest, endpoint: Endpoint) -> HttpResponse:
    """Answer with records, or with the reason why not."""
    now = timezone.now()
    token = find_token(request.headers.get("Authorization", ""), now)
    if token is None:
        response = _error(401, 'send "Authorization: Bearer TOKEN"; an administrator makes tokens')
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    if endpoint.scope not in token.scopes.split():
        return _error(403, f"the token lacks the scope {endpoint.scope!r}")
    known = {one.name for one in endpoint.parameters}
    problems = [one.problem(request.GET.get(one.name)) for one in endpoint.parameters]
    problems += [f"{name}: unknown parameter" for name in request.GET if name not in known]
    if found := [one for one in problems if one]:
        return _error(400, "; ".join(found))
    records = endpoint.answer(request.GET.dict(), now)
    if records is None:
        return _error(404, "what the request names is not there")
    return _json(200, records)


@require_GET
def openapi(request: HttpRequest) -> HttpResponse:
    """Answer with the OpenAPI document; it needs no token."""
    return _json(200, document(f"{request.scheme}://{request.get_host()}"))


def _json(status: int, facts: object) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(facts), "application/json", status)


def _error(status: int, text: str) -> HttpResponse:
    return _json(status, ErrorRecord(error=text))


urlpatterns = [
    path("api/v1/openapi.json", openapi, name="openapi"),
    *(
        path(f"api/v1/{one.name}", answer, {"endpoint": one}, name=f"api-{one.name}")
        for one in ENDPOINTS
    ),
]
