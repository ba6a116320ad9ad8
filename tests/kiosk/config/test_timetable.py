"""The timetable: the class session at a given time."""

from datetime import datetime

import pytest

from kiosk.config.keys import Config, parse_config

TIMETABLE = b"""
[kiosk]
timezone = "Europe/Berlin"

[[lesson]]
name = "maths-7b"
days = ["mon", "thu"]
start = "08:00"
end = "08:45"

[[lesson]]
name = "art-7b"
days = ["mon"]
start = "08:45"
end = "09:30"

[[lesson]]
name = "night-watch"
days = ["sun"]
start = "02:00"
end = "03:00"
"""


@pytest.fixture
def config() -> Config:
    return parse_config(TIMETABLE, "kiosk.toml")


@pytest.mark.parametrize(
    ("moment", "session"),
    [
        # 23 November 2026 is a Monday; Berlin is an hour ahead of UTC.
        ("2026-11-23T06:59:59.999+00:00", "2026-11-23/day"),
        ("2026-11-23T07:00:00+00:00", "2026-11-23/maths-7b"),
        ("2026-11-23T07:44:59.999+00:00", "2026-11-23/maths-7b"),
        ("2026-11-23T07:45:00+00:00", "2026-11-23/art-7b"),
        ("2026-11-23T08:30:00+00:00", "2026-11-23/day"),
        ("2026-11-24T07:10:00+00:00", "2026-11-24/day"),
        ("2026-11-26T07:45:00+00:00", "2026-11-26/day"),
        # The argument may have any time zone; the date is the school's.
        ("2026-11-23T16:10:00+09:00", "2026-11-23/maths-7b"),
        ("2026-11-23T23:30:00+00:00", "2026-11-24/day"),
        # In summer the same lesson is an hour earlier in UTC.
        ("2026-07-06T06:00:00+00:00", "2026-07-06/maths-7b"),
        # 29 March 2026: clocks go from 02:00 to 03:00, so that lesson does not happen.
        ("2026-03-29T00:59:59+00:00", "2026-03-29/day"),
        ("2026-03-29T01:00:00+00:00", "2026-03-29/day"),
        # 25 October 2026: 02:30 comes twice, in the same lesson both times.
        ("2026-10-25T00:30:00+00:00", "2026-10-25/night-watch"),
        ("2026-10-25T01:30:00+00:00", "2026-10-25/night-watch"),
        ("2026-10-25T02:00:00+00:00", "2026-10-25/day"),
    ],
)
def test_the_class_session_is_the_lesson_at_the_schools_local_time(
    moment: str, session: str, config: Config
) -> None:
    """A lesson includes its start, not its end, in the kiosk's zone; outside it is "day"."""
    assert str(config.session_at(datetime.fromisoformat(moment))) == session
