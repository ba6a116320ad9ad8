"""Template tags: how a status, a kiosk's state, a time or a class is written."""

from collections.abc import Iterable
from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext_lazy, npgettext_lazy, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from kiosk.register.alphabet import told_apart
from kiosk.register.models import SchoolClass
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
STATUS_COUNTS = {
    "present": ngettext_lazy("%(count)d present", "%(count)d present", "count"),
    "late": ngettext_lazy("%(count)d late", "%(count)d late", "count"),
    "absent": ngettext_lazy("%(count)d absent", "%(count)d absent", "count"),
    "excused": ngettext_lazy("%(count)d excused", "%(count)d excused", "count"),
    "left-early": ngettext_lazy("%(count)d left early", "%(count)d left early", "count"),
    "off-site": ngettext_lazy("%(count)d off site", "%(count)d off site", "count"),
    "exempt": ngettext_lazy("%(count)d exempt", "%(count)d exempt", "count"),
    "not-known": npgettext_lazy(
        "attendance", "%(count)d not known yet", "%(count)d not known yet", "count"
    ),
}
STATUS_SIGNS = {
    "present": "✓",
    "late": "◷",
    "absent": "✗",
    "excused": "○",
    "left-early": "↩",
    "off-site": "↗",
    "exempt": "-",
    "not-known": "?",
}
"""Beside colour and word: a status is not told by colour alone."""
RULE_TITLES = {
    "present.in-window": _("seen at the door in time"),
    "present.carried-over": _("stayed in the room from the lesson before"),
    "present.clock-untrusted": _("seen at the door, at a time that is not certain"),
    "late.after": _("seen at the door after the lesson had begun"),
    "left-early.exit": _("seen leaving before the end"),
    "absent.after": _("came so late that it counts as absent"),
    "absent.lesson-over-and-complete": _("not seen, and every kiosk of the room is complete"),
    "unknown.not-begun": _("the lesson has not begun"),
    "unknown.running": _("not seen yet"),
    "unknown.no-kiosk": _("the room has no kiosk"),
    "unknown.kiosk-behind": _("not seen; events of a kiosk are still expected"),
    "unknown.kiosk-did-not-watch": _(
        "not seen, but a camera of the room did not watch all the time: please look"
    ),
    "unknown.exit-only": _("only seen leaving: please look"),
    "unknown.clock-untrusted": _("seen, but the kiosk's clock was wrong: please look"),
    "exempt.guest-elsewhere": _("a guest of another lesson at this time"),
    "unknown.not-expected": _("not in the class on this day, or the lesson is cancelled"),
}


@register.filter
def titled(classes: Iterable[SchoolClass]) -> list[tuple[SchoolClass, str]]:
    """Give each class what a list calls it: the title, with the id where two have the same."""
    rows = list(classes)
    titles = told_apart({one.pk: one.title for one in rows})
    return [(one, titles[one.pk]) for one in rows]


@register.simple_tag
def status(code: str) -> SafeString:
    """Write a status as sign and word."""
    # No template of its own: a class has forty of them, and each open page asks for it often.
    return format_html(
        '<span class="status {}"><span aria-hidden="true">{}</span> {}</span>',
        code,
        STATUS_SIGNS.get(code, ""),
        STATUS_TITLES.get(code, code),
    )


def _facts(code: str) -> dict[str, object]:
    return {
        "code": code,
        "title": STATUS_TITLES.get(code, code),
        "sign": STATUS_SIGNS.get(code, ""),
    }


@register.inclusion_tag("sign.html")
def sign(code: str) -> dict[str, object]:
    """Write a status as its sign alone, with the word for those who hear the page."""
    return _facts(code)


@register.inclusion_tag("legend.html")
def legend() -> dict[str, object]:
    """Write what each sign means."""
    return {"codes": list(STATUS_TITLES)}


def clock_time(moment: datetime, now: datetime) -> str:
    """Write a time of day in the visitor's zone, with the date unless it is today's."""
    local = timezone.localtime(moment)
    is_today = local.date() == timezone.localdate(now)
    text = date_format(local, "TIME_FORMAT")
    return text if is_today else f"{date_format(local, 'SHORT_DATE_FORMAT')} {text}"


@register.simple_tag
def status_title(code: str) -> object:
    """Write a status as a word alone."""
    return STATUS_TITLES.get(code, code)


@register.simple_tag
def status_count(code: str, count: int) -> object:
    """Write how many have a status."""
    text = STATUS_COUNTS.get(code)
    return text % {"count": count} if text else f"{count} {code}"


@register.simple_tag
def rule_title(rule: str) -> object:
    """Write what a rule says."""
    return RULE_TITLES.get(rule, rule)


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
