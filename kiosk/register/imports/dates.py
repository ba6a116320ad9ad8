"""Dates and times of day in the forms that spreadsheets turn them into.

Excel rewrites 2026-08-31 as 31/08/2026 or 8/31/2026, by the country of whoever saved the file.
Which of the two it was is read from all dates of the file: one number above 12 shows it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from typing import Final, Literal

_ISO: Final = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)(?:[T ]00:00(?::00)?)?")
_SLASHED: Final = re.compile(r"(\d\d?)[/.-](\d\d?)[/.-](\d{4})")
_TIME: Final = re.compile(
    r"(\d\d?):(\d\d)(?::00)?\s*(?:([ap])\.?\s?m\.?)?", re.ASCII | re.IGNORECASE
)

Order = Literal["day", "month", "unclear", "mixed"]


@dataclass(frozen=True, slots=True)
class DateForm:
    """How a file writes dates.

    Attributes:
        order: What comes first in 31/08/2026: "day" or "month"; "unclear" if no date tells,
            "mixed" if some say one and some the other.
    """

    order: Order

    def parse(self, text: str) -> date | str:
        """Return the date, or what is wrong with it."""
        if iso := _ISO.fullmatch(text):
            return _date(iso[1], iso[2], iso[3])
        slashed = _SLASHED.fullmatch(text)
        if not slashed:
            return "expected a date such as 2026-08-31"
        if self.order == "unclear":
            return "day and month cannot be told apart; write 2026-08-31"
        if self.order == "mixed":
            return "some dates begin with the day and some with the month; write 2026-08-31"
        day, month = (1, 2) if self.order == "day" else (2, 1)
        return _date(slashed[3], slashed[month], slashed[day])


def date_form(values: Iterable[str]) -> DateForm:
    """Return how a file writes dates, from all of them."""
    found = [match for match in map(_SLASHED.fullmatch, values) if match]
    first, second = (any(int(one[group]) > 12 for one in found) for group in (1, 2))
    orders: dict[tuple[bool, bool], Order] = {
        (True, False): "day",
        (False, True): "month",
        (True, True): "mixed",
        (False, False): "unclear",
    }
    return DateForm(orders[first, second])


def parse_time(text: str) -> time | Literal["24:00"] | str:  # noqa: PYI051 - named for the reader
    """Return the time of day, "24:00" for the end of a day, or what is wrong with it."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        return "expected a time such as 08:45"
    hour, minute = int(match[1]), int(match[2])
    if match[3]:
        if not 1 <= hour <= 12:
            return "expected a time such as 08:45"
        hour = hour % 12 + (12 if match[3].lower() == "p" else 0)
    if (hour, minute) == (24, 0):
        return "24:00"
    try:
        return time(hour, minute)
    except ValueError:
        return "no such time of day"


def _date(year: str, month: str, day: str) -> date | str:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return "no such date"
