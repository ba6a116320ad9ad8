"""Retained messages that a connection keeps published."""

import logging
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from paho.mqtt.reasoncodes import ReasonCode

from kiosk.mqtt.sender import OnAnswer

_log = logging.getLogger(__name__)


class Publish(Protocol):
    """Publishes a message."""

    def __call__(self, topic: str, payload: bytes, on_answer: OnAnswer, *, retain: bool) -> None:
        """Publish it with QoS 1."""


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


def announce(publish: Publish, announcement: Announcement) -> None:
    """Publish an announcement; log a refusal."""
    on_answer = partial(_on_announced, announcement.topic)
    publish(announcement.topic, announcement.payload, on_answer, retain=True)


def _on_announced(topic: str, reason: ReasonCode) -> None:
    if reason.is_failure:
        _log.warning("MQTT broker refuses %s (%s); see its access list", topic, reason)
