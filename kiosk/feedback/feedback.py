"""What the door shows of the people in view, and of the participation window."""

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from kiosk.errors import SignalsError
from kiosk.feedback.panel import Light, NoPanel, Panel
from kiosk.records import Verdict

_log = logging.getLogger(__name__)

HOLD_S: Final = 1.0
"""How long a light stays on after its person was seen last: the detector misses single frames."""
_LIGHTS: Final[Mapping[Verdict, Light]] = {
    Verdict.KNOWN: Light.KNOWN,
    Verdict.UNSURE: Light.UNSURE,
    Verdict.STRANGER: Light.UNKNOWN,
}
_HEARD: Final = (Light.KNOWN, Light.WINDOW)
"""Lights that are also heard when they go on."""


def lit(seen_s: Mapping[Light, float], now_s: float, *, is_open: bool) -> frozenset[Light]:
    """Return which lights must be on.

    Args:
        seen_s: When somebody with this light was seen last, monotonic seconds.
        now_s: The time, monotonic seconds.
        is_open: Whether the participation window is open.
    """
    seen = {light for light, at_s in seen_s.items() if now_s - at_s < HOLD_S}
    return frozenset(seen | {Light.WINDOW} if is_open else seen)


class Feedback:
    """Shows what the frame loop sees; hardware that fails is let go, and recording goes on.

    Args:
        panel: The door.

    Attributes:
        fault: What is wrong with the door; empty if nothing is.
    """

    def __init__(self, panel: Panel, fault: str = "") -> None:
        self.fault = fault
        self._panel = panel
        self._seen_s: dict[Light, float] = {}
        self._lit: frozenset[Light] = frozenset()

    def see(self, verdicts: Iterable[Verdict], now_s: float) -> None:
        """Note the verdicts on the people in view.

        Args:
            verdicts: One for each face of a frame.
            now_s: The time, monotonic seconds.
        """
        for verdict in verdicts:
            if verdict in _LIGHTS:
                self._seen_s[_LIGHTS[verdict]] = now_s

    def show(self, now_s: float, *, is_open: bool) -> None:
        """Switch the lights that must be switched; beep for a person who is known, or a window."""
        wanted = lit(self._seen_s, now_s, is_open=is_open)
        if wanted == self._lit:
            return
        new, self._lit = wanted - self._lit, wanted
        try:
            self._panel.show(wanted)
            if new.intersection(_HEARD):
                self._panel.beep()
        except SignalsError as exc:
            self._fail(exc)

    def was_pressed(self) -> bool:
        """Return whether the button was pressed since the last call."""
        return self._panel.was_pressed()

    def close(self) -> None:
        """Switch everything off."""
        self._panel.close()

    def _fail(self, error: SignalsError) -> None:
        _log.error("lights, buzzer and button are off until the next start: %s", error)
        self.fault = str(error)
        self._panel = NoPanel()
