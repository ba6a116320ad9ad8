"""Events that could not be stored, kept in memory until they can."""

import logging
from collections.abc import Callable
from typing import Final

from kiosk.counted import counted
from kiosk.errors import OutboxError
from kiosk.outbox.rows import DeduplicationKey
from kiosk.protocol.event import PersonEvent

_log = logging.getLogger(__name__)

_EVENTS_MAX: Final = 10_000
"""About 10 MB. A door sees fewer people in a day."""
_RETRY_S: Final = 5.0

Store = Callable[[DeduplicationKey, PersonEvent], object]


class Backlog:
    """The events that wait for a disk that is full or locked, in order.

    The kiosk goes on recording meanwhile. What waits here is lost when the process ends.
    """

    def __init__(self) -> None:
        self._events: dict[DeduplicationKey, PersonEvent] = {}
        self._due_s = 0.0
        self.lost = 0

    def __len__(self) -> int:
        """Count the events."""
        return len(self._events)

    def remembered(self, event_type: str, subject_id: str) -> list[DeduplicationKey]:
        """Return what waits of one person's events of a type."""
        wanted = (event_type, subject_id)
        return [one for one in self._events if (one.event_type, one.subject_id) == wanted]

    def add(self, key: DeduplicationKey, event: PersonEvent) -> None:
        """Add an event that could not be stored; drop it, with a log line, when there is no room.

        One line is logged when the first event is added, and one when all are stored.
        """
        if len(self._events) >= _EVENTS_MAX:
            self.lost += 1
            if self.lost == 1:
                _log.error("nothing can be stored, and the memory is full: events are lost now")
            return
        if not self._events:
            _log.error("an event cannot be stored; it is kept in memory, like those that follow")
        self._events[key] = event

    def retry(self, store: Store, now_s: float) -> None:
        """Store what waits, in order, if a try is due.

        Args:
            store: Stores an event; raises OutboxError while it cannot.
            now_s: Monotonic seconds.
        """
        if not self._events or now_s < self._due_s:
            return
        count = len(self._events)
        for key, event in list(self._events.items()):
            try:
                store(key, event)
            except OutboxError:
                self._due_s = now_s + _RETRY_S
                return
            del self._events[key]
        _log.info("stored now: %s that waited in memory", counted(count, "event"))
        if self.lost:
            _log.error("lost, because nothing could be stored: %s", counted(self.lost, "event"))
            self.lost = 0

    def end(self) -> None:
        """Say how many events end with this process."""
        if lost := self.lost + len(self._events):
            _log.error(
                "lost with this process, which could not store them: %s", counted(lost, "event")
            )
