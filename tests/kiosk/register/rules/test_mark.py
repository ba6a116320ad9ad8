"""The mark of a student in a lesson from 08:00 to 08:45."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.register.rules.codes import Code
from kiosk.register.rules.completeness import Completeness
from kiosk.register.rules.lesson import Door, Lesson, Scan
from kiosk.register.rules.mark import Before, Mark, Rule, derive
from kiosk.register.rules.settings import RuleSettings
from tests.kiosk.register.rules.support import (
    BOTH_WAYS,
    COMPLETE,
    LESSON,
    MINUTE,
    SETTINGS,
    at,
    door,
    lesson,
    scan,
)


def mark(
    *scans: Scan,
    now: str = "08:50",
    doors: tuple[Door, ...] = COMPLETE,
    settings: RuleSettings = SETTINGS,
    of: Lesson = LESSON,
    before: Before | None = None,
) -> Mark:
    found = derive(of, scans, doors, settings, at(now), before=before)
    assert found is not None
    return found


def short(found: Mark) -> tuple[str, str, int | None]:
    return found.code.value, found.rule.value, found.minutes_late


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("07:50", ("present", "present.in-window", 0)),
        ("08:00", ("present", "present.in-window", 0)),
        ("08:10", ("present", "present.in-window", 10)),
        ("08:10:01", ("late", "late.after", 11)),
        ("08:44:59", ("late", "late.after", 45)),
        ("08:45", ("absent", "absent.lesson-over-and-complete", None)),
        ("07:49:59", ("absent", "absent.lesson-over-and-complete", None)),
    ],
)
def test_the_time_of_the_first_arrival_decides(
    clock: str, expected: tuple[str, str, int | None]
) -> None:
    """Up to ten minutes after the start is in time; what is outside the window is not of it."""
    assert short(mark(scan(clock))) == expected


def test_the_deciding_event_is_named() -> None:
    """It is the first one, in whatever order they arrive."""
    found = mark(scan("08:20", "second"), scan("08:05", "first"))
    assert (found.event_id, found.code) == ("first", Code.PRESENT)


@pytest.mark.parametrize(
    ("now", "doors", "rule"),
    [
        ("07:59", COMPLETE, Rule.NOT_BEGUN),
        ("08:00", COMPLETE, Rule.RUNNING),
        ("08:44", COMPLETE, Rule.RUNNING),
        ("08:45", COMPLETE, Rule.NOT_SEEN),
        ("08:50", (), Rule.NO_KIOSK),
        ("08:50", (door("08:44"),), Rule.KIOSK_BEHIND),
        ("08:50", (door("08:45"),), Rule.NOT_SEEN),
        ("08:50", (door(None),), Rule.KIOSK_BEHIND),
        ("08:50", (door("09:00"), door("08:00", "back")), Rule.KIOSK_BEHIND),
    ],
)
def test_absent_needs_the_end_and_every_kiosk(
    now: str, doors: tuple[Door, ...], rule: Rule
) -> None:
    """Otherwise it is not known, and the rule says why."""
    found = mark(now=now, doors=doors)
    assert (found.rule, found.code is Code.ABSENT) == (rule, rule is Rule.NOT_SEEN)


@pytest.mark.parametrize(
    ("spans", "rule"),
    [
        ([], Rule.KIOSK_AWAY),
        ([("07:00", "09:00")], Rule.NOT_SEEN),
        ([("07:00", "08:20"), ("08:22", "09:00")], Rule.NOT_SEEN),
        ([("07:00", "08:20"), ("08:23", "09:00")], Rule.KIOSK_AWAY),
        ([("07:00", "08:00"), ("08:45", "09:00")], Rule.KIOSK_AWAY),
        ([("08:30", "09:00")], Rule.KIOSK_AWAY),
    ],
)
def test_absent_needs_a_camera_that_saw_the_door(spans: list[tuple[str, str]], rule: Rule) -> None:
    """A kiosk without power has every event that it made, and did not see who came."""
    watched = tuple((at(begin), at(end)) for begin, end in spans)
    doors = tuple(replace(one, watched=watched) for one in COMPLETE)
    assert mark(now="08:50", doors=doors).rule == rule


def test_who_comes_very_late_is_absent_only_when_all_is_known() -> None:
    """Until then late: an earlier event may still arrive."""
    settings = RuleSettings(absent_after_min=20)
    came = scan("08:30")
    assert short(mark(came, settings=settings)) == ("absent", "absent.after", 30)
    assert mark(scan("08:20"), settings=settings).rule is Rule.LATE
    assert mark(came, settings=settings, now="08:40").code is Code.LATE
    assert mark(came, settings=settings, doors=(door("08:30"),)).code is Code.LATE


def test_an_untrusted_time_never_decides_lateness() -> None:
    """Somebody was there; when is not known."""
    found = mark(scan("08:30", trusted=False))
    assert short(found) == ("present", "present.clock-untrusted", None)


def test_a_trusted_time_decides_beside_an_untrusted_one() -> None:
    """Whichever of the two came first."""
    assert mark(scan("08:01", trusted=False), scan("08:30")).code is Code.LATE
    assert mark(scan("08:30", trusted=False), scan("08:01")).code is Code.PRESENT


def test_an_event_of_unknown_time_keeps_somebody_from_being_absent() -> None:
    """Its clock says 03:00, but it may be of this lesson, since it arrived during it."""
    assert mark(scan("03:00", trusted=False, arrived="08:20")).rule is Rule.CLOCK_UNKNOWN
    assert mark(scan("03:00", trusted=False, arrived="07:50")).rule is Rule.CLOCK_UNKNOWN
    assert mark(scan("03:00", trusted=False, arrived="07:49")).rule is Rule.NOT_SEEN


def test_a_cancelled_lesson_has_no_mark() -> None:
    """Nor is anybody absent from it."""
    assert (
        derive(lesson(is_cancelled=True), [scan("08:00")], COMPLETE, SETTINGS, at("09:00")) is None
    )


# Doors that count both ways


@pytest.mark.parametrize(
    ("clocks", "code"),
    [
        (("08:00", "-08:30"), Code.LEFT_EARLY),
        (("08:00", "-08:35"), Code.PRESENT),
        (("08:00", "-08:30", "08:32"), Code.PRESENT),
        (("08:00", "-08:20", "08:22", "-08:30"), Code.LEFT_EARLY),
        (("08:20", "-08:30"), Code.LEFT_EARLY),
        (("08:20", "-08:46"), Code.LATE),
        (("-08:30",), Code.NOT_KNOWN),
    ],
)
def test_who_leaves_and_does_not_come_back_has_left_early(
    clocks: tuple[str, ...], code: Code
) -> None:
    """The last ten minutes are free; who is seen leaving only is not absent."""
    scans = [
        scan(one.lstrip("-"), direction="left" if one.startswith("-") else "right")
        for one in clocks
    ]
    assert mark(*scans, settings=BOTH_WAYS).code is code


def test_nobody_has_left_early_before_the_end() -> None:
    """They may be back in a minute."""
    scans = (scan("08:00"), scan("08:20", direction="left"))
    assert mark(*scans, settings=BOTH_WAYS, now="08:44").code is Code.PRESENT
    assert mark(*scans, settings=BOTH_WAYS, now="08:45").code is Code.LEFT_EARLY


def test_who_was_late_and_left_early_keeps_the_minutes() -> None:
    """One code, and both facts."""
    found = mark(scan("08:20"), scan("08:30", direction="left"), settings=BOTH_WAYS)
    assert (found.minutes_late, found.event_id) == (20, "e-08:30")


# Who stays in the room


@pytest.mark.parametrize(
    ("before", "rule"),
    [
        (Before(lesson("07:15", "08:00", "art"), Code.PRESENT), Rule.CARRIED_OVER),
        (Before(lesson("07:10", "07:55", "art"), Code.LATE), Rule.CARRIED_OVER),
        (Before(lesson("07:10", "07:54", "art"), Code.PRESENT), Rule.NOT_SEEN),
        (Before(lesson("07:15", "08:00", "art", room="201"), Code.PRESENT), Rule.NOT_SEEN),
        (Before(lesson("07:15", "08:00", "art"), Code.ABSENT), Rule.NOT_SEEN),
        (Before(lesson("07:15", "08:00", "art"), Code.EXCUSED), Rule.NOT_SEEN),
        (Before(lesson("07:15", "08:00", "art"), Code.PRESENT, has_left=True), Rule.NOT_SEEN),
    ],
)
def test_who_stays_in_the_room_passes_no_door(before: Before, rule: Rule) -> None:
    """A double lesson has one event; a break, another room or an absence before ends it."""
    found = mark(before=before)
    assert found.rule is rule
    assert found.minutes_late == (0 if rule is Rule.CARRIED_OVER else None)


def test_staying_begins_with_the_lesson_and_can_be_turned_off() -> None:
    """Before the start nothing is known of it."""
    before = Before(lesson("07:15", "08:00", "art"), Code.PRESENT)
    assert mark(before=before, now="07:59").rule is Rule.NOT_BEGUN
    assert mark(before=before, settings=RuleSettings(carry_over_min=0)).rule is Rule.NOT_SEEN


# Nights and time zones

TIJUANA = ZoneInfo("America/Tijuana")


def complete_until(moment: datetime | None) -> Door:
    known = Completeness(complete_until=moment, offline_since=None, missing=0)
    return Door("door", known)


def night(start: str, first: str, end: str, last: str, zone: ZoneInfo) -> Lesson:
    return replace(
        LESSON, starts_at=at(start, first, zone), ends_at=at(end, last, zone), date=at(start).date()
    )


@pytest.mark.parametrize(
    ("of", "hours"),
    [
        (night("23:30", "2026-11-25", "00:00", "2026-11-26", TIJUANA), 0.5),
        (night("23:30", "2026-11-25", "00:30", "2026-11-26", TIJUANA), 1),
        (night("01:30", "2026-03-08", "03:30", "2026-03-08", TIJUANA), 1),  # spring: 2:00 is 3:00
        (night("00:30", "2026-11-01", "02:30", "2026-11-01", TIJUANA), 3),  # autumn: 1:00 twice
        (night("00:30", "2026-11-01", "02:30", "2026-11-01", ZoneInfo("America/Mexico_City")), 2),
    ],
)
def test_a_lesson_lasts_as_long_as_it_lasts(of: Lesson, hours: float) -> None:
    """Over midnight, up to 24:00, and where the clock on the wall jumps."""
    assert of.ends_at - of.starts_at == timedelta(hours=hours)
    end = of.ends_at
    doors = (complete_until(end),)
    inside = Scan(event_id="e", scanned_at=end - MINUTE, arrived_at=end)
    for scans, code in (([inside], Code.LATE), ([], Code.ABSENT)):
        found = derive(of, scans, doors, SETTINGS, end)
        assert found is not None
        assert found.code is code


def test_a_time_without_a_zone_is_a_mistake() -> None:
    """It would be taken for the machine's own zone."""
    with pytest.raises(ValueError, match="without a time zone"):
        Scan(event_id="e", scanned_at=datetime(2026, 1, 1), arrived_at=at("08:00"))  # noqa: DTZ001


# Laws

START = LESSON.starts_at
moments = st.integers(-1200, 4000).map(lambda s: START + timedelta(seconds=s))
scans_ = st.lists(
    st.builds(
        Scan,
        event_id=st.uuids().map(str),
        scanned_at=moments,
        arrived_at=moments,
        clock_is_synchronised=st.booleans(),
        direction=st.sampled_from([None, "left", "right"]),
    ),
    max_size=6,
    unique_by=lambda one: one.event_id,
)
doors_ = st.lists(st.builds(complete_until, st.none() | moments), max_size=3)
rules = st.builds(
    RuleSettings,
    late_after_min=st.integers(0, 60),
    absent_after_min=st.integers(0, 60),
    exit_direction=st.sampled_from(["", "left"]),
)


@given(scans_, doors_, rules, moments)
def test_nobody_is_absent_too_soon(
    scans: list[Scan], doors: list[Door], settings: RuleSettings, now: datetime
) -> None:
    """Whatever was seen: absent only after the end, with every kiosk of at least one complete."""
    found = derive(LESSON, scans, doors, settings, now)
    assert found is not None
    if found.code is Code.ABSENT:
        assert now >= LESSON.ends_at
        assert doors
        assert all(one.is_complete_past(LESSON.ends_at) for one in doors)


@given(scans_, doors_, rules, moments)
def test_a_mark_depends_on_neither_order_nor_zone(
    scans: list[Scan], doors: list[Door], settings: RuleSettings, now: datetime
) -> None:
    """Events arrive in any order, and a time is the same in every zone."""
    found = derive(LESSON, scans, doors, settings, now)
    assert derive(LESSON, scans[::-1], doors, settings, now.astimezone(TIJUANA)) == found
    there = replace(LESSON, starts_at=START.astimezone(TIJUANA))
    assert derive(there, scans, doors, settings, now) == found


@given(scans_, doors_, rules, moments)
def test_lateness_has_a_trusted_event(
    scans: list[Scan], doors: list[Door], settings: RuleSettings, now: datetime
) -> None:
    """Whoever is said to be late was seen so by a clock that can be relied on."""
    found = derive(LESSON, scans, doors, settings, now)
    assert found is not None
    if found.code is Code.LATE or found.rule is Rule.CAME_TOO_LATE:
        (deciding,) = [one for one in scans if one.event_id == found.event_id]
        assert deciding.clock_is_synchronised
        limit = min(settings.late_after, settings.absent_after or settings.late_after)
        assert deciding.scanned_at > START + limit


@given(scans_, doors_, moments, moments)
def test_one_more_arrival_makes_nobody_less_present(
    scans: list[Scan], doors: list[Door], now: datetime, seen: datetime
) -> None:
    """Present, then late, then anything else: an event can only raise a mark."""
    more = Scan(event_id="more", scanned_at=seen, arrived_at=seen)
    rank = {Code.PRESENT: 2, Code.LATE: 1}
    before, after = (derive(LESSON, some, doors, SETTINGS, now) for some in (scans, [*scans, more]))
    assert before is not None
    assert after is not None
    if before.rule is not Rule.CLOCK_UNTRUSTED:  # an untrusted time gives way to a trusted one
        assert rank.get(after.code, 0) >= rank.get(before.code, 0)


def test_who_is_a_guest_elsewhere_is_exempt_unless_seen_here() -> None:
    """Neither absent nor carried over from the lesson before; who comes nevertheless is here."""
    before = Before(lesson("07:15", "08:00", "earlier"), Code.PRESENT)
    for now in ("07:00", "08:20", "08:50"):
        found = derive(LESSON, [], COMPLETE, SETTINGS, at(now), before=before, is_elsewhere=True)
        assert found is not None
        assert short(found) == ("exempt", "exempt.guest-elsewhere", None)
    found = derive(LESSON, [scan("08:12")], COMPLETE, SETTINGS, at("08:50"), is_elsewhere=True)
    assert found is not None
    assert found.code is Code.LATE
