"""Time zones by the names that calendars give them: IANA's, or those of Windows."""

from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON


def find_zone(name: str) -> tzinfo | None:
    """Return the time zone of a TZID; ``None`` for one that is not known.

    What a calendar file itself says of a zone (VTIMEZONE) is not believed: a name that only the
    file explains, such as a localised one of Outlook, may have any rules.
    """
    try:
        return ZoneInfo(WINDOWS_TO_OLSON.get(name, name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
