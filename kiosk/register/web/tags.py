"""Template tags: how a status, a kiosk's state or a time is written."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from kiosk.register.rules.day import Rate

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


@register.inclusion_tag("sign.html")
def sign(code: str) -> dict[str, object]:
    """Write a status as its sign alone, with the word for those who hear the page."""
    return status(code)


@register.inclusion_tag("legend.html")
def legend() -> dict[str, object]:
    """Write what each sign means."""
    return {"codes": list(STATUS_TITLES)}


@register.simple_tag
def rate(one: Rate) -> str:
    """Write a rate, such as "93 %"; "-" where nothing counts."""
    if one.value is None:
        return "-"
    return gettext("%(percent)s %%") % {
        "percent": number_format(100 * one.attended / one.counted, 0)
    }


@register.simple_tag
def percent(one: Rate) -> str:
    """Write a rate as a number for a plot, 0 to 100; "" where nothing counts."""
    return "" if one.value is None else f"{float(100 * one.value):.2f}"
