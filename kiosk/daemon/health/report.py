"""Report the kiosk's health over MQTT, from the thread that owns the connection.

The frame loop only notes what it sees (:class:`Vitals`): when it hangs, the reports go on and say
so.
"""

import logging
import math
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from kiosk.clock import Clock
from kiosk.daemon.health.lens import Sight
from kiosk.daemon.health.machine import free_mb, is_under_voltage, temperature_c
from kiosk.daemon.times.event_age import event_age_s
from kiosk.errors import OutboxError
from kiosk.mqtt.announcements import Announcement
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.rivalry import Certainty
from kiosk.outbox.outbox import Outbox
from kiosk.outbox.rows import Counts
from kiosk.protocol.health import CameraState, Health, encode_health
from kiosk.protocol.signature import Signer
from kiosk.protocol.topics import HEALTH, KioskAddress

_log = logging.getLogger(__name__)

_INTERVAL_S: Final = 60.0
_NEW_EVENTS_S: Final = 10.0
"""How soon after a report another one tells the number of an event stored meanwhile."""
_HUNG_S: Final = 15.0
"""A camera that gives no frame for so long hangs. A read may take 3 s before it fails."""


@dataclass(slots=True)
class Vitals:
    """What the frame loop notes; one thread writes, others read.

    Attributes:
        camera: What the frame loop knows of the camera.
        frames: How many frames were processed.
        frame_s: When the newest one was, monotonic seconds; ``None`` before the first.
        watching_since_s: Since when frames have come that show something, without a break,
            monotonic seconds; ``None`` while none do.
        faces: How many faces were seen by the reason why they could not vote; "" for those that
            could.
        people: How many people are enrolled.
        gallery_version: Of the gallery in use.
        gallery_hash: Of the gallery in use.
        config_hash: Of the settings in use.
        in_memory: How many events could not be stored yet.
        clock_off_s: How far the system's clock is from what can be right, seconds; ``None`` if it
            may be right.
    """

    camera: Literal["starting", "ok", "lost", "black", "covered", "frozen"] = "starting"
    frames: int = 0
    frame_s: float | None = None
    watching_since_s: float | None = None
    faces: Counter[str] = field(default_factory=Counter)
    people: int = 0
    gallery_version: int = 0
    gallery_hash: str = ""
    config_hash: str = ""
    in_memory: int = 0
    clock_off_s: float | None = None

    def see(self, reasons: Iterable[str], now_s: float, sight: Sight = "ok") -> None:
        """Note a processed frame.

        Args:
            reasons: The reason of each face that was refused, "" for the others.
            now_s: The time, monotonic seconds.
            sight: What the lens shows.
        """
        self.camera = sight
        is_broken = self.frame_s is None or now_s - self.frame_s >= _HUNG_S
        if sight != "ok":
            self.watching_since_s = None
        elif is_broken or self.watching_since_s is None:
            self.watching_since_s = now_s
        self.frames += 1
        self.frame_s = now_s
        self.faces.update(reasons)


@dataclass(slots=True)
class HealthReporter:
    """Publishes the retained health message every minute and when something important changes.

    Attributes:
        connection: The kiosk's connection.
        address: The kiosk's address.
        outbox: Holds the events.
        vitals: What the frame loop notes.
        clock: The time.
        model_id: The face recogniser.
        version: Version of the software.
        directory: The folder of the kiosk's files.
        signer: Signs the reports; ``None`` if nothing does.
        sealing_key: What orders for this kiosk are sealed with.
        register_key: The key of the register whose orders it carries out.
    """

    connection: Connection
    address: KioskAddress
    outbox: Outbox
    vitals: Vitals
    clock: Clock
    model_id: str
    version: str
    directory: Path
    signer: Signer | None = None
    sealing_key: str | None = None
    register_key: str | None = None
    _due_s: float = -math.inf
    _sent_s: float = -math.inf
    _said: tuple[object, ...] = ()
    _counts: Counts = field(default_factory=lambda: Counts(0, 0, 0))
    _last_sequence: int = 0
    _oldest_waiting_s: int | None = None
    _before: tuple[int, float] | None = None

    def start(self) -> None:
        """Report from the next turn of the connection on."""
        self.connection.each_turn(self._take_turn)

    def notify(self) -> None:
        """Report that something has changed; any thread may call this."""
        self.connection.wake()

    def _take_turn(self) -> float:
        now_s = time.monotonic()
        camera = self._camera()
        vitals, rival = self.vitals, self.connection.rival
        settings = (vitals.gallery_version, vitals.gallery_hash, vitals.config_hash)
        is_off = vitals.clock_off_s is not None
        said = (camera, vitals.people, bool(vitals.in_memory), is_off, rival)
        important = (*said, *settings)
        if now_s >= self._due_s or important != self._said or self._has_new_events(now_s):
            if camera == "hung" and self._said and self._said[0] != camera:
                _log.error("the camera has given no frame for %.0f s", _HUNG_S)
            self._said = important
            self._sent_s = now_s
            self._due_s = now_s + _INTERVAL_S
            payload = encode_health(self._health(camera, rival))
            payload = self.signer.sign(payload) if self.signer else payload
            self.connection.announce(Announcement(self.address.topic(HEALTH), payload))
            self.connection.wake()  # an announcement goes out in the next step
        # A camera that hangs is noticed in time, although nothing comes in.
        return min(self._due_s, now_s + _HUNG_S / 3)

    def _has_new_events(self, now_s: float) -> bool:
        """Return whether the last report is old, and events were stored since.

        The register learns from the last number that it lacks the newest events.
        """
        if now_s < self._sent_s + _NEW_EVENTS_S:
            return False
        try:
            return self.outbox.last_sequence() != self._last_sequence
        except OutboxError:  # the outbox logs it
            return False

    def _camera(self) -> CameraState:
        age_s = self._frame_age_s()
        if self.vitals.camera != "lost" and age_s is not None and age_s >= _HUNG_S:
            return "hung"
        return self.vitals.camera

    def _frame_age_s(self) -> float | None:
        frame_s = self.vitals.frame_s
        return None if frame_s is None else max(0.0, self.clock.monotonic_s() - frame_s)

    def _watching_s(self, camera: CameraState) -> float | None:
        since_s = self.vitals.watching_since_s
        if camera != "ok" or since_s is None:
            return None
        return round(max(0.0, self.clock.monotonic_s() - since_s), 1)

    def _health(self, camera: CameraState, rival: Certainty) -> Health:
        self._read_outbox()
        faces = dict(self.vitals.faces)
        age_s = self._frame_age_s()
        return Health(
            time=self.clock.utc().isoformat(timespec="milliseconds"),
            clock="synchronised" if self.clock.synchronised() else "unsynchronised",
            clock_off_s=self.vitals.clock_off_s,
            boot_id=self.clock.boot_id(),
            version=self.version,
            outbox_id=self.outbox.outbox_id,
            last_sequence=self._last_sequence,
            waiting=self._counts.kept,
            undelivered=self._counts.undelivered,
            in_memory=self.vitals.in_memory,
            dropped=self._counts.dropped,
            set_aside=self._counts.set_aside,
            oldest_waiting_s=self._oldest_waiting_s,
            camera=camera,
            last_frame_age_s=None if age_s is None else round(age_s, 1),
            frames_per_s=self._frames_per_s(),
            watching_s=self._watching_s(camera),
            faces_seen=sum(faces.values()),
            faces_refused={reason: count for reason, count in faces.items() if reason},
            disk_free_mb=free_mb(self.directory),
            temperature_c=temperature_c(),
            under_voltage=is_under_voltage(),
            model_id=self.model_id,
            people=self.vitals.people,
            gallery_version=self.vitals.gallery_version,
            gallery_hash=self.vitals.gallery_hash,
            config_hash=self.vitals.config_hash,
            public_key=self.signer.public_key if self.signer else None,
            sealing_key=self.sealing_key,
            register_key=self.register_key,
            rival=rival,
        )

    def _read_outbox(self) -> None:
        """Read what the outbox holds; keep the last known figures while it cannot be read."""
        try:
            self._last_sequence = self.outbox.last_sequence()
            self._counts = self.outbox.counts()
            oldest = self.outbox.oldest()
        except OutboxError:  # the outbox logs it
            return
        self._oldest_waiting_s = event_age_s(oldest.payload, self.clock) if oldest else None

    def _frames_per_s(self) -> float | None:
        """Return the rate since the last call."""
        now = (self.vitals.frames, self.clock.monotonic_s())
        before, self._before = self._before, now
        if before is None or now[1] <= before[1]:
            return None
        return round((now[0] - before[0]) / (now[1] - before[1]), 1)
