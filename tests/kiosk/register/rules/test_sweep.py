"""Which lessons can be decided, and when a kiosk in trouble is an alert."""

from datetime import timedelta

import pytest

from kiosk.protocol.topics import KioskAddress
from kiosk.register.rules.alert import (
    Alert,
    Blind,
    KioskState,
    Trouble,
    next_alert,
    own_outage,
)
from kiosk.register.rules.sweep import due_lessons
from tests.kiosk.register.rules.support import LESSON, MINUTE, SETTINGS, at, door, lesson

ROOM = ("centro", "107")


def test_a_lesson_is_due_when_it_is_over_and_complete() -> None:
    """Others wait, for their end or for a kiosk; a room without a kiosk waits for ever."""
    lessons = [
        LESSON,
        lesson("08:45", "09:30", "art"),
        lesson("08:00", "08:30", "gym", room="gym"),
        lesson("08:00", "08:30", "lab", room="lab"),
        lesson("08:00", "08:30", "off", is_cancelled=True),
    ]
    doors = {ROOM: [door("08:45")], ("centro", "gym"): [door("08:10")]}
    assert due_lessons(lessons, doors, at("08:45")) == ("maths",)
    assert due_lessons(lessons, doors, at("08:44")) == ()


ADDRESS = KioskAddress("centro", "107", "door")


def state(silent: str | None = None, blind: str | None = None) -> KioskState:
    return KioskState(
        address=ADDRESS,
        offline_since=at(silent) if silent else None,
        blind_since=at(blind) if blind else None,
    )


def alert(
    kiosk: KioskState, now: str, opened: Alert | None = None, at_work: str = "00:00"
) -> Alert | None:
    lessons = [LESSON, lesson("08:00", "12:00", "gym", room="gym")]
    return next_alert(kiosk, opened, lessons, SETTINGS, at(now), at_work_since=at(at_work))


OPENED = Alert(address=ADDRESS, trouble=Trouble.SILENT, since=at("08:00"))


@pytest.mark.parametrize(
    ("kiosk", "now", "is_raised"),
    [
        (state("08:00"), "08:04:59", False),
        (state("08:00"), "08:05", True),
        (state("08:00"), "08:44", True),
        (state("03:00"), "07:54", False),
        (state("03:00"), "07:55", True),
        (state("08:00"), "08:45", False),
        (state(blind="08:00"), "08:10", True),
        (state(), "08:10", False),
    ],
)
def test_trouble_in_lesson_time_is_an_alert(kiosk: KioskState, now: str, is_raised: bool) -> None:  # noqa: FBT001 - a column
    """After five minutes, counted from the window before the lesson; at night there is none."""
    assert (alert(kiosk, now) is not None) == is_raised


def test_every_instance_computes_the_same_alert() -> None:
    """Whenever each one looks, so the first that writes it wins."""
    assert alert(state("08:00"), "08:06") == alert(state("08:00"), "08:20")


def test_there_is_no_storm_after_the_registers_own_absence() -> None:
    """It waits ten minutes, in which every kiosk has sent its health."""
    assert alert(state("08:00"), "08:29", at_work="08:20") is None
    found = alert(state("08:00"), "08:30", at_work="08:20")
    assert found is not None
    assert found.since == at("08:00")


def test_an_alert_ends_when_the_kiosk_is_back() -> None:
    """At any time of day; and a kiosk that is back without a picture has another trouble."""
    assert alert(state("08:00"), "08:20", OPENED) is None
    for kiosk in (state(), state(blind="08:00")):
        found = alert(kiosk, "13:00", OPENED)
        assert found is not None
        assert found.recovered_at == at("13:00")


def test_the_registers_absence_is_a_record() -> None:
    """Blind from its last sign of life to now; a pause between two of them is none."""
    now = at("08:20")
    assert own_outage(at("07:55"), now) == Blind(at("07:55"), now)
    assert own_outage(now - MINUTE, now) is None
    assert own_outage(None, now) is None
    assert own_outage(now - timedelta(hours=1), now) is not None
