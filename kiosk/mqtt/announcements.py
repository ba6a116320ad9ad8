"""Retained messages that a connection keeps published."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Announcement:
    """A retained message: later subscribers still get the last one of each topic."""

    topic: str
    payload: bytes


class Announcements:
    """The last announcement of each topic, and which of them are still to be published."""

    def __init__(self) -> None:
        self._last: dict[str, Announcement] = {}
        self._due: dict[str, Announcement] = {}

    def add(self, announcement: Announcement) -> None:
        """Add an announcement, which replaces the one of its topic."""
        self._last[announcement.topic] = announcement
        self._due[announcement.topic] = announcement

    def connect(self) -> None:
        """Note a new connection: all are published again."""
        self._due = dict(self._last)

    def take(self) -> Announcement | None:
        """Return the next one to publish; ``None`` when all are published."""
        return self._due.pop(next(iter(self._due)), None) if self._due else None
