"""Problems and notes of code that knows no language, such as the readers of files, in translation.

The readers write plain English, which the commands print. A text is known here with holes for what
it is about; a test looks for each text of the readers in :data:`TEXTS`.
"""

import re
from typing import Final

from django import template
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_noop as _

register = template.Library()

TEXTS: Final = (
    # Reasons that a page gives for a person.
    _("seen in the room"),
    _("taken back at once"),
    # Any file.
    _("larger than %(size)s MB; divide the file"),
    _("larger than %(size)s MB unpacked"),
    _("more than %(count)s files"),
    _("the zip has a password; make one without"),
    _("not a zip file, or a damaged one"),
    _("not UTF-8"),
    _("an Excel workbook; save it as CSV (UTF-8)"),
    _("an OpenDocument spreadsheet; save it as CSV (UTF-8)"),
    # CSV.
    _("neither UTF-8, UTF-16 nor Windows-1252; save it as CSV UTF-8"),
    _("not UTF-8, read as Windows-1252; check letters with accents"),
    _("empty; the first line has the columns"),
    _("no rows below the header"),
    _("not CSV: %(why)s"),
    _("the column is missing; the header may call it %(names)s"),
    _("two columns have this name"),
    _("not a column of this format; left out"),
    _('%(cells)s cells, the header has %(count)s; put "quotes" around a separator'),
    _("longer than %(count)s characters"),
    _("%(character)s does not print; delete it"),
    # Dates and times.
    _("expected a date such as 2026-08-31"),
    _("day and month cannot be told apart; write 2026-08-31"),
    _("some dates begin with the day and some with the month; write 2026-08-31"),
    _("no such date"),
    _("expected a time such as 08:45"),
    _("no such time of day"),
    _("empty"),
    _("before begin"),
    _('has the part "." or "..", which no address of a page can have; change it'),
    # Rosters.
    _("at most 64 letters (A-Z, a-z), digits, '.', '_' and '-', the first a letter or digit"),
    _("line %(line)s has another one for the same id"),
    _("another class is called %(title)s, too; its lessons and marks stay with it"),
    _("this id was erased on %(day)s, so its messages are refused; give the student a new one"),
    _("the same person and class as on line %(line)s"),
    # OneRoster.
    _("no %(name)s at the root of the zip"),
    _("no %(name)s at the root of the zip; it lies in a folder: zip the files, not the folder"),
    _("not CSV in UTF-8"),
    _("expected %(what)s"),
    _("only changes (delta); export the whole roster (bulk)"),
    _("%(name)s is not in the zip"),
    _("needed; expected bulk"),
    _("to be deleted; left out"),
    _("neither student nor teacher; left out"),
    _("not an enabled user; left out"),
    _("another term has this title; left out"),
    _("not after the begin (of the class's terms)"),
    _("the same as on line %(line)s"),
    _("%(name)s has no such sourcedId"),
    # Timetables.
    _("more than %(count)s lessons; divide the file"),
    _("the same class and start as line %(line)s on %(day)s"),
    _("write 00:00 of the next day"),
    _("longer than %(count)s hours; is the end before the start?"),
    _("no such day from first to last"),
    _('expected days such as "mon thu" or "lunes jueves"'),
    _("empty; a lesson of each week needs its last day"),
    _("empty; name the weekdays of this lesson"),
    _("expected a date from the first day on, at most %(count)s days later"),
    _("the id of a lesson is longer than %(count)s characters: %(id)s"),
    _("several classes are called %(title)s; write the id of one"),
    _("class %(title)s is not known; import the roster first, or correct the name"),
    _("%(room)s: no kiosk of this room was heard yet; its page says which room it stands in"),
    # iCalendar.
    _("not an iCalendar file"),
    _("not an iCalendar file: an event within an event"),
    _("more than %(count)s events; divide the file"),
    _("no lesson within the school year"),
    _("no class; name it in the import, or here"),
    _("no room; name it in the import, or here"),
    _("unknown time zone; expected an IANA name such as America/Mexico_City"),
    _("expected a time"),
    _("expected a time of this century"),
    _("a time zone without a name"),
    _("not valid"),
    _("missing"),
    _("missing; without it the lesson is not known again in the next file"),
    _("an event of whole days, not a lesson; left out"),
    _("a change from here on is not read; make a new series of it"),
    _("expected a time, not a day"),
    _("expected a lesson that ends after it starts, within 24 hours"),
    _("the same UID as the event on line %(line)s"),
    _("changes an occurrence that the series does not have; left out"),
    _("repeats in UTC, so daylight saving moves it by an hour; give it a TZID"),
    _("repeats in another time zone, so daylight saving moves it; take the site's"),
    _("not a valid rule"),
    _("expected an end after the begin, at most two years later"),
    _("the series began more than ten years ago; renew it"),
    _("a lesson repeats daily, weekly or monthly"),
    _("%(part)s is not read with %(frequency)s; write these lessons out one by one"),
    _("a lesson repeats at one time of day"),
    _("BYMONTHDAY: expected a day that every month has"),
    _("INTERVAL: expected 1 to 60, and with BYMONTH 1 to 4"),
    _("every seventh day is the same weekday; FREQ=WEEKLY says that"),
    _("BYSETPOS: expected a place that every month has, 1 to 4 or -1 to -4"),
    _("COUNT and UNTIL exclude each other"),
    # Exports.
    _("%(count)s lines, at most %(limit)s at once; choose fewer days or classes"),
    _("%(count)s rows, a sheet has %(limit)s; choose fewer days"),
    _("%(text)s, expected a position as a file has it, such as %(example)s"),
    _("%(text)s is after the newest position of this register, %(newest)s"),
    # The bin.
    _("not in the list of people"),
    _("not in the list of kiosks"),
    _("%(time)s s ahead"),
    _("card %(card)s, revoked before"),
    _("the topic names no kiosk"),
    # What the reader of JSON says (msgspec).
    _("not %(what)s: longer than %(count)s bytes"),
    _("not %(what)s: nested more than %(count)s deep"),
    _("not %(what)s: JSON is malformed: %(why)s"),
    _("not %(what)s: Input data was truncated"),
    _("not %(what)s: Object missing required field `%(field)s`"),
    _("not %(what)s: Object missing required field `%(field)s` - at `%(place)s`"),
    _("not %(what)s: Expected `%(type)s`, got `%(other)s`"),
    _("not %(what)s: Expected `%(type)s`, got `%(other)s` - at `%(place)s`"),
    _("not %(what)s: Expected `%(type)s` matching regex %(pattern)s - at `%(place)s`"),
    _("not %(what)s: Expected `%(type)s` of length %(limit)s - at `%(place)s`"),
    _("not %(what)s: Expected `%(type)s` %(limit)s - at `%(place)s`"),
    _("not %(what)s: Invalid enum value %(value)s - at `%(place)s`"),
    _("not %(what)s: %(why)s"),
    _("longer than %(count)s bytes"),
    _("says that it is from another kiosk"),
    _("type %(type)s, schema version %(version)s"),
    _("an event of type %(type)s on the topic of another type"),
    _("sequence is above %(count)s"),
    _("%(field)s is longer than %(count)s characters, or not printable"),
    _("not signed"),
    _("signed with a key that is not trusted: kiosk register kiosks --trust %(kiosk)s"),
    _("signed with another key, or changed since"),
    # Audit trail.
    _("temporary student merged"),
)
COLUMNS: Final = {
    "name": pgettext_lazy("column", "name"),
    "class": pgettext_lazy("column", "class"),
    "begin": pgettext_lazy("column", "begin"),
    "end": pgettext_lazy("column", "end"),
    "room": pgettext_lazy("column", "room"),
    "title": pgettext_lazy("column", "subject"),
    "days": pgettext_lazy("column", "days"),
    "start": pgettext_lazy("column", "start"),
    "from": pgettext_lazy("column", "from"),
    "until": pgettext_lazy("column", "until"),
}
"""Columns of the plain CSV files, as their headers may call them in the visitor's language."""
KINDS: Final = (
    _("a health message"),
    _("an availability message"),
    _("an event of schema 1"),
    _("an event with its kiosk"),
    _("erasure receipts"),
    _("health"),
)
"""What ``%(what)s`` may be."""
_HOLE: Final = re.compile(r"%\\\((\w+)\\\)s|%\((\w+)\)s")
_KNOWN: Final = [
    (text, re.compile(_HOLE.sub(lambda hole: f"(?P<{hole[1] or hole[2]}>.+)", re.escape(text))))
    for text in sorted(TEXTS, key=lambda one: -len(_HOLE.sub("", one)))
]
"""The text that says most comes first."""


def known(text: str) -> tuple[str, dict[str, str]] | None:
    """Return which of :data:`TEXTS` a text is, and what fills its holes; ``None`` for none."""
    for template_, pattern in _KNOWN:
        if found := pattern.fullmatch(text):
            return template_, found.groupdict()
    return None


@register.filter
def column(name: str) -> str:
    """Return how the visitor's language calls a column; one of another format as it is."""
    return str(COLUMNS.get(name, name))


@register.filter
def problem(text: str) -> str:
    """Return a problem or note in the visitor's language; one that is not known, as it is."""
    found = known(text)
    if found is None:
        return text
    template_, values = found
    if values.get("what") in KINDS:
        values["what"] = gettext(values["what"])
    return gettext(template_) % values
