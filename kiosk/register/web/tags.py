"""Template tags: how a status, a kiosk's state or a time is written."""

from django import template
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

register = template.Library()

STATUS_TITLES = {
    "present": _("present"),
    "late": _("late"),
    "absent": _("absent"),
    "excused": _("excused"),
    "left-early": _("left early"),
    "off-site": _("off site"),
    "exempt": _("exempt"),
    "not-known": pgettext_lazy("attendance", "not known yet"),
}
STATUS_SIGNS = {
    "present": "✓",
    "late": "◷",
    "absent": "✗",
    "excused": "E",
    "left-early": "↩",
    "off-site": "↗",
    "exempt": "-",
    "not-known": "?",
}
"""Beside colour and word: a status is not told by colour alone."""


@register.inclusion_tag("status.html")
def status(code: str) -> dict[str, object]:
    """Write a status as sign and word."""
    return {
        "code": code,
        "title": STATUS_TITLES.get(code, code),
        "sign": STATUS_SIGNS.get(code, ""),
    }
