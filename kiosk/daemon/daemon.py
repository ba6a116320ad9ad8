"""The daemon: prove every part, say READY, then loop until told to stop.

The loop alone feeds the watchdog, so a camera or a model that hangs is noticed. A camera that
vanishes is one line in the log, another when it is back, and tries in between.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from kiosk.camera.base import Camera
from kiosk.clock import Clock
from kiosk.daemon.recorder import Recorder
from kiosk.daemon.systemd import Notifier, Watchdog
from kiosk.errors import CameraError, KioskError, RecordingError
from kiosk.mqtt.worker import ConnectionWorker
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.match import Matcher
from kiosk.recognition.pipeline import Pipeline
from kiosk.recognition.vote import VotingRule
from kiosk.records import Frame

_log = logging.getLogger(__name__)

_NAP_S: Final = 5.0
"""Signs of life are due while a camera is waited for, too, however long ``retry_s`` is."""


@dataclass(slots=True)
class Daemon:
    """Everything that `kiosk run` runs.

    Attributes:
        open_camera: Opens the configured camera.
        pipeline: From frames to decisions.
        embedder: The model, to be proved before READY.
        recorder: From decisions to committed events.
        mqtt: The connection to the broker, which publishes committed events.
        checks: Called with each frame; each raises when a thread of the process has failed.
        load_gallery: Reads the gallery and the thresholds again (SIGHUP).
        clock: Time.
        notifier: To systemd.
        watchdog: Fed by the frame loop.
        retry_s: How long to wait before a lost camera is tried again.
        stop: Set to end the loop.
        reload: Set to read gallery and thresholds again.
    """

    open_camera: Callable[[], Camera]
    pipeline: Pipeline
    embedder: TfliteEmbedder
    recorder: Recorder
    mqtt: ConnectionWorker
    checks: tuple[Callable[[], None], ...]
    load_gallery: Callable[[], tuple[Matcher, VotingRule]]
    clock: Clock
    notifier: Notifier
    watchdog: Watchdog
    retry_s: float
    stop: threading.Event = field(default_factory=threading.Event)
    reload: threading.Event = field(default_factory=threading.Event)
    _camera_lost: bool = False
    _session: str = ""

    def run(self) -> None:
        """Run until the recording ends or :attr:`stop` is set.

        Raises:
            KioskError: A part could not be proved at the start, the outbox or a thread failed, or
                a recording broke. A camera lost later is waited for instead.
        """
        worst = self.embedder.check()
        _log.info("model proved on this machine: golden vectors within %d int8 steps", worst)
        self.mqtt.start()
        try:
            with self.open_camera() as camera:
                if self.stop.is_set():  # not after another read, which may hang
                    return
                first = next(camera)
                people = len(self.pipeline.matcher)
                self.notifier.ready(f"{people} people enrolled")
                _log.info("ready: camera, model, gallery (%d people) and outbox proved", people)
                self._see(first)
                over = self._watch(camera)
            while not over:
                over = self._reopen()
            self._record_rest()
        except StopIteration:
            raise CameraError("the camera's recording holds no frame") from None
        finally:
            self.notifier.stopping()
            self.mqtt.stop(timeout_s=1.5)

    def _reopen(self) -> bool:
        """Try a lost camera again; whether the daemon is done."""
        due_s = self.clock.monotonic_s() + self.retry_s
        while (left_s := due_s - self.clock.monotonic_s()) > 0:
            if self.clock.sleep(min(left_s, _NAP_S), self.stop):
                return True
            self._stay_well()
        try:
            with self.open_camera() as camera:
                return self.stop.is_set() or self._watch(camera)
        except CameraError:
            return False

    def _watch(self, camera: Camera) -> bool:
        """Take frames; true when the recording has ended or it is time to stop."""
        try:
            for frame in camera:
                self._see(frame)
                if self._camera_lost:
                    self._camera_lost = False
                    self.notifier.status("camera back")
                    _log.info("camera back")
                if self.stop.is_set():
                    return True
        except RecordingError:
            raise
        except CameraError as exc:
            if not self._camera_lost:
                _log.warning("camera lost: %s; tried again every %g s", exc, self.retry_s)
                self.notifier.status("camera lost")
            self._camera_lost = True
            return self.stop.is_set()
        _log.info("the recording has ended")
        return True

    def _see(self, frame: Frame) -> None:
        self._begin_session()
        for decision in self.pipeline.process(frame):
            self.recorder.record(decision)
        self._stay_well()

    def _begin_session(self) -> None:
        """When a class session begins, count whoever is in view for it, too."""
        session = self.recorder.session()
        if session != self._session:
            self._session = session
            self.pipeline.votes.start_session()

    def _stay_well(self) -> None:
        """Do what is due with and without frames, last of all a sign of life."""
        for check in self.checks:
            check()
        if self.reload.is_set():
            self.reload.clear()
            self._reload()
        self.watchdog.beat(self.clock.monotonic_s())

    def _reload(self) -> None:
        """Take in a changed gallery and thresholds; what is bad leaves the old ones in force."""
        self.notifier.reloading(self.clock.monotonic_s())
        try:
            self.pipeline.use_gallery(*self.load_gallery())
            _log.info("gallery and thresholds read again: %d people", len(self.pipeline.matcher))
        except KioskError as exc:
            _log.error(
                "gallery and thresholds not read again, the old ones stay in force: %s", exc
            )  # the message says it all
        self.notifier.ready(f"{len(self.pipeline.matcher)} people enrolled")

    def _record_rest(self) -> None:
        for decision in self.pipeline.finish():
            self.recorder.record(decision)
