"""What is known of a kiosk: a word that a broker has kept is old news."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from kiosk.watch.door import SILENT, Door, DoorState, describe
from tests.kiosk.mqtt.support import ONLINE
from tests.kiosk.protocol.test_health import HEALTH
from tests.kiosk.watch.support import BERLIN

NOW = datetime(2026, 11, 24, 8, 1, tzinfo=UTC)
"""A minute after the health message."""
LATER = NOW + SILENT
OFFLINE = ONLINE.as_offline()


@pytest.mark.parametrize(
    ("said", "now", "state", "text"),
    [
        # What the broker had kept.
        ([(ONLINE, True)], NOW, "not known", ": not known whether it is online, not heard yet"),
        ([(ONLINE, True), (HEALTH, True)], NOW, "online", " is online"),
        ([(HEALTH, True), (ONLINE, True)], NOW, "online", " is online"),
        (
            [(ONLINE, True), (HEALTH, True)],
            LATER,
            "not known",
            ": not known whether it is online, last heard 09:00",
        ),
        ([(OFFLINE, True)], NOW, "offline", " is offline"),
        ([(OFFLINE, True), (HEALTH, True)], NOW, "offline", " is offline since 09:00"),
        ([(HEALTH, True), (OFFLINE, True)], NOW, "offline", " is offline since 09:00"),
        # What it says now.
        ([(ONLINE, False)], NOW, "online", " is online"),
        ([(ONLINE, False)], LATER, "online", " is online"),
        (
            [(ONLINE, False)],
            LATER + timedelta(days=1),
            "not known",
            ": not known whether it is online, last heard 2026-11-24 09:01",
        ),
        ([(ONLINE, False), (OFFLINE, False)], NOW, "offline", " is offline since 09:01"),
        # A forged or late "offline" is put right by the next health message.
        ([(OFFLINE, True), (HEALTH, False)], NOW, "online", " is online"),
    ],
)
def test_a_kiosk_is_online_with_a_sign_of_life_alone(
    said: list[tuple[Any, bool]], now: datetime, state: DoorState, text: str
) -> None:
    """Whatever the order of what was kept; after three minutes of silence nothing is known."""
    door = Door()
    for news, retained in said:
        door = door.hear(news, NOW, retained=retained)
    assert (door.state(now), describe(door, now, BERLIN)) == (state, text)


def test_the_time_of_a_wrong_clock_is_no_sign_of_life() -> None:
    """A kept health message whose clock was not synchronised tells nothing of its age."""
    news = msgspec.structs.replace(HEALTH, clock="unsynchronised")
    door = Door().hear(news, NOW, retained=True)
    assert door.state(NOW) == "not known"
    assert door.faults() == ("clock not synchronised",)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"camera": "hung"}, "camera hung"),
        ({"people": 0}, "nobody enrolled"),
        ({"in_memory": 2}, "events cannot be stored"),
        ({"under_voltage": True}, "power supply too weak"),
        (
            {"faces_seen": 100, "faces_refused": {"blurred": 20, "too small": 70}},
            "most faces refused: too small",
        ),
    ],
)
def test_what_does_not_work_is_named(changes: dict[str, Any], fault: str) -> None:
    """One phrase for each fault; none for a kiosk in order."""
    assert Door().hear(HEALTH, NOW, retained=False).faults() == ()
    door = Door().hear(msgspec.structs.replace(HEALTH, **changes), NOW, retained=False)
    assert door.faults() == (fault,)
