"""The kiosk's own time: that of the system, as long as the system's clock does not jump.

The first synchronised time is taken at once. When the clock jumps afterwards, nobody can know which
time is right: the kiosk goes on with its own, and takes the new one if it stays for a while. An
event that is stored meanwhile says that its clock is not synchronised; it is corrected when the
time is certain again (:mod:`kiosk.daemon.redating`).
"""

import logging
import math
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from kiosk.clock import Clock
from kiosk.outbox.outbox import Outbox

_log = logging.getLogger(__name__)

SETTLE_S: Final = 600.0
"""How long a synchronised clock that has jumped must stay before its time is taken."""
_JUMP_S: Final = 2.0
"""A time server steers smaller differences out slowly."""
_BEHIND_S: Final = 300.0
"""How far the clock may be behind the newest event of an earlier boot."""
_FIRST: Final = datetime(1970, 1, 2, tzinfo=UTC)
"""No earlier time is given: some libraries refuse times before 1970, in any time zone."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The clocks of the system, read at once.

    Attributes:
        monotonic_s: Seconds of the clock that never steps.
        unix_s: The time of day, Unix seconds.
        is_synchronised: What the kernel says of the time of day.
    """

    monotonic_s: float
    unix_s: float
    is_synchronised: bool

    @property
    def offset_s(self) -> float:
        """How far the time of day is from the monotonic clock, seconds."""
        return self.unix_s - self.monotonic_s


@dataclass(frozen=True, slots=True)
class Trust:
    """The time that the kiosk relies on.

    Attributes:
        offset_s: Its own time of day less the monotonic clock, seconds.
        is_set: Whether that was once the time of a synchronised clock.
        is_certain: Whether the clock is synchronised now, and agrees.
        is_behind: Whether the clock says that it is synchronised, but is behind earlier events.
        steady_since_s: Since when the clock is synchronised and has not jumped, monotonic seconds;
            infinity if it is not.
        rival_s: The offset of a synchronised clock that has jumped; ``None`` if it has not.
        rival_since_s: Since when, monotonic seconds.
    """

    offset_s: float
    is_set: bool = False
    is_certain: bool = False
    is_behind: bool = False
    steady_since_s: float = math.inf
    rival_s: float | None = None
    rival_since_s: float = 0.0


def judge(before: Trust | None, sample: Sample, not_before_s: float = -math.inf) -> Trust:
    """Return what to rely on from now on.

    Args:
        before: What was relied on; ``None`` at the start.
        sample: The clocks now.
        not_before_s: Unix time of the newest event of an earlier boot.
    """
    if before is None or not before.is_set or _is_near(sample.offset_s, before.offset_s):
        return _follow(before, sample, not_before_s)
    if not sample.is_synchronised:
        return replace(before, is_certain=False, steady_since_s=math.inf, rival_s=None)
    if before.rival_s is None or not _is_near(sample.offset_s, before.rival_s):
        now_s = sample.monotonic_s
        return replace(
            before,
            is_certain=False,
            steady_since_s=now_s,
            rival_s=sample.offset_s,
            rival_since_s=now_s,
        )
    if sample.monotonic_s - before.rival_since_s < SETTLE_S:
        return before
    return _follow(before, sample, not_before_s)


def _follow(before: Trust | None, sample: Sample, not_before_s: float) -> Trust:
    """Take the time of the system."""
    is_behind = sample.is_synchronised and sample.unix_s < not_before_s - _BEHIND_S
    is_certain = sample.is_synchronised and not is_behind
    since_s = before.steady_since_s if before is not None else math.inf
    has_jumped = before is not None and not _is_near(sample.offset_s, before.offset_s)
    if not sample.is_synchronised:
        since_s = math.inf
    elif has_jumped or math.isinf(since_s):
        since_s = sample.monotonic_s
    return Trust(
        offset_s=sample.offset_s,
        is_set=is_certain or (before is not None and before.is_set),
        is_certain=is_certain,
        is_behind=is_behind,
        steady_since_s=since_s,
    )


def _is_near(one_s: float, other_s: float) -> bool:
    return abs(one_s - other_s) <= _JUMP_S


class SteadyClock:
    """A clock that gives the kiosk's own time; any thread may use it.

    Args:
        clock: The clocks of the system.
        not_before_s: Unix time of the newest event of an earlier boot.
        offset_s: What this boot relied on when the process ended before; ``None`` if unknown.

    Attributes:
        not_before_s: As above; may be set again.
    """

    def __init__(
        self, clock: Clock, *, not_before_s: float = -math.inf, offset_s: float | None = None
    ) -> None:
        self._clock = clock
        self.not_before_s = not_before_s
        self._lock = threading.Lock()
        self._trust = None if offset_s is None else Trust(offset_s, is_set=True)

    def monotonic_s(self) -> float:
        """Return the seconds of a clock that never steps."""
        return self._clock.monotonic_s()

    def utc(self) -> datetime:
        """Return the kiosk's own time; 2 January 1970 at the earliest."""
        sample, trust = self._look()
        unix_s = trust.offset_s + sample.monotonic_s
        return max(_FIRST, datetime.fromtimestamp(0, UTC) + timedelta(seconds=unix_s))

    def synchronised(self) -> bool:
        """Return whether the system's clock is synchronised and agrees with the own time."""
        return self._look()[1].is_certain

    def boot_id(self) -> str:
        """Return the identifier of the boot."""
        return self._clock.boot_id()

    def sleep(self, duration_s: float, stop: threading.Event | None = None) -> bool:
        """Wait as :meth:`kiosk.clock.Clock.sleep` does."""
        return self._clock.sleep(duration_s, stop)

    def steady_for_s(self) -> float:
        """Return for how long the system's clock is synchronised and has not jumped, seconds."""
        sample, trust = self._look()
        return max(0.0, sample.monotonic_s - trust.steady_since_s)

    def off_s(self) -> float | None:
        """Return how far the system's clock is from what can be right; ``None`` if it may be.

        Negative: it is behind the own time, or behind the newest event of an earlier boot.
        """
        sample, trust = self._look()
        if trust.rival_s is not None:
            return round(trust.rival_s - trust.offset_s, 1)
        return round(sample.unix_s - self.not_before_s, 1) if trust.is_behind else None

    def _look(self) -> tuple[Sample, Trust]:
        with self._lock:
            sample = Sample(
                monotonic_s=self._clock.monotonic_s(),
                unix_s=self._clock.utc().timestamp(),
                is_synchronised=self._clock.synchronised(),
            )
            before, self._trust = self._trust, judge(self._trust, sample, self.not_before_s)
            _report(before, self._trust, sample)
            return sample, self._trust


def steady_clock(clock: Clock, outbox: Outbox) -> SteadyClock:
    """Build the kiosk's own time, which goes on from what the events say."""
    offset_s, newest_s = outbox.newest_dated(clock.boot_id())
    return SteadyClock(
        clock, offset_s=offset_s, not_before_s=-math.inf if newest_s is None else newest_s
    )


def _report(before: Trust | None, after: Trust, sample: Sample) -> None:
    """Log that the clock has jumped, or is behind, and the end of either."""
    if after.is_behind and not (before is not None and before.is_behind):
        _log.error("the clock is synchronised, but behind earlier events: it is not relied on")
    if before is None:
        return
    if after.rival_s is not None and after.rival_s != before.rival_s:
        message = "the clock was set %s by %.0f s; the old time stays in use for %.0f minutes"
        by_s = after.rival_s - after.offset_s
        _log.error(message, "back" if by_s < 0 else "forward", abs(by_s), SETTLE_S / 60)
    elif before.rival_s is not None and after.rival_s is None:
        is_taken = _is_near(after.offset_s, before.rival_s)
        _log.warning("the clock's new time is taken" if is_taken else "the clock is as before")
    elif not _is_near(sample.offset_s, before.offset_s) and after.rival_s is None:
        _log.info("the clock was set by %.0f s", sample.offset_s - before.offset_s)
    if after.is_certain and not before.is_set:
        _log.info("the clock is synchronised")
