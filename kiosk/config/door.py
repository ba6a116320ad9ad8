"""Sections of the configuration: signals at the door, cards, lessons, and the register."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from kiosk.config.file import Problem, Section

Pin = Annotated[int, Meta(ge=0, le=27)]


class SignalsSection(Section, frozen=True):
    """Lights, buzzer and button at the door; pins by BCM number. A pin that is not set is off."""

    backend: Literal["none", "gpio", "mock"] = "none"
    known_pin: Pin | None = None
    unsure_pin: Pin | None = None
    unknown_pin: Pin | None = None
    window_pin: Pin | None = None
    buzzer_pin: Pin | None = None
    button_pin: Pin | None = None

    def problems(self) -> Iterator[Problem]:
        """Check that no pin has two uses."""
        keys = [name for name in self.__struct_fields__ if name.endswith("_pin")]
        pins = [pin for key in keys if (pin := getattr(self, key)) is not None]
        for key in keys:
            if pins.count(getattr(self, key)) > 1:
                yield key, "expected another pin: this one has two uses"


class CardsSection(Section, frozen=True):
    """Students' cards with a QR code, which the camera reads."""

    enabled: bool = True


class TimetableSection(Section, frozen=True):
    """Lessons that the register tells."""

    before_min: Annotated[int, Meta(ge=0, le=120)] = 10


PublicKey = Annotated[
    str,
    Meta(
        pattern="^([A-Za-z0-9_-]{43})?$",
        description='the 43 characters that `kiosk register key` prints, or ""',
    ),
]


class RegisterSection(Section, frozen=True):
    """The register whose orders the kiosk carries out, by its key; without one it obeys nobody."""

    public_key: PublicKey = ""
