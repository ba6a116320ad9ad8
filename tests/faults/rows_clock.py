"""Clocks that are wrong. Each function makes one, and returns how often the people have passed.

The same 30 people pass again and again in one lesson; each must be recorded once. At the end the
clock is right, and so must be the time of each event.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.faults.stage import Stage
from tests.faults.wrong_clock import Setting

_PEOPLE: Final = 30
_HOUR_S: Final = 3600.0
_DAY_S: Final = 24 * _HOUR_S
YEAR_S: Final = 365 * _DAY_S
_LOOK_S: Final = 6.0
"""The kiosk looks every 5 s whether events wait for the right time."""


def clock_is_set(off_s: float) -> Callable[[Stage], int]:
    """Return a fault: the clock is set wrong and right again, and is synchronised all the time."""

    def happen(stage: Stage) -> int:
        right = _start(stage, Setting())
        stage.kiosk.offer(_PEOPLE)
        _set(stage, replace(right, off_s=off_s))
        stage.kiosk.offer_again(_PEOPLE)
        _set(stage, right)
        stage.kiosk.offer_again(_PEOPLE)
        return 3

    return happen


def synchronisation_is_lost(stage: Stage) -> int:
    """Lose the synchronisation in mid-lesson."""
    right = _start(stage, Setting())
    stage.kiosk.offer(_PEOPLE)
    _set(stage, replace(right, is_synchronised=False))
    stage.kiosk.offer_again(_PEOPLE)
    _set(stage, right)
    stage.kiosk.offer_again(_PEOPLE)
    return 3


def clock_is_behind(stage: Stage) -> int:
    """Boot with a clock that is a day behind, and says that it is synchronised.

    In another boot everybody passes anew: the kiosk cannot know that it is the same day.
    """
    _start(stage, Setting())
    stage.kiosk.offer(_PEOPLE)
    stage.kiosk.stop()
    wrong = _start(stage, Setting(off_s=-_DAY_S), register=False)
    stage.kiosk.offer_anew(_PEOPLE)
    stage.kiosk.offer_again(_PEOPLE)
    _set(stage, replace(wrong, off_s=0.0))
    stage.kiosk.offer_again(_PEOPLE)
    return 4


def boot_is_in(year: int) -> Callable[[Stage], int]:
    """Return a fault: the clock begins in this year; half of the people pass without a broker."""

    def happen(stage: Stage) -> int:
        off = datetime(year, 1, 1, tzinfo=UTC) - datetime.now(UTC)
        wrong = _start(stage, Setting(off_s=off / timedelta(seconds=1), is_synchronised=False))
        stage.kiosk.offer(_PEOPLE // 2)
        time.sleep(2.0)  # they are sent
        stage.broker.stop()
        stage.kiosk.offer(_PEOPLE - _PEOPLE // 2)
        _set(stage, replace(wrong, off_s=0.0, is_synchronised=True))
        stage.kiosk.offer_again(_PEOPLE)
        stage.broker.start()
        return 2

    return happen


def _start(stage: Stage, setting: Setting, *, register: bool = True) -> Setting:
    """Set the clock, then start everything, or the kiosk alone."""
    stage.kiosk.set_clock(setting)
    if register:
        stage.start()
    else:
        stage.kiosk.start()
    return setting


def _set(stage: Stage, setting: Setting) -> None:
    """Set the clock, and let the kiosk look at it until it takes the new time, if it does."""
    stage.kiosk.set_clock(setting)
    until_s = time.monotonic() + stage.wait_s + _LOOK_S
    while time.monotonic() < until_s:
        stage.kiosk.state()
        time.sleep(0.2)
