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
from kiosk.register.rules.sweep import Waiting, sweep
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
    behind = door("08:10")
    found = sweep(lessons, {ROOM: [door("08:45")], ("centro", "gym"): [behind]}, at("08:50"))
    assert found.due == ("maths",)
    assert found.waiting == (Waiting("gym", (behind,)), Waiting("lab", ()))
    assert found.next_at == at("09:30")


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


OPENED = Alert(address=ADDRESS, trouble=Trouble.SILENT, since=at("08:00"), raised_at=at("08:05"))


@pytest.mark.parametrize(
    ("kiosk", "now", "raised"),
    [
        (state("08:00"), "08:04:59", None),
        (state("08:00"), "08:05", "08:05"),
        (state("08:00"), "08:30", "08:05"),
        (state("03:00"), "07:54", None),
        (state("03:00"), "07:55", "07:55"),
        (state("08:00"), "08:45", None),
        (state(blind="08:00"), "08:10", "08:05"),
        (state(), "08:10", None),
    ],
)
def test_trouble_in_lesson_time_is_an_alert(
    kiosk: KioskState, now: str, raised: str | None
) -> None:
    """After five minutes, counted from the window before the lesson; at night there is none."""
    found = alert(kiosk, now)
    assert (found.raised_at if found else None) == (at(raised) if raised else None)


def test_every_instance_computes_the_same_alert() -> None:
    """Whenever each one looks, so the first that writes it wins."""
    assert alert(state("08:00"), "08:06") == alert(state("08:00"), "08:20")


def test_there_is_no_storm_after_the_registers_own_absence() -> None:
    """It waits ten minutes, in which every kiosk has sent its health."""
    assert alert(state("08:00"), "08:29", at_work="08:20") is None
    found = alert(state("08:00"), "08:31", at_work="08:20")
    assert found is not None
    assert (found.raised_at, found.since) == (at("08:30"), at("08:00"))


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
