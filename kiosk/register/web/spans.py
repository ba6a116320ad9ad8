"""The span of days that a page shows: from its address, or the last two weeks."""

from datetime import date, timedelta
from typing import Final

from django.http import HttpRequest

from kiosk.register.models import Term
from kiosk.register.overview.history import Span

DEFAULT: Final = timedelta(days=13)
LONGEST: Final = timedelta(days=400)


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
    """Return the day that a form gives, such as "2026-11-25"; ``None`` for anything else."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
