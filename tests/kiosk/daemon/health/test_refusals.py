"""When the daemon says that most faces are refused for one reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.daemon.health.refusals import ADVICE, FACES_MIN, WINDOW_S, RefusalMonitor
from kiosk.recognition.upright import TURNED, UPSIDE_DOWN
from kiosk.records import Quality

USABLE = Quality(0.8)
DOWN = Quality(0.0, UPSIDE_DOWN)
DARK = Quality(0.0, "too dark")


def add(monitor: RefusalMonitor, *qualities: Quality, at_s: float = 0.0) -> list[str]:
    """Add faces one by one; return each new reason."""
    return [monitor.reason for quality in qualities if monitor.add([quality], at_s)]


def test_the_reason_of_most_faces_is_told_once() -> None:
    """It begins with the 30th face, and more of the same change nothing."""
    monitor = RefusalMonitor()
    assert add(monitor, *[DOWN] * (FACES_MIN - 1)) == []
    assert monitor.describe() == ""
    assert add(monitor, *[DOWN] * 50) == [UPSIDE_DOWN]
    assert monitor.describe() == "most faces are refused: upside down (see camera.rotation)"


@pytest.mark.parametrize(
    ("usable", "dark", "reasons"), [(0, 30, ["too dark"]), (6, 24, ["too dark"]), (7, 23, [])]
)
def test_four_of_five_faces_are_most(usable: int, dark: int, reasons: list[str]) -> None:
    """A smaller share than 80 % is no reason to say anything."""
    assert add(RefusalMonitor(), *[USABLE] * usable, *[DARK] * dark) == reasons


def test_several_reasons_are_not_one() -> None:
    """Faces that are refused for different reasons have no main reason."""
    assert add(RefusalMonitor(), *[DARK, DOWN] * 40) == []


def test_usable_faces_are_never_a_reason() -> None:
    """A door where all faces are usable is not reported."""
    monitor = RefusalMonitor()
    assert add(monitor, *[USABLE] * 100) == []
    assert monitor.reason == ""


def test_the_end_is_told_once_and_not_at_the_same_share_as_the_beginning() -> None:
    """It ends below 60 %, so that a share near 80 % does not begin and end it again and again."""
    monitor = RefusalMonitor()
    add(monitor, *[DOWN] * 30)
    assert add(monitor, *[USABLE] * 20) == []
    assert add(monitor, USABLE) == [""]
    assert add(monitor, *[USABLE] * 20) == []


def test_another_reason_takes_over() -> None:
    """When the camera was turned and the light then fails, the new reason is told."""
    monitor = RefusalMonitor()
    add(monitor, *[DOWN] * 30)
    assert add(monitor, *[DARK] * 30, at_s=WINDOW_S + 1) == ["too dark"]


def test_faces_count_for_one_minute() -> None:
    """Older faces no longer count, to the second."""
    monitor = RefusalMonitor()
    add(monitor, *[USABLE] * 30, at_s=0.0)
    assert add(monitor, *[DOWN] * 30, at_s=WINDOW_S) == []
    assert add(monitor, DOWN, at_s=WINDOW_S + 0.1) == [UPSIDE_DOWN]


def test_an_empty_corridor_changes_nothing() -> None:
    """Without enough faces in the window the last statement stays."""
    monitor = RefusalMonitor()
    add(monitor, *[DOWN] * 30)
    assert not monitor.add([], 10 * WINDOW_S)
    assert add(monitor, *[USABLE] * (FACES_MIN - 1), at_s=10 * WINDOW_S) == []
    assert add(monitor, USABLE, at_s=10 * WINDOW_S) == [""]


@given(
    st.lists(st.tuples(st.floats(0, 30), st.sampled_from(["", TURNED, "blurred"])), max_size=200)
)
def test_the_counts_are_those_of_the_window(steps: list[tuple[float, str]]) -> None:
    """However faces come, the counter holds the faces of the last minute and no others."""
    monitor, now_s = RefusalMonitor(), 0.0
    seen: list[tuple[float, str]] = []
    for step_s, reason in steps:
        now_s += step_s
        seen.append((now_s, reason))
        monitor.add([Quality(0.0 if reason else 1.0, reason)], now_s)
        assert list(monitor._faces) == [one for one in seen if now_s - one[0] <= WINDOW_S]
        assert monitor._counts.total() == len(monitor._faces)


def test_a_reason_without_advice_is_told_alone() -> None:
    """A reason that is new in recognition needs no change here."""
    monitor = RefusalMonitor()
    add(monitor, *[Quality(0.0, "masked")] * 30)
    assert monitor.describe() == "most faces are refused: masked"
    assert {UPSIDE_DOWN, TURNED} <= set(ADVICE)
