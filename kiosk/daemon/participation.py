"""Participation: while a window is open, each recognised student takes part once.

"Once" is once in each window: who leaves and comes back has taken part already, and the next
window counts again. ``count`` is the student's number of events in the class session.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from kiosk.config.timetable import ClassSession
from kiosk.daemon.times.steady_clock import SteadyClock
from kiosk.errors import PayloadError
from kiosk.logs import OnceWarner
from kiosk.protocol.participation import decode_window

_log = logging.getLogger(__name__)

LOCAL_MAX = timedelta(hours=1)
"""How long a window stays open that was opened at the door outside of a known lesson."""


@dataclass(frozen=True, slots=True)
class Window:
    """A participation window.

    Attributes:
        number: Which one it is.
        session: The class session that its events name.
        closes_at: When it closes by itself.
        closes_s: The same by the monotonic clock, for a kiosk that does not know the time.
    """

    number: int
    session: ClassSession
    closes_at: datetime
    closes_s: float

    def is_open(self, now: datetime | None, now_s: float) -> bool:
        """Return whether it is open; ``now`` is ``None`` while the time is not certain."""
        return now < self.closes_at if now is not None else now_s < self.closes_s


class Windows:
    """The window of this door, as the register or the button at the door says.

    Whoever spoke last counts. One thread hears the register, another one the button.

    Args:
        clock: The time.
    """

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self._window: Window | None = None
        self._heard = b""
        self._warner = OnceWarner(_log)

    @property
    def open(self) -> Window | None:
        """The open window; ``None`` if none is."""
        window = self._window
        if window is None or not window.is_open(self._now(), self._clock.monotonic_s()):
            return None
        return window

    def hear(self, payload: bytes) -> None:
        """Do what the register says; refuse what cannot be used with a log line.

        The broker sends a retained message again at each connect: what was heard last is not news,
        or it would open a window that was closed at the door.
        """
        if payload == self._heard:
            return
        try:
            window = _read(payload, self._clock) if payload else None
        except PayloadError as exc:
            self._warner.warn(f"ignored: the register sent no valid participation window ({exc})")
            return
        self._heard = payload
        self._window = window
        _log.info("participation: %s", "open" if self.open else "closed")

    def toggle(self, session: ClassSession, ends_at: datetime | None) -> None:
        """Open a window at the door, or close the open one.

        Args:
            session: The current class session.
            ends_at: When that ends; ``None`` if it is not known.
        """
        if self.open:
            self._window = None
            _log.info("participation: closed at the door")
            return
        now = self._clock.utc()
        closes_at = ends_at if ends_at is not None else now + LOCAL_MAX
        closes_s = self._clock.monotonic_s() + (closes_at - now).total_seconds()
        self._window = Window(int(now.timestamp()), session, closes_at, closes_s)
        _log.info("participation: opened at the door")

    def _now(self) -> datetime | None:
        return self._clock.utc() if self._clock.synchronised() else None


def _read(payload: bytes, clock: SteadyClock) -> Window | None:
    """Return the window that a message opens; ``None`` if it closes one.

    Raises:
        PayloadError: It is not such a message.
    """
    said = decode_window(payload)
    try:
        opened_at = datetime.fromisoformat(said.opened_at)
        closes_at = datetime.fromisoformat(said.closes_at)
        lasts_s = (closes_at - opened_at).total_seconds()
        day = opened_at.date()
    except (ValueError, OverflowError) as exc:
        raise PayloadError(f"expected times of the calendar ({exc})") from exc
    if not said.session.isprintable():
        raise PayloadError("session: expected printable text")
    if said.state == "closed":
        return None
    session = ClassSession(day, said.session, is_named_by_register=True)
    return Window(said.window, session, closes_at, clock.monotonic_s() + lasts_s)
