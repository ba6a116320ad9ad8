"""What an erasure has done."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kiosk.mqtt.outbox_erase import Forgotten

Answer: TypeAlias = Literal["not running", "in use", "failed"]
"""Of the running kiosk: it uses the new gallery; or it may still use the former one."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A place that may still hold the person.

    Attributes:
        place: Which, without an id or a name.
        reason: Why, and what to do.
    """

    place: str
    reason: str


@dataclass(slots=True)
class Erasure:
    """Where an erased person was found, and where they may still be.

    Attributes:
        gallery: In the gallery in use.
        old_galleries: In these files, which were kept aside when the model changed.
        roster: In the roster.
        attended: In the attendance kept on this kiosk.
        outbox: What the outbox had.
        aside: In how many places of databases that were set aside.
        was_erased: The person had been erased before.
        new_key: The galleries have a new key.
        kiosk: What the running kiosk answered.
        failed: What could not be erased.
        remains: What no command on this kiosk can erase.
        receipt: The file that says so, without naming anybody.
    """

    gallery: bool = False
    old_galleries: tuple[str, ...] = ()
    roster: bool = False
    outbox: Forgotten = field(default_factory=Forgotten)
    aside: int = 0
    was_erased: bool = False
    new_key: bool = False
    kiosk: Answer = "not running"
    failed: list[Failure] = field(default_factory=list)
    remains: list[str] = field(default_factory=list)
    receipt: str = ""

    @property
    def attended(self) -> bool:
        """Whether the person was in the attendance kept on this kiosk."""
        return self.outbox.keys > 0

    @property
    def is_found(self) -> bool:
        """Whether anything of the person was on this kiosk."""
        in_gallery = self.gallery or bool(self.old_galleries)
        return in_gallery or self.roster or bool(self.outbox) or self.aside > 0
