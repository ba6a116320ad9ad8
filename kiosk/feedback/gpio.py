"""Lights, buzzer and button on the GPIO pins of a Raspberry Pi, through ``gpiozero``."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from kiosk.config.door import SignalsSection
from kiosk.errors import MissingExtraError, SignalsError
from kiosk.feedback.panel import Light, NoPanel, Panel

_BEEP_S: Final = 0.1
_BOUNCE_S: Final = 0.05

T = TypeVar("T")


def open_panel(section: SignalsSection, folder: Path) -> Panel:
    """Open the configured pins.

    Args:
        section: The configuration.
        folder: Where the driver may write a file.

    Raises:
        MissingExtraError: ``gpiozero`` is not installed.
        SignalsError: A pin cannot be used.
    """
    if section.backend == "none":
        return NoPanel()
    os.environ.setdefault("LG_WD", str(folder))  # lgpio writes into the working folder otherwise
    try:
        import gpiozero  # noqa: PLC0415 - the extra "gpio"
        from gpiozero.pins.mock import MockFactory  # noqa: PLC0415 - an extra
    except ImportError as exc:
        message = 'signals.backend: "gpio" needs gpiozero; pip install attendance-kiosk[gpio]'
        raise MissingExtraError(message) from exc
    factory = MockFactory() if section.backend == "mock" else None
    return GpioPanel(section, gpiozero, factory)


class GpioPanel:
    """The pins of one door.

    Args:
        section: Which pins, by BCM number.
        gpiozero: The library.
        factory: Makes the pins; ``None`` takes those of this machine.

    Raises:
        SignalsError: A pin cannot be used; none is held then. Other methods raise it, too.
    """

    def __init__(self, section: SignalsSection, gpiozero: Any, factory: Any = None) -> None:  # noqa: ANN401 - carries no types
        self.factory = factory
        self._devices: list[Any] = []
        self._pressed = threading.Event()
        try:
            self._lights = {
                light: self._open(f"{light}_pin", gpiozero.LED, getattr(section, f"{light}_pin"))
                for light in Light
            }
            self._buzzer = self._open("buzzer_pin", gpiozero.Buzzer, section.buzzer_pin)
            button = self._open(
                "button_pin", gpiozero.Button, section.button_pin, bounce_time=_BOUNCE_S
            )
        except SignalsError:
            self.close()
            raise
        if button is not None:
            button.when_pressed = self._pressed.set

    def show(self, lit: frozenset[Light]) -> None:
        """Switch these lights on and all others off."""
        for light, device in self._lights.items():
            if device is not None:
                _attempt(f"{light}_pin", device.on if light in lit else device.off)

    def beep(self) -> None:
        """Sound the buzzer shortly, on a thread of the library."""
        buzzer = self._buzzer
        if buzzer is not None:
            _attempt("buzzer_pin", lambda: buzzer.beep(_BEEP_S, _BEEP_S, n=1))

    def was_pressed(self) -> bool:
        """Return whether the button was pressed since the last call."""
        if not self._pressed.is_set():
            return False
        self._pressed.clear()
        return True

    def close(self) -> None:
        """Switch everything off and let go of the pins."""
        for device in self._devices:
            device.close()
        self._devices.clear()

    def _open(self, key: str, make: Callable[..., Any], pin: int | None, **options: float) -> Any:  # noqa: ANN401 - gpiozero has no types
        """Open a pin; return ``None`` for one that is not configured."""
        if pin is None:
            return None
        device = _attempt(key, lambda: make(pin, pin_factory=self.factory, **options))
        self._devices.append(device)
        return device


def _attempt(key: str, work: Callable[[], T]) -> T:
    try:
        return work()
    except Exception as exc:  # gpiozero passes on whatever the driver of the board raises
        why = f"{type(exc).__name__}: {exc}"
        advice = "is this a Raspberry Pi, and may the service use GPIO (group gpio)?"
        raise SignalsError(f"signals.{key}: the pin cannot be used ({why}); {advice}") from exc
