"""The clock: the interface that the kiosk uses, the system's clock, and a manual one for tests.

A Raspberry Pi has no real-time clock: until the network has set it, the time of day is a guess.
So durations come from a clock that never steps, and the time of day comes with the kernel's
statement whether it is synchronised.
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
    """The time of day, durations and waiting."""

    def monotonic_s(self) -> float:
        """Return the seconds of a clock that never steps; only differences are meaningful."""

    def utc(self) -> datetime:
        """Return the time of day, in UTC."""

    def synchronised(self) -> bool:
        """Return whether the time of day was set from a reliable server."""

    def boot_id(self) -> str:
        """Return the identifier of the boot that :meth:`monotonic_s` counts from."""

    def sleep(self, duration_s: float, stop: threading.Event | None = None) -> bool:
        """Wait until the duration has passed or ``stop`` is set.

        Args:
            duration_s: Duration, seconds; zero or less returns at once.
            stop: Ends the wait early.

        Returns:
            Whether ``stop`` is set.
        """


def unix_s(clock: Clock) -> int:
    """Return the time of day, Unix seconds; 0 while it is not synchronised."""
    return round(clock.utc().timestamp()) if clock.synchronised() else 0


class SystemClock:
    """The clocks of the operating system."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def monotonic_s(self) -> float:
        """Return the seconds of CLOCK_MONOTONIC."""
        return time.monotonic()

    def utc(self) -> datetime:
        """Return the time of day, in UTC."""
        return datetime.now(UTC)

    def synchronised(self) -> bool:
        """Ask the kernel with adjtimex(2); timesyncd, chrony and ntpd all report to it.

        A kernel that does not answer (a sandbox may forbid the call) counts as not synchronised:
        a warning about a correct time does less harm than a wrong time that is trusted.
        """
        # A zeroed timex has no mode set: the call only reads and needs no privilege.
        state: int = self._libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        return 0 <= state < _TIME_ERROR

    def boot_id(self) -> str:
        """Return the kernel's boot id, a UUID."""
        return _BOOT_ID.read_text(encoding="ascii").strip()

    def sleep(self, duration_s: float, stop: threading.Event | None = None) -> bool:
        """Wait as :meth:`Clock.sleep` does."""
        if stop is not None:
            return stop.wait(max(0.0, duration_s))
        time.sleep(max(0.0, duration_s))
        return False


class ManualClock:
    """A clock for tests: only :meth:`advance` and :meth:`sleep` move it.

    Args:
        start: The first time of day; it must carry a time zone.
        monotonic_s: The first value of the monotonic clock, seconds.
        boot_id: The identifier of the boot.
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
        """Return the first value plus the seconds that :meth:`advance` added."""
        return self._monotonic_s

    def utc(self) -> datetime:
        """Return the time of day, in UTC."""
        return self._utc

    def synchronised(self) -> bool:
        """Return the value of the last :meth:`set_utc`; true before the first."""
        return self._synchronised

    def boot_id(self) -> str:
        """Return the identifier given to the constructor."""
        return self._boot_id

    def sleep(self, duration_s: float, stop: threading.Event | None = None) -> bool:
        """Advance the clock without waiting, unless ``stop`` is already set."""
        if stop is not None and stop.is_set():
            return True
        self.advance(max(0.0, duration_s))
        return False

    def advance(self, duration_s: float) -> None:
        """Move the monotonic clock and the time of day forward.

        Raises:
            ValueError: ``duration_s`` is negative; a monotonic clock never steps back.
        """
        if duration_s < 0:
            raise ValueError(f"duration_s is {duration_s}, expected 0 or more")
        self._monotonic_s += duration_s
        self._utc += timedelta(seconds=duration_s)

    def set_utc(self, now: datetime, *, synchronised: bool) -> None:
        """Step the time of day, as a time server does; the monotonic clock is unchanged."""
        self._utc = now.astimezone(UTC)
        self._synchronised = synchronised
