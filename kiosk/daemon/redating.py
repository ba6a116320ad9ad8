"""Give events the right time once it is certain: those of a boot that began without one.

An event that was never sent is changed, and keeps its id and number. For one that was sent, or may
have been, a correction is published.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from kiosk.daemon.events import EventMaker, time_text
from kiosk.daemon.times.repeats import SessionAt
from kiosk.errors import OutboxError, PayloadError
from kiosk.outbox.outbox import Outbox
from kiosk.outbox.rows import Build, DeduplicationKey
from kiosk.protocol.event import PersonEvent, TimeCorrectionEvent, decode

_EVENTS_PER_STEP: Final = 50
"""A step must not hold the frame loop up."""
_LOOK_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Redating:
    """Dates events of this boot by the offset of the time of day from the monotonic clock.

    Attributes:
        make: Makes events.
        session_at: Returns the class session of a moment.
        offset_s: The offset that is certain, seconds.
    """

    make: EventMaker
    session_at: SessionAt
    offset_s: float

    def dated(self, key: DeduplicationKey) -> DeduplicationKey:
        """Return what to remember; a participation window keeps its class session."""
        moment = self._moment(key)
        session = key.session if key.window else self.session_at(moment)
        return replace(key, session=session, time_s=moment.timestamp(), is_dated=True)

    def restamped(self, key: DeduplicationKey, payload: bytes) -> bytes:
        """Return the event with the right time; one that cannot be read stays as it is."""
        try:
            event = decode(payload)
        except PayloadError:
            return payload
        if not isinstance(event, PersonEvent):
            return payload
        session = event.session if key.window else str(self.session_at(self._moment(key)))
        time = time_text(self._moment(key), self.make.zone)
        return self.make.encoded(event, session=session, time=time, clock="synchronised")

    def correction(self, key: DeduplicationKey) -> Build:
        """Return the correction of an event."""
        moment = self._moment(key)
        session = key.session if key.window else self.session_at(moment)
        event = TimeCorrectionEvent(
            **self.make.base(session),
            corrects=key.event_id,
            corrected_time=time_text(moment, self.make.zone),
        )
        return self.make.build(event)

    def _moment(self, key: DeduplicationKey) -> datetime:
        unix_s = self.offset_s + (key.monotonic_s or 0.0)
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=unix_s)


class Redater:
    """Looks every few seconds whether events wait for the right time, once that is certain.

    Args:
        outbox: Holds the events.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._due_s = 0.0

    def turn(self, make: EventMaker, session_at: SessionAt, now_s: float) -> bool:
        """Date some events, if that is due.

        Args:
            make: Makes events.
            session_at: Returns the class session of a moment.
            now_s: Monotonic seconds.

        Returns:
            Whether there is something new to publish.
        """
        clock = make.clock
        if now_s < self._due_s or not clock.synchronised():
            return False
        self._due_s = now_s + _LOOK_S
        offset_s = clock.utc().timestamp() - clock.monotonic_s()
        dating = Redating(make, session_at, offset_s)
        try:
            dated, corrections = self._outbox.date_events(clock.boot_id(), dating, _EVENTS_PER_STEP)
        except OutboxError:  # the outbox logs it
            return False
        if dated == _EVENTS_PER_STEP:
            self._due_s = now_s
        return corrections > 0
