"""The links at the top of each page, by role."""

from typing import Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from kiosk.register.models import Role
from kiosk.register.web.access import MARKERS, STAFF

_LINKS: Final = (
    ("now", _("Now"), MARKERS),
    ("registers", _("Registers"), MARKERS),
    ("classes", _("Classes"), MARKERS),
    ("exports", _("Exports"), MARKERS),
    ("cards", _("Cards"), MARKERS),
    ("bin", _("Bin"), (Role.ADMINISTRATOR, Role.OFFICE, Role.TECHNICIAN)),
    ("consents", _("Consent"), (Role.ADMINISTRATOR, Role.OFFICE, Role.TECHNICIAN)),
    ("kiosks", _("Kiosks"), (Role.ADMINISTRATOR, Role.OFFICE, Role.TECHNICIAN)),
    ("imports", _("Import"), STAFF),
    ("terms", _("Terms"), STAFF),
    ("set-up", _("Set up"), (Role.ADMINISTRATOR,)),
    ("accounts", _("Accounts"), (Role.ADMINISTRATOR,)),
    ("programs", _("Programs"), (Role.ADMINISTRATOR,)),
)


def navigation(request: HttpRequest) -> dict[str, object]:
    """Return the links that the account may follow (a context processor).

    They are looked up when a template asks for them: a live update shows none.
    """
    return {"links": lambda: _links(request)}


def _links(request: HttpRequest) -> list[dict[str, object]]:
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return []
    return [
        {"address": reverse(name), "title": title, "is_here": request.path == reverse(name)}
        for name, title, roles in _LINKS
        if request.user.role in roles
    ]
