"""When each kiosk's camera saw its door."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from kiosk.register.ingest.store import store
from kiosk.register.ingest.watch_table import load_watches
from tests.kiosk.register.support import DOOR, OUTBOX, arrival

pytestmark = pytest.mark.usefixtures("database")
START = datetime(2026, 11, 25, 8, tzinfo=UTC)


def say(minute: float, watching_s: float | None) -> None:
    """The kiosk tells at a minute for how long it has been watching."""
    now = START + timedelta(minutes=minute)
    payload = {"outbox_id": OUTBOX, "last_sequence": 0, "watching_s": watching_s}
    store([arrival(msgspec.json.encode(payload), "health", at=now)], now)


def minutes() -> list[tuple[float, float]]:
    """From when until when the kiosk has watched."""
    found = load_watches({DOOR.room}, START + timedelta(hours=1)).get(DOOR, ())
    return [tuple((one - START) / timedelta(minutes=1) for one in span) for span in found]  # type: ignore[misc] # two


def test_what_is_told_every_minute_is_one_span() -> None:
    """As long as the camera goes on, a span grows."""
    for minute in (0, 1, 2):
        say(minute, 60 * minute)
    assert minutes() == [(0, 2)]


def test_a_break_begins_another_span() -> None:
    """After it the kiosk has been watching for a shorter time."""
    say(10, 600)
    say(20, 120)
    assert minutes() == [(0, 10), (18, 20)]


def test_a_kiosk_without_a_network_tells_later_that_it_watched() -> None:
    """The first message after an hour offline covers the hour."""
    say(0, 0)
    say(60, 3600)
    assert minutes() == [(0, 60)]


def test_a_camera_that_shows_nothing_watches_not() -> None:
    """Nothing is stored; nor does a kiosk before this version tell."""
    say(5, None)
    assert minutes() == []
