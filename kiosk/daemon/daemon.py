"""The daemon: check every part, tell systemd READY, then process frames until told to stop.

The frame loop alone feeds the watchdog, so a camera or a model that hangs is noticed. A camera that
is lost is one line in the log, and another when it is back; it is tried again in between.
"""

import logging
import math
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from kiosk.camera.base import Camera
from kiosk.clock import Clock
from kiosk.daemon.health import Vitals
from kiosk.daemon.lens import Lens
from kiosk.daemon.recorder import AlreadyStored, NotKnown, Postponed, Recorder, Stored
from kiosk.daemon.refusals import RefusalMonitor
from kiosk.daemon.systemd import Notifier, Watchdog
from kiosk.errors import CameraError, KioskError, RecordingError
from kiosk.mqtt.worker import ConnectionWorker
from kiosk.recognition.decide import DecisionRule
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.match import Matcher
from kiosk.recognition.pipeline import Pipeline
from kiosk.records import Decision, Frame
from kiosk.timetable import ClassSession

_log = logging.getLogger(__name__)

_WAIT_STEP_S: Final = 5.0
"""The wait for a camera is cut into steps: the watchdog must be fed, however long retry_s is."""


@dataclass(slots=True)
class Daemon:
    """Everything that `kiosk run` runs.

    Attributes:
        open_camera: Opens the configured camera.
        pipeline: From frames to decisions.
        embedder: The model, checked before READY.
        recorder: From decisions to committed events.
        mqtt: The connection to the broker, which publishes committed events.
        checks: Called with each frame; each raises when a thread of the process has failed.
        load_gallery: Reads the gallery and the thresholds again (SIGHUP).
        clock: Time.
        notifier: To systemd.
        watchdog: Fed by the frame loop.
        retry_s: How long to wait before a lost camera is tried again.
        vitals: What the frame loop notes for the health message.
        report: Called when the health has changed.
        stop: Set to end the loop.
        reload: Set to read gallery and thresholds again.
    """

    open_camera: Callable[[], Camera]
    pipeline: Pipeline
    embedder: TfliteEmbedder
    recorder: Recorder
    mqtt: ConnectionWorker
    checks: tuple[Callable[[], None], ...]
    load_gallery: Callable[[], tuple[Matcher, DecisionRule]]
    clock: Clock
    notifier: Notifier
    watchdog: Watchdog
    retry_s: float
    vitals: Vitals = field(default_factory=Vitals)
    report: Callable[[], None] = lambda: None
    stop: threading.Event = field(default_factory=threading.Event)
    reload: threading.Event = field(default_factory=threading.Event)
    _refusals: RefusalMonitor = field(default_factory=RefusalMonitor)
    _lens: Lens = field(default_factory=Lens)
    _camera_lost: bool = False
    _class_session: ClassSession | None = None

    def run(self) -> None:
        """Run until the recording ends or :attr:`stop` is set.

        Raises:
            KioskError: A part failed its check at the start, the outbox or a thread failed, or a
                recording broke. After the start, a lost camera is waited for instead.
        """
        worst = self.embedder.check()
        _log.info("model checked on this machine: golden vectors within %d int8 steps", worst)
        self.mqtt.start()
        try:
            is_finished = self._start_camera()
            while not is_finished:
                is_finished = self._retry_camera()
            self._store(self.pipeline.finish())
        finally:
            self.notifier.stopping()
            self.recorder.retry(math.inf)
            self.mqtt.stop(timeout_s=1.5)

    def _start_camera(self) -> bool:
        """Open the camera, tell READY at its first frame, go on; return whether to end."""
        with self.open_camera() as camera:
            if self.stop.is_set():  # before the first frame is read, which may hang
                return True
            try:
                first = next(camera)
            except StopIteration:
                raise CameraError("the camera's recording holds no frame") from None
            self.notifier.ready(self._status())
            _log.info(
                "ready: camera, model, gallery (%d people) and outbox checked",
                len(self.pipeline.matcher),
            )
            self._process(first)
            return self._process_frames(camera)

    def _retry_camera(self) -> bool:
        """Wait, open a lost camera again and process its frames; return whether to end."""
        due_s = self.clock.monotonic_s() + self.retry_s
        while (left_s := due_s - self.clock.monotonic_s()) > 0:
            if self.clock.sleep(min(left_s, _WAIT_STEP_S), self.stop):
                return True
            self._do_housekeeping()
        try:
            with self.open_camera() as camera:
                return self.stop.is_set() or self._process_frames(camera)
        except CameraError:
            return False

    def _process_frames(self, camera: Camera) -> bool:
        """Process frames; return true to end, false when the camera is lost."""
        try:
            for frame in camera:
                self._process(frame)
                self._note_camera_back()
                if self.stop.is_set():
                    return True
        except RecordingError:
            raise
        except CameraError as exc:
            self._note_camera_lost(exc)
            return self.stop.is_set()
        _log.info("the recording has ended")
        return True

    def _note_camera_lost(self, error: CameraError) -> None:
        if not self._camera_lost:
            _log.warning("camera lost: %s; tried again every %g s", error, self.retry_s)
            self.notifier.status("camera lost")
        self._camera_lost = True
        self.vitals.camera = "lost"
        self.report()

    def _note_camera_back(self) -> None:
        if self._camera_lost:
            self._camera_lost = False
            self.notifier.status("camera back")
            _log.info("camera back")
            self.report()

    def _process(self, frame: Frame) -> None:
        self._update_class_session()
        result = self.pipeline.process(frame)
        self._store(result.decisions)
        has_changed = self._lens.see(frame.image, frame.at_s)
        reasons = (one.reason for one in result.qualities)
        self.vitals.see(reasons, self.clock.monotonic_s(), self._lens.sight)
        if has_changed:
            self._note_sight()
        if self._refusals.add(result.qualities, frame.at_s):
            self._note_refusals()
        self._do_housekeeping()

    def _note_sight(self) -> None:
        """Log that the camera shows nothing of use, or that this has ended."""
        if self._lens.sight == "ok":
            _log.info("the camera shows people again")
        else:
            _log.warning("the camera is %s: nobody can be recognised", self._lens.sight)
        self.report()

    def _note_refusals(self) -> None:
        """Log that most faces are refused for one reason, or that this has ended."""
        if self._refusals.reason:
            _log.warning("%s", self._refusals.describe())
        else:
            _log.info("most faces are no longer refused for one reason")
        self.notifier.status(self._status())

    def _status(self) -> str:
        """Return the line for ``systemctl status``."""
        people = f"{len(self.pipeline.matcher)} people enrolled"
        return "; ".join(part for part in (people, self._refusals.describe()) if part)

    def _update_class_session(self) -> None:
        """When a class session begins, let everyone still in view be stored again."""
        session = self.recorder.class_session()
        if session != self._class_session:
            self._class_session = session
            self.pipeline.walks.start_session()

    def _store(self, decisions: Iterable[Decision]) -> None:
        """Store decisions and log each result, without a name and without a score."""
        for decision in decisions:
            match self.recorder.store(decision):
                case Stored(event):
                    _log.info("event %d stored after %d votes", event.sequence, decision.votes)
                case Postponed():
                    _log.debug("an event waits in memory")
                case AlreadyStored():
                    _log.debug("already stored in this class session")
                case NotKnown(verdict):
                    _log.info("a track ended %s after %d frames", verdict, decision.frames)

    def _do_housekeeping(self) -> None:
        """Check the threads, reload if asked, then feed the watchdog: with or without a frame."""
        for check in self.checks:
            check()
        self.recorder.retry(self.clock.monotonic_s())
        self.vitals.people = len(self.pipeline.matcher)
        self.vitals.in_memory = len(self.recorder.backlog)
        if self.reload.is_set():
            self.reload.clear()
            self._reload()
        self.watchdog.beat(self.clock.monotonic_s())

    def _reload(self) -> None:
        """Use the changed gallery and thresholds; keep the old ones when a file is bad."""
        self.notifier.reloading(self.clock.monotonic_s())
        try:
            self.pipeline.use_gallery(*self.load_gallery())
            _log.info("gallery and thresholds read again: %d people", len(self.pipeline.matcher))
        except KioskError as exc:
            _log.error(
                "gallery and thresholds not read again, the old ones stay in force: %s", exc
            )  # the message says it all
        self.notifier.ready(self._status())
