"""Time, as a port: what the kiosk asks of a clock, the real one and one for tests.

A Raspberry Pi has no real-time clock: until the network has set it, the time of day is a guess.
So durations come from a clock that never steps, and the time of day comes with the kernel's word
on whether it can be trusted.
"""

import ctypes
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised to a reliable server
_TIMEX_BYTES: Final = 512  # struct timex is 208 bytes on 64-bit Linux; the kernel writes no more
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What the kiosk asks of a clock."""

    def monotonic_s(self) -> float:
        """Seconds of a clock that never steps; only differences mean anything."""

    def utc(self) -> datetime:
        """The time of day, in UTC."""

    def synchronised(self) -> bool:
        """Whether the time of day has been set from a reliable server."""

    def boot_id(self) -> str:
        """Identify the boot that :meth:`monotonic_s` counts from."""

    def sleep(self, duration_s: float, stop: threading.Event | None = None) -> bool:
        """Wait, but no longer than until ``stop`` is set.

        Args:
            duration_s: How long, seconds; nothing happens when it is not positive.
            stop: Ends the wait early.

        Returns:
            Whether ``stop`` is set.
        """


class SystemClock:
    """The clock of the machine."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def monotonic_s(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()

    def utc(self) -> datetime:
        """The time of day, in UTC."""
        return datetime.now(UTC)

    def synchronised(self) -> bool:
        """Ask the kernel (adjtimex(2)), which any of timesyncd, chrony and ntpd tells.

        A kernel that does not answer (a sandbox may forbid the call) counts as not synchronised:
        an event then warns of a time that may be right, rather than vouch for a wrong one.
        """
        # A zeroed timex has no mode set: the call reads and needs no privilege.
        state: int = self._libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        return 0 <= state < _TIME_ERROR

    def boot_id(self) -> str:
        """Identify this boot, as the kernel names it."""
        return _BOOT_ID.read_text(encoding="ascii").strip()

    def sleep(self, duration_s: float, stop: threading.Event | None = None) -> bool:
        """Wait, as :meth:`Clock.sleep`."""
        if stop is not None:
            return stop.wait(max(0.0, duration_s))
        time.sleep(max(0.0, duration_s))
        return False


class ManualClock:
    """A clock that stands still until it is told to move; sleeping moves it.

    Args:
        start: The time of day at first; it must carry a time zone.
        monotonic_s: The monotonic clock at first, seconds.
        boot_id: The name of the boot.
    """

    def __init__(
        self,
        start: datetime = datetime(2026, 1, 5, 8, 0, tzinfo=UTC),
        *,
        monotonic_s: float = 100.0,
        boot_id: str = "00000000-0000-4000-8000-000000000000",
    ) -> None:
        self._utc = start.astimezone(UTC)
        self._monotonic_s = monotonic_s
        self._boot_id = boot_id
        self._synchronised = True

    def monotonic_s(self) -> float:
        """Seconds since the clock was made, plus where it started."""
        return self._monotonic_s

    def utc(self) -> datetime:
        """The time of day, in UTC."""
        return self._utc

    def synchronised(self) -> bool:
        """What :meth:`set_utc` said last; true at first."""
        return self._synchronised

    def boot_id(self) -> str:
        """The name given at the start."""
        return self._boot_id

    def sleep(self, duration_s: float, stop: threading.Event | None = None) -> bool:
        """Move on at once, unless ``stop`` is set already."""
        if stop is not None and stop.is_set():
            return True
        self.advance(max(0.0, duration_s))
        return False

    def advance(self, duration_s: float) -> None:
        """Let time pass.

        Raises:
            ValueError: ``duration_s`` is negative; a monotonic clock never steps back.
        """
        if duration_s < 0:
            raise ValueError(f"duration_s is {duration_s}, expected 0 or more")
        self._monotonic_s += duration_s
        self._utc += timedelta(seconds=duration_s)

    def set_utc(self, now: datetime, *, synchronised: bool) -> None:
        """Step the time of day, as a time server does; the monotonic clock stays."""
        self._utc = now.astimezone(UTC)
        self._synchronised = synchronised
