"""A timetable as iCalendar, and what calendars do to it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from kiosk.register.imports.ics_series import Horizon
from kiosk.register.imports.outcome import Outcome
from kiosk.register.imports.records import LessonRow
from kiosk.register.imports.timetable_csv import Place
from kiosk.register.imports.timetable_ics import read_calendar

MEXICO = Place("centro", ZoneInfo("America/Mexico_City"))
TIJUANA = Place("tijuana", ZoneInfo("America/Tijuana"))
YEAR = Horizon(datetime(2026, 8, 1, tzinfo=UTC), datetime(2027, 8, 1, tzinfo=UTC))
MONDAY = "DTSTART;TZID=America/Mexico_City:20261123T080000"


def event(*lines: str, start: str = MONDAY, uid: str = "a") -> str:
    head = [f"UID:{uid}", "SUMMARY:Maths", "CATEGORIES:10B", "LOCATION:107", start]
    duration = [] if any(one.startswith("DTEND") for one in lines) else ["DURATION:PT45M"]
    return "\r\n".join(["BEGIN:VEVENT", *head, *duration, *lines, "END:VEVENT", ""])


def read(*events: str, place: Place = MEXICO, head: str = "") -> Outcome[tuple[LessonRow, ...]]:
    text = "".join(["BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", head, *events, "END:VCALENDAR\r\n"])
    return read_calendar(text.encode(), "week.ics", place, YEAR)


def lessons(*events: str, place: Place = MEXICO) -> tuple[LessonRow, ...]:
    found = read(*events, place=place)
    assert found.problems == ()
    assert found.content is not None
    return found.content


def starts(*events: str, place: Place = MEXICO) -> list[str]:
    return [f"{one.starts_at:%m-%d %H:%M %z}" for one in lessons(*events, place=place)]


def problems(*events: str, head: str = "") -> list[str]:
    found = read(*events, head=head)
    assert found.content is None
    return [str(one) for one in found.problems]


def test_an_event_is_a_lesson() -> None:
    """Class, room and title come from category, location and summary."""
    assert lessons(event()) == (
        LessonRow(
            lesson_id="a",
            class_title="10B",
            room="107",
            site="centro",
            starts_at=datetime(2026, 11, 23, 14, tzinfo=UTC),
            ends_at=datetime(2026, 11, 23, 14, 45, tzinfo=UTC),
            title="Maths",
        ),
    )


def test_marks_that_nobody_sees_are_dropped() -> None:
    """So a class is called as in the roster."""
    marked = event().replace(":Maths", ":\u200fMa\u00adths").replace(":10B", ":10B\u200e")
    assert lessons(marked.replace(":107", ":\u200e107")) == lessons(event())


@pytest.mark.parametrize(
    "start",
    [
        "DTSTART:20261123T080000",
        "DTSTART:20261123T140000Z",
        "DTSTART;TZID=America/Mexico_City:20261123T080000",
        'DTSTART;TZID="Central Standard Time (Mexico)":20261123T080000',
        "DTSTART;TZID=America/Tijuana:20261123T060000",
    ],
)
def test_a_time_is_that_of_its_zone_or_of_the_site(start: str) -> None:
    """Names of IANA and of Windows; without a name it is the site's."""
    assert starts(event(start=start)) == ["11-23 08:00 -0600"]


ZONE = """BEGIN:VTIMEZONE\r
TZID:Hora estándar central (México)\r
BEGIN:STANDARD\r
DTSTART:16010101T000000\r
TZOFFSETFROM:-0500\r
TZOFFSETTO:-0500\r
END:STANDARD\r
END:VTIMEZONE\r
"""


@pytest.mark.parametrize("zone", ["Nowhere/Land", "Hora estándar central (México)"])
def test_an_unknown_time_zone_is_refused_with_its_line(zone: str) -> None:
    """Also one that only the file explains, and after the parser has seen such a file."""
    for head in ("", ZONE, ""):
        (problem,) = problems(event(start=f"DTSTART;TZID={zone}:20261123T080000"), head=head)
        line = 8 + head.count("\n")
        assert problem.startswith(f"week.ics:{line}: DTSTART: unknown time zone; expected an IANA")


@pytest.mark.parametrize(
    "until", ["20261207T080000", "20261207T140000Z", "20261207", "20261208T020000Z"]
)
def test_the_last_lesson_is_not_lost(until: str) -> None:
    """UNTIL without Z is a time of the event's zone, and a day includes its lessons."""
    assert starts(event(f"RRULE:FREQ=WEEKLY;UNTIL={until}")) == [
        "11-23 08:00 -0600",
        "11-30 08:00 -0600",
        "12-07 08:00 -0600",
    ]


def test_a_series_keeps_its_hour_where_there_is_daylight_saving() -> None:
    """Tijuana's clocks go forward on 14 March 2027; one that repeats in UTC moves, and is noted."""
    local = event("RRULE:FREQ=WEEKLY;COUNT=2", start="DTSTART:20270310T080000")
    assert starts(local, place=TIJUANA) == ["03-10 08:00 -0800", "03-17 08:00 -0700"]
    moving = event("RRULE:FREQ=WEEKLY;COUNT=2", start="DTSTART:20270310T160000Z")
    assert starts(moving, place=TIJUANA) == ["03-10 08:00 -0800", "03-17 09:00 -0700"]
    (note,) = read(moving, place=TIJUANA).notes
    assert "repeats in UTC" in note.text
    assert read(moving).notes == ()


@pytest.mark.parametrize(
    ("start", "rule", "text"),
    [
        ("DTSTART:20270308T160000Z", "FREQ=WEEKLY;COUNT=4", "repeats in UTC"),
        ("DTSTART;TZID=Etc/UTC:20260803T150000", "FREQ=WEEKLY", "repeats in UTC"),
        ("DTSTART:20260105T160000Z", "FREQ=WEEKLY;UNTIL=20260930T000000Z", "repeats in UTC"),
        ("DTSTART;TZID=Etc/GMT:20270308T160000", "FREQ=WEEKLY;COUNT=4", "repeats in another"),
        ("DTSTART;TZID=Europe/Madrid:20270308T170000", "FREQ=WEEKLY;COUNT=4", "repeats in another"),
    ],
)
def test_a_series_that_moves_between_its_own_lessons_is_noted(
    start: str, rule: str, text: str
) -> None:
    """Wherever the horizon begins; also if only the lessons before it had the other hour."""
    series = f"BEGIN:VCALENDAR\r\n{event(f'RRULE:{rule}', start=start)}END:VCALENDAR\r\n"
    for begin in (YEAR.begin, datetime(2026, 3, 1, tzinfo=UTC)):
        horizon = Horizon(begin, YEAR.end)
        (note,) = read_calendar(series.encode(), "week.ics", TIJUANA, horizon).notes
        assert note.text.startswith(text)
        assert (note.column, note.line) == ("DTSTART", 7)


@pytest.mark.parametrize(
    "events",
    [
        [event("RRULE:FREQ=WEEKLY;COUNT=6", start="DTSTART:20260907T150000Z")],
        [event("RRULE:FREQ=WEEKLY", start="DTSTART;TZID=America/Los_Angeles:20260907T080000")],
        [event("RDATE:20270317T150000Z", start="DTSTART:20270310T160000Z")],
        [
            event("RRULE:FREQ=WEEKLY;COUNT=2", start="DTSTART:20270310T160000Z"),
            event("RECURRENCE-ID:20270317T160000Z", start="DTSTART:20270317T150000Z"),
        ],
    ],
)
def test_a_series_that_keeps_its_hour_is_not_noted(events: list[str]) -> None:
    """One of a single season, of a zone with the same clock, or with each hour set right."""
    assert read(*events, place=TIJUANA).notes == ()


def test_a_lesson_may_go_over_midnight() -> None:
    """It has the day of its start."""
    (found,) = lessons(event("DTEND:20261124T003000", start="DTSTART:20261123T233000"))
    assert f"{found.starts_at:%d %H:%M}-{found.ends_at:%d %H:%M}" == "23 23:30-24 00:30"


SERIES = event("RRULE:FREQ=WEEKLY;COUNT=3")


def test_excluded_occurrences_do_not_exist() -> None:
    """By time, by day, and with the site's time where none is named."""
    for line in ("EXDATE:20261130T080000", "EXDATE;VALUE=DATE:20261130", "EXDATE:20261130T140000Z"):
        found = starts(event("RRULE:FREQ=WEEKLY;COUNT=3", line))
        assert found == ["11-23 08:00 -0600", "12-07 08:00 -0600"]


def test_a_moved_occurrence_keeps_its_id() -> None:
    """So what was said of the lesson stays with it."""
    moved = event("RECURRENCE-ID:20261130T140000Z", start="DTSTART:20261201T100000")
    plain, changed = lessons(SERIES), lessons(SERIES, moved)
    assert [one.lesson_id for one in changed] == [one.lesson_id for one in plain]
    assert {one.status for one in changed} == {"scheduled"}
    assert f"{changed[1].starts_at:%d %H:%M}" == "01 10:00"


def test_a_cancelled_occurrence_is_a_cancelled_lesson() -> None:
    """It is shown as such, and has no marks."""
    off = event(
        "RECURRENCE-ID:20261130T080000", "STATUS:CANCELLED", start="DTSTART:20261130T080000"
    )
    assert [one.status for one in lessons(SERIES, off)] == ["scheduled", "cancelled", "scheduled"]


def test_a_change_of_an_occurrence_that_is_not_there_is_left_out() -> None:
    """The series was changed since; a change whose series is not in the file is a lesson."""
    orphan = event("RECURRENCE-ID:20261201T080000", start="DTSTART:20261202T080000")
    found = read(SERIES, orphan)
    assert found.content is not None
    assert len(found.content) == 3
    assert "does not have; left out" in found.notes[0].text
    assert starts(orphan) == ["12-02 08:00 -0600"]


def test_the_newest_revision_counts() -> None:
    """Two of the same number contradict each other."""
    new = event("SEQUENCE:1", start="DTSTART:20261124T080000")
    assert starts(new, event()) == starts(event(), new) == ["11-24 08:00 -0600"]
    assert problems(event(), event()) == ["week.ics:12: UID: the same UID as the event on line 3"]


def test_days_without_hours_are_no_lessons() -> None:
    """Holidays stand in the same calendar; each is said to be left out."""
    found = read(event(), event(start="DTSTART;VALUE=DATE:20261225", uid="xmas"))
    assert found.content is not None
    assert len(found.content) == 1
    assert "left out" in found.notes[0].text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("RRULE:FREQ=SECONDLY", "a lesson repeats daily, weekly or monthly"),
        ("RRULE:FREQ=DAILY;BYHOUR=8,9", "a lesson repeats at one time of day"),
        ("RRULE:FREQ=DAILY;INTERVAL=0", "INTERVAL: expected 1 to 60"),
        ("RRULE:INTERVAL=1", "a lesson repeats daily, weekly or monthly"),
        ("RRULE:FREQ=YEARLY", "a lesson repeats daily, weekly or monthly"),
        ("RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "BYMONTHDAY is not read with DAILY; write"),
        ("RRULE:FREQ=DAILY;INTERVAL=7;BYDAY=TU", "every seventh day is the same weekday"),
        ("RRULE:FREQ=WEEKLY;INTERVAL=52;BYMONTH=2", "INTERVAL: expected 1 to 60, and with"),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=30", "BYMONTHDAY: expected a day that every month has"),
        ("RRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6", "BYSETPOS: expected a place that every month"),
        ("RRULE:FREQ=WEEKLY;COUNT=2;UNTIL=20261207", "COUNT and UNTIL exclude each other"),
        ("RRULE:FREQ=WEEKLY;BYDAY=XX", "not valid"),
        ("RRULE:FREQ=WEEKLY;UNTIL=soon", "not valid"),
        ("RRULE:FREQ=WEEKLY;BYDAY=MO;BYHOUR=77", "not a valid rule"),
        ("EXDATE:soon", "not valid"),
        ("EXDATE;TZID=Nowhere/Land:20261130T080000", "unknown time zone"),
        ("RDATE;TZID=Nowhere/Land:20261130T080000", "unknown time zone"),
        ("RECURRENCE-ID;RANGE=THISANDFUTURE:20261130T080000", "a change from here on"),
        ("DTEND:20261123T080000", "expected a lesson that ends after it starts"),
        ("DTEND:20261125T080000", "expected a lesson that ends after it starts"),
    ],
)
def test_what_a_parser_would_drop_or_guess_is_a_problem(line: str, text: str) -> None:
    """Each with the line of the property."""
    (problem,) = problems(event(line))
    number = event(line).split("\r\n").index(line) + 3
    name = line.replace(";", ":").split(":")[0]
    assert problem.startswith(f"week.ics:{number}: {name}: {text}")


@pytest.mark.parametrize("uid", ["..", "a/../b", "../a", "a/."])
def test_an_id_that_no_address_can_have_is_refused(uid: str) -> None:
    """Browsers would ask for another page than that of the lesson."""
    (problem,) = problems(event("RRULE:FREQ=DAILY", uid=uid))
    assert problem.startswith('week.ics:4: UID: has the part "." or ".."')


@pytest.mark.parametrize(("uid", "code"), [("a\\nb", "000A"), ("a\u200fb", "200F")])
def test_an_id_with_a_character_that_does_not_print_is_refused(uid: str, code: str) -> None:
    """Events that name such a lesson would be refused."""
    (problem,) = read(event(uid=uid)).problems
    assert str(problem) == f"week.ics:4: UID: U+{code} does not print; delete it"
    assert problem.value == f"a[U+{code}]b"


def test_dots_within_an_id_do_not_matter() -> None:
    """As calendars write them."""
    assert lessons(event(uid="a..b/...@.example.org"))


def test_old_series_and_strange_years_are_refused() -> None:
    """They would be counted from their first occurrence."""
    (old,) = problems(event("RRULE:FREQ=DAILY", start="DTSTART:20010101T080000"))
    (first,) = problems(event(start="DTSTART:00010101T000000Z"))
    assert "more than ten years ago" in old
    assert "expected a time of this century" in first


@pytest.mark.parametrize(
    "rule", ["FREQ=DAILY", "FREQ=DAILY;COUNT=99999", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1"]
)
def test_no_series_runs_past_the_horizon(rule: str) -> None:
    """Without an end, or with one that is far away."""
    found = lessons(event(f"RRULE:{rule}"))
    assert 1 <= len(found) <= 366
    assert all(YEAR.covers(one.starts_at) for one in found)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"BEGIN:VCALENDAR\r\n",
        b"BEGIN:VEVENT\r\nEND:VCALENDAR\r\n",
        b"BEGIN:VCALENDAR\r\nX:\xff\r\nEND:VCALENDAR\r\n",
        b"BEGIN:A\r\n" * 5000 + b"END:A\r\n" * 5000,
        b"BEGIN:VCALENDAR\r\n%b%bEND:VCALENDAR\r\n"
        % (b"BEGIN:VEVENT\r\n" * 2, b"END:VEVENT\r\n" * 2),
    ],
)
def test_what_is_no_calendar_is_refused(data: bytes) -> None:
    """With one sentence."""
    found = read_calendar(data, "week.ics", MEXICO, YEAR)
    assert found.content is None
    assert len(found.problems) >= 1


def test_class_and_room_may_come_from_the_import() -> None:
    """A calendar of one class names neither in its events."""
    bare = event().replace("CATEGORIES:10B\r\n", "").replace("LOCATION:107\r\n", "")
    assert [one.split(": ")[1] for one in problems(bare)] == ["CATEGORIES", "LOCATION"]
    text = f"BEGIN:VCALENDAR\r\n{bare}END:VCALENDAR\r\n".encode()
    found = read_calendar(text, "week.ics", MEXICO, YEAR, class_title="9A", room="201")
    assert found.content is not None
    assert (found.content[0].class_title, found.content[0].room) == ("9A", "201")


def test_a_calendar_of_another_year_is_said_to_be_one() -> None:
    """It would cancel every lesson."""
    assert problems(event(start="DTSTART:20200106T080000")) == [
        "week.ics: no lesson within the school year"
    ]


def test_a_horizon_is_bounded() -> None:
    """Two years at most."""
    with pytest.raises(ValueError, match="at most two years"):
        Horizon(YEAR.begin, datetime(2030, 1, 1, tzinfo=UTC))
