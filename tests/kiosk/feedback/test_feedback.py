"""What the door shows: while who is in view, and when its hardware fails."""

import builtins
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiosk.check.signals import check_signals, signals_finding
from kiosk.config.door import SignalsSection
from kiosk.config.keys import Config, parse_config
from kiosk.errors import ConfigError, MissingExtraError, SignalsError
from kiosk.feedback.feedback import HOLD_S, Feedback
from kiosk.feedback.gpio import GpioPanel, open_panel
from kiosk.feedback.panel import Light, NoPanel
from kiosk.records import Verdict
from kiosk.service_status import ServiceStatus

PINS = {Light.KNOWN: 17, Light.UNSURE: 27, Light.UNKNOWN: 22, Light.WINDOW: 23}
SECTION = SignalsSection(
    backend="mock",
    known_pin=17,
    unsure_pin=27,
    unknown_pin=22,
    window_pin=23,
    buzzer_pin=24,
    button_pin=25,
)


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[GpioPanel]:
    """Real devices of gpiozero on pins that exist in memory alone."""
    panel = open_panel(SECTION, tmp_path)
    assert isinstance(panel, GpioPanel)
    yield panel
    panel.close()


def lit(panel: GpioPanel) -> set[Light]:
    return {light for light, pin in PINS.items() if panel.factory.pin(pin).state}


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((), set()),
        ((Verdict.UNDECIDED,), set()),
        ((Verdict.KNOWN,), {Light.KNOWN}),
        ((Verdict.UNSURE, Verdict.UNSURE), {Light.UNSURE}),
        ((Verdict.STRANGER, Verdict.KNOWN), {Light.UNKNOWN, Light.KNOWN}),
    ],
)
def test_a_light_is_on_while_its_person_is_in_view(
    panel: GpioPanel, verdicts: tuple[Verdict, ...], expected: set[Light]
) -> None:
    """Single frames without the face do not matter; a second later it is off."""
    feedback = Feedback(panel)
    feedback.see(verdicts, 10.0)
    feedback.show(10.0, is_open=False)
    assert lit(panel) == expected
    feedback.see((), 10.5)
    feedback.show(10.5, is_open=False)
    assert lit(panel) == expected
    feedback.show(10.0 + HOLD_S, is_open=False)
    assert lit(panel) == set()


def test_a_light_says_that_the_window_is_open(panel: GpioPanel) -> None:
    """Whoever is in view."""
    feedback = Feedback(panel)
    feedback.show(1.0, is_open=True)
    assert lit(panel) == {Light.WINDOW}
    feedback.see((Verdict.KNOWN,), 2.0)
    feedback.show(2.0, is_open=True)
    assert lit(panel) == {Light.WINDOW, Light.KNOWN}
    feedback.show(9.0, is_open=False)
    assert lit(panel) == set()


class Heard(NoPanel):
    """Counts what it must sound."""

    beeps = 0

    def beep(self) -> None:
        self.beeps += 1


def test_the_buzzer_sounds_once_for_a_person_and_for_a_window() -> None:
    """Not for somebody who stays, or is not known."""
    heard = Heard()
    feedback = Feedback(heard)
    for now_s, verdict, is_open in (
        (1.0, Verdict.STRANGER, False),
        (2.0, Verdict.KNOWN, False),
        (2.5, Verdict.KNOWN, False),
        (3.0, Verdict.KNOWN, True),
    ):
        feedback.see((verdict,), now_s)
        feedback.show(now_s, is_open=is_open)
    assert heard.beeps == 2


def test_the_buzzer_is_driven(panel: GpioPanel) -> None:
    """The library switches it on, and off again on a thread of its own."""
    panel.beep()
    pin = panel.factory.pin(24)
    deadline_s = time.monotonic() + 10.0
    while [one.state for one in pin.states][-2:] != [True, False]:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_the_button_is_heard_once(panel: GpioPanel) -> None:
    """However long it is held."""
    feedback = Feedback(panel)
    assert not feedback.was_pressed()
    panel.factory.pin(25).drive_low()
    assert [feedback.was_pressed(), feedback.was_pressed()] == [True, False]
    panel.factory.pin(25).drive_high()
    assert not feedback.was_pressed()


def test_closing_lets_go_of_the_pins(panel: GpioPanel) -> None:
    """The next start can take them."""
    Feedback(panel).close()
    GpioPanel(SECTION, __import__("gpiozero"), panel.factory).close()


def test_hardware_that_fails_is_let_go_and_said_once(
    panel: GpioPanel, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is raised: the kiosk records without lights."""
    feedback = Feedback(panel)
    panel.close()  # as if the board had gone
    for now_s in (1.0, 2.0, 3.0):
        feedback.see((Verdict.KNOWN,), now_s)
        feedback.show(now_s, is_open=now_s == 2.0)
    assert len(caplog.messages) == 1
    assert "signals.known_pin: the pin cannot be used" in feedback.fault
    assert not feedback.was_pressed()


@pytest.mark.filterwarnings("ignore::gpiozero.exc.PinFactoryFallback")
def test_without_a_board_the_error_names_the_pin(tmp_path: Path) -> None:
    """And `kiosk check` has a line."""
    section = SignalsSection(backend="gpio", unsure_pin=27)
    with pytest.raises(SignalsError, match=r"signals\.unsure_pin: .*is this a Raspberry Pi"):
        open_panel(section, tmp_path)
    (finding,) = check_signals(Config(signals=section))
    assert (finding.part, finding.verdict, finding.code) == ("signals", "fault", 69)


def test_without_the_library_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not installed on a Pi without lights."""
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:  # noqa: ANN401 - as the builtin
        if name.startswith("gpiozero"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"attendance-kiosk\[gpio\]"):
        open_panel(SECTION, tmp_path)


def test_off_by_default() -> None:
    """Nothing is opened, imported or checked."""
    assert isinstance(open_panel(Config().signals, Path()), NoPanel)
    assert check_signals(Config()) == []
    assert [one.verdict for one in check_signals(Config(signals=SECTION))] == ["warning"]


def test_the_status_says_that_the_lights_fail() -> None:
    """A warning: the kiosk does its work."""
    status = ServiceStatus(
        directory="",
        pid=1,
        pid_start=1,
        started_s=0.0,
        written_s=0.0,
        version="",
        signals_fault="x",
    )
    assert [one.verdict for one in signals_finding(status)] == ["warning"]


def test_a_pin_has_one_use() -> None:
    """The key is named."""
    with pytest.raises(ConfigError, match=r"signals\.known_pin: expected another pin"):
        parse_config(b"[signals]\nknown_pin = 4\nbutton_pin = 4", "kiosk.toml")
