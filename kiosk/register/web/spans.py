"""The span of days that a page shows: from its address, or the last two weeks."""

from datetime import date, timedelta
from typing import Final

from django.http import HttpRequest

from kiosk.register.models import Term
from kiosk.register.overview.history import Span

DEFAULT: Final = timedelta(days=13)
LONGEST: Final = timedelta(days=400)
FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2099, 12, 31)
"""No lesson, term or consent is earlier or later; a year of two digits is read as 0026."""


def span_of(request: HttpRequest, today: date) -> Span:
    """Return the span that ``?term=TITLE`` or ``?from=DAY&to=DAY`` ask for.

    What is not a day is left out; a span that is too long, or ends before it begins, is cut to fit.
    """
    term = Term.objects.filter(title=request.GET.get("term", "")).first()
    if term is not None:
        return Span(term.begin, term.end)
    last = day_of(request.GET.get("to")) or today
    first = day_of(request.GET.get("from")) or last - DEFAULT
    return Span(min(max(first, last - LONGEST), last), last)


def day_of(text: str | None) -> date | None:
    """Return the day that a form gives, such as "2026-11-25"; ``None`` for anything else.

    A day before :data:`FIRST_DAY` or after :data:`LAST_DAY` is a slip of the keyboard, and none.
    """
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None
