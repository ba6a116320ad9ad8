"""The settings of the rules: the table ``[rules]`` of ``register.toml``."""

from collections.abc import Iterator
from datetime import time, timedelta
from typing import Annotated, Literal

from msgspec import Meta

from kiosk.config.file import Problem, Section
from kiosk.config.timetable import TimeOfDay

Minutes = Annotated[int, Meta(ge=0, le=240)]
Hours = Annotated[int, Meta(ge=0, le=8784)]


class RuleSettings(Section, frozen=True, kw_only=True):
    """When somebody is late, when absent, and who may correct it for how long.

    Durations are minutes, with ``_h`` hours. ``systemd/register.toml`` explains each key.
    """

    window_before_min: Minutes = 10
    window_after_min: Minutes = 15
    late_after_min: Minutes = 10
    absent_after_min: Minutes = 0
    carry_over_min: Minutes = 5
    exit_direction: Literal["", "left", "right", "toward"] = ""
    left_early_min: Minutes = 10
    half_day_at: TimeOfDay = "12:00"
    correction_teacher_h: Hours = 48
    correction_office_h: Hours = 720
    alert_after_min: Minutes = 5
    alert_grace_min: Minutes = 10

    def problems(self) -> Iterator[Problem]:
        """Check that nobody is absent before being late."""
        if 0 < self.absent_after_min < self.late_after_min:
            yield "absent_after_min", "expected at least rules.late_after_min, or 0"

    @property
    def window_before(self) -> timedelta:
        """How long before its start somebody arrives for a lesson."""
        return timedelta(minutes=self.window_before_min)

    @property
    def window_after(self) -> timedelta:
        """How long after its end somebody leaves a lesson."""
        return timedelta(minutes=self.window_after_min)

    @property
    def late_after(self) -> timedelta:
        """How long after the start of a lesson somebody is still on time."""
        return timedelta(minutes=self.late_after_min)

    @property
    def absent_after(self) -> timedelta | None:
        """From how long after the start somebody who arrives is absent; ``None`` for never."""
        return timedelta(minutes=self.absent_after_min) if self.absent_after_min else None

    @property
    def carry_over(self) -> timedelta | None:
        """The longest break in which a class may stay in the room; ``None`` for not at all."""
        return timedelta(minutes=self.carry_over_min) if self.carry_over_min else None

    @property
    def left_early(self) -> timedelta:
        """How long before the end of a lesson somebody may leave."""
        return timedelta(minutes=self.left_early_min)

    @property
    def noon(self) -> time:
        """The time of day from which a lesson belongs to the afternoon."""
        return time.fromisoformat(self.half_day_at)

    @property
    def alert_after(self) -> timedelta:
        """How long a kiosk is silent or blind in lesson time before there is an alert."""
        return timedelta(minutes=self.alert_after_min)

    @property
    def alert_grace(self) -> timedelta:
        """How long the register waits with alerts after it was away itself."""
        return timedelta(minutes=self.alert_grace_min)
