"""Show live what the kiosks publish: their events, their availability and their health.

The viewer misses what is published while it does not run. A register uses a persistent MQTT
session instead, acknowledges a message after it has stored it, and recognises repeats by event id
as :class:`kiosk.watch.attendance_list.AttendanceList` does.
"""

import logging
import math
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Final

from kiosk.config.mqtt import MqttSection
from kiosk.errors import PayloadError
from kiosk.logs import OnceWarner
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.subscriber import Message
from kiosk.printable import printable
from kiosk.protocol.availability import decode_availability
from kiosk.protocol.health import decode_health
from kiosk.protocol.topics import (
    ALL_FILTER,
    AVAILABILITY,
    FOR_REGISTER,
    HEALTH,
    KioskAddress,
    Topic,
    parse_topic,
)
from kiosk.watch.attendance_list import AttendanceList, read_event
from kiosk.watch.screens import Screen

_log = logging.getLogger(__name__)

_STEP_S: Final = 0.5
"""How often ``stop`` is looked at, seconds."""
_CLOSE_S: Final = 0.5
_SILENT_S: Final = 5.0
"""So long a broker may take for what it has kept."""


def watch(
    mqtt: MqttSection,
    attendance: AttendanceList,
    screen: Screen,
    *,
    password: str = "",
    limit: int | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Show what the kiosks publish, until ``limit`` events were shown or ``stop`` is set.

    Args:
        mqtt: The configuration; ``mqtt.host`` must be set.
        attendance: Collects what comes in.
        screen: Shows it.
        password: The password of ``mqtt.username``.
        limit: Return after this many events were shown, repeats and skipped messages not counted;
            ``None`` is no limit.
        stop: Return soon after this is set; Ctrl-C ends the watch, too.

    Raises:
        BrokerError: The broker cannot be reached at first, or refuses the connection or the
            subscription.
    """
    viewer = _Viewer(attendance, screen)
    silence = _Silence(mqtt.username)
    connection = Connection(
        mqtt, f"kiosk-watch:{uuid.uuid4().hex}", password=password, fail_fast=True
    )
    connection.subscribe(ALL_FILTER, viewer.handle)
    connection.open()
    try:
        while (limit is None or viewer.shown < limit) and not (stop and stop.is_set()):
            is_busy = connection.step(_STEP_S)
            viewer.show_kiosks(time.monotonic(), is_busy=is_busy)
            silence.look(time.monotonic(), has_heard=viewer.has_heard)
    finally:
        connection.close(_CLOSE_S)


class _Silence:
    """Says once that nothing came: of each kiosk the broker has kept whether it runs."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._due_s = time.monotonic() + _SILENT_S

    def look(self, now_s: float, *, has_heard: bool) -> None:
        """Say it if it is time."""
        if has_heard or now_s < self._due_s:
            return
        self._due_s = math.inf
        _log.warning(
            "nothing came in %.0f s: no kiosk has used this broker yet, or the account %s may not "
            "read there; --username takes another one (systemd/mosquitto/acl grants reading to "
            "the account watch)",
            _SILENT_S,
            printable(repr(self._account)) if self._account else "of nobody",
        )


class _Viewer:
    """Reads messages into an attendance list, and shows what is new."""

    def __init__(self, attendance: AttendanceList, screen: Screen) -> None:
        self.shown = 0
        self.has_heard = False
        self._attendance = attendance
        self._screen = screen
        self._warner = OnceWarner(_log)  # the table shows how many messages there were
        self._has_news: set[KioskAddress] = set()
        self._states: dict[KioskAddress, str] = {}
        self._due_s = 0.0

    def handle(self, message: Message) -> None:
        """Show a message; count one that cannot be read, and say so once.

        A retained event is no arrival: it may be of any age, and comes again at every start.
        """
        message.acknowledge()  # at once: the viewer stores nothing
        self.has_heard = True
        topic = parse_topic(message.topic)
        if topic is None or topic.kind in FOR_REGISTER - {HEALTH}:
            return
        try:
            if topic.kind in {AVAILABILITY, HEALTH}:
                self._kiosk(topic, message)
            else:
                self._event(topic, message.payload, is_retained=message.retained)
        except PayloadError as exc:
            self._attendance.refuse()
            self._warner.warn(f"{printable(message.topic)}: {printable(str(exc))}")

    def _event(self, topic: Topic, payload: bytes, *, is_retained: bool) -> None:
        event = read_event(topic, payload)
        if is_retained and event is not None:
            raise PayloadError("retained, so it is no arrival; clear it at the broker")
        if event is None:
            self._screen.show_skipped(self._attendance.skip())
        elif self._attendance.add(event, time.monotonic()):
            self.shown += 1
            self._screen.show_event(event)

    def _kiosk(self, topic: Topic, message: Message) -> None:
        # An empty message is how MQTT clears a retained one: the kiosk was taken out of service.
        if not message.payload:
            if topic.kind == AVAILABILITY:
                self._attendance.forget(topic.address)
            return
        decode = decode_availability if topic.kind == AVAILABILITY else decode_health
        news = decode(message.payload)
        now = datetime.now(UTC)
        self._attendance.hear(topic.address, news, now, retained=message.retained)
        self._has_news.add(topic.address)

    def show_kiosks(self, now_s: float, *, is_busy: bool) -> None:
        """Show the kiosks that have news, or were not heard for too long.

        A kiosk's retained messages come one after the other, and mean something only together.

        Args:
            now_s: Monotonic seconds.
            is_busy: More may come at once: wait for a pause, but not longer than a second.
        """
        if is_busy and now_s < self._due_s:
            return
        self._due_s = now_s + 1.0
        now = datetime.now(UTC)
        for address, door in self._attendance.kiosks:
            state = door.state(now)
            if address in self._has_news or self._states.get(address) != state:
                self._states[address] = state
                self._screen.show_kiosk(address, door)
        self._has_news.clear()
