"""Whatever the bytes of a file to import are, they are read, or each problem is named."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from kiosk.register.imports.ics_series import Horizon
from kiosk.register.imports.oneroster import read_oneroster
from kiosk.register.imports.roster_csv import read_roster
from kiosk.register.imports.timetable_csv import Place, read_timetable
from kiosk.register.imports.timetable_ics import read_calendar
from tests.hostile import broken
from tests.kiosk.register.imports.test_oneroster import FILES, zipped

_PLACE = Place("centro", ZoneInfo("America/Mexico_City"))
_YEAR = Horizon(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
_ZIP = zipped(FILES)
_CALENDAR = (
    b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Maths\r\nCATEGORIES:7b\r\n"
    b"DTSTART;TZID=Europe/Berlin:20260112T080000\r\nDTEND;TZID=Europe/Berlin:20260112T084500\r\n"
    b"RRULE:FREQ=WEEKLY;UNTIL=20260630T000000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
_TIMETABLE = (
    b"class_id,room,weekday,start,end,first_day,last_day\n"
    b"7b,room-1,mon,08:00,08:45,2026-01-12,2026-06-30\n"
)
_ROSTER = b"id,name,class_id,class_name,from,until\ns-1,Ada,7b,Class 7b,2026-01-01,\n"


@given(broken([_ZIP, _CALENDAR, _TIMETABLE, _ROSTER]) | st.binary(max_size=100))
@example(_ZIP[30:])
@example(_ZIP.replace(b"manifest.csv", b""))
@example(_CALENDAR.replace(b"Europe/Berlin", b"Europe"))
@example(_CALENDAR.replace(b"Europe/Berlin", b"Europe/" + b"9" * 300))
@example(_CALENDAR.replace(b"VEVENT", b"VTIMEZONE"))
def test_any_file_is_read_or_its_problems_are_named(data: bytes) -> None:
    """Law: a reader of files raises nothing."""
    found = (
        read_oneroster(data, "f"),
        read_calendar(data, "f", _PLACE, _YEAR),
        read_timetable(data, "f", _PLACE),
        read_roster(data, "f"),
    )
    assert all(one.content is not None or one.problems for one in found)
