"""What a door can show and hear, and a door without anything."""

from enum import StrEnum
from typing import Protocol


class Light(StrEnum):
    """A light at the door."""

    KNOWN = "known"
    UNSURE = "unsure"
    UNKNOWN = "unknown"
    WINDOW = "window"


class Panel(Protocol):
    """Lights, a buzzer and a button."""

    def show(self, lit: frozenset[Light]) -> None:
        """Switch these lights on and all others off.

        Raises:
            SignalsError: The hardware fails.
        """

    def beep(self) -> None:
        """Sound the buzzer shortly, and return at once.

        Raises:
            SignalsError: The hardware fails.
        """

    def was_pressed(self) -> bool:
        """Return whether the button was pressed since the last call."""

    def close(self) -> None:
        """Switch everything off and let go of the pins."""


class NoPanel:
    """A door without lights, buzzer and button."""

    def show(self, lit: frozenset[Light]) -> None:
        """Show nothing."""

    def beep(self) -> None:
        """Sound nothing."""

    def was_pressed(self) -> bool:
        """Return false."""
        return False

    def close(self) -> None:
        """Do nothing."""
