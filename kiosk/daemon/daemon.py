"""The daemon: check every part, tell systemd READY, then process frames until told to stop.

The frame loop alone feeds the watchdog, so what hangs is noticed. What only a person can mend, a
lost camera or gallery, is logged, and tried again, also at the start: READY means that it runs.
"""

import logging
import math
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from kiosk.camera.base import Camera
from kiosk.config.timetable import ClassSession
from kiosk.counted import counted, counted_people
from kiosk.daemon.card_desk import CardDesk
from kiosk.daemon.health.observer import Observer
from kiosk.daemon.health.status_board import State
from kiosk.daemon.participation import Window, Windows
from kiosk.daemon.recorder import Recorder
from kiosk.daemon.redating import Redater
from kiosk.daemon.reloading import Loaded, Loader
from kiosk.daemon.results import AlreadyStored, NotKnown, Postponed, Stored
from kiosk.daemon.systemd import Notifier, Watchdog
from kiosk.daemon.times.steady_clock import SteadyClock
from kiosk.errors import CameraError, GalleryError, KioskError, RecordingError
from kiosk.feedback.feedback import Feedback
from kiosk.mqtt.worker import ConnectionWorker
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.pipeline import Pipeline
from kiosk.records import Decision, Frame
from kiosk.service_status import Reload

_log = logging.getLogger(__name__)

_STEP_S: Final = 5.0
"""How often a gallery that could not be used is tried again; and the wait for a camera is cut into
such steps, because the watchdog must be fed, however long retry_s is."""


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
        loader: Reads the gallery, and for a reload (SIGHUP) thresholds and timetable, too.
        clock: Time.
        windows: The participation window.
        feedback: Lights, buzzer and button at the door.
        redater: Gives events the right time once it is certain.
        notifier: To systemd.
        state: What ``systemctl status``, ``kiosk status`` and the health message show.
        observer: Looks at every frame.
        cards: Reads cards.
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
    loader: Loader
    clock: SteadyClock
    windows: Windows
    feedback: Feedback
    redater: Redater
    notifier: Notifier
    state: State
    observer: Observer
    cards: CardDesk
    watchdog: Watchdog
    retry_s: float
    stop: threading.Event = field(default_factory=threading.Event)
    reload: threading.Event = field(default_factory=threading.Event)
    _gallery_due_s: float = 0.0
    _class_session: tuple[ClassSession, Window | None] | None = None

    def run(self) -> None:
        """Run until the recording ends or :attr:`stop` is set.

        Raises:
            KioskError: The model failed its check, the outbox or a thread failed, or a recording
                broke. Camera and gallery are waited for instead.
        """
        worst = self.embedder.check()
        _log.info("model checked on this machine: golden vectors within %d int8 steps", worst)
        self.mqtt.start()
        try:
            while not self._use_camera():
                if self._wait():
                    break
            self._store(self.pipeline.finish())
        finally:
            self.notifier.stopping()
            self.state.board.close()
            self.feedback.close()
            self.recorder.retry(math.inf)
            self.recorder.backlog.end()
            self.mqtt.stop(timeout_s=1.5)

    def _use_camera(self) -> bool:
        """Open the camera and process its frames; return true to end, false when it is lost."""
        try:
            with self.open_camera() as camera:
                if self.stop.is_set():  # before the first frame is read, which may hang
                    return True
                for frame in camera:
                    self._process(frame)
                    self.state.camera_works()
                    if self.stop.is_set():
                        return True
        except RecordingError:
            raise
        except CameraError as exc:
            self.state.camera_is_lost(str(exc), self.retry_s)
            return self.stop.is_set()
        if not self.state.vitals.frames:
            raise RecordingError("the camera's recording holds no frame")
        _log.info("the recording has ended")
        return True

    def _wait(self) -> bool:
        """Wait before a lost camera is opened again; return whether to end."""
        due_s = self.clock.monotonic_s() + self.retry_s
        while (left_s := due_s - self.clock.monotonic_s()) > 0:
            if self.clock.sleep(min(left_s, _STEP_S), self.stop):
                return True
            self._do_housekeeping()
        return False

    def _process(self, frame: Frame) -> None:
        self._update_class_session()
        result = self.pipeline.process(frame)
        self._store(result.decisions)
        self._store_cards(frame)
        self.feedback.see(result.verdicts, self.clock.monotonic_s())
        self.observer.see(frame, result.qualities, self.clock.monotonic_s())
        self._do_housekeeping()

    def _update_class_session(self) -> None:
        """When a class session or a window begins, let everyone still in view be stored again."""
        session = self.recorder.class_session(), self.windows.open
        if session != self._class_session:
            self._class_session = session
            self.pipeline.walks.start_session()

    def _store(self, decisions: Iterable[Decision]) -> None:
        """Store decisions and log each result, without a name and without a score."""
        for decision in decisions:
            match self.recorder.store(decision):
                case Stored(event):
                    votes = counted(decision.votes, "vote")
                    _log.info("event %d stored after %s", event.sequence, votes)
                case Postponed():
                    _log.debug("an event waits in memory")
                case AlreadyStored():
                    _log.debug("already stored in this class session")
                case NotKnown(verdict):
                    frames = counted(decision.frames, "frame")
                    _log.info("a track ended %s after %s", verdict, frames)
            window = self.windows.open
            if window and isinstance(one := self.recorder.participate(decision, window), Stored):
                _log.info("event %d stored: participation", one.event.sequence)

    def _store_cards(self, frame: Frame) -> None:
        for card in self.cards.see(frame):
            if isinstance(one := self.recorder.store_card(card), Stored):
                _log.info("event %d stored of a card", one.event.sequence)
            window = self.windows.open
            if window and isinstance(one := self.recorder.participate_by(card, window), Stored):
                _log.info("event %d stored of a card: participation", one.event.sequence)

    def _do_housekeeping(self) -> None:
        """Check the threads, reload if asked, then feed the watchdog: with or without a frame."""
        for check in self.checks:
            check()
        now_s = self.clock.monotonic_s()
        if self.feedback.was_pressed():
            self.windows.toggle(self.recorder.class_session(), self.recorder.session_end())
        self.feedback.show(now_s, is_open=self.windows.open is not None)
        self.recorder.retry(now_s)
        if self.redater.turn(self.recorder.make, self.recorder.session_at, now_s):
            self.recorder.committed()
        self.state.vitals.clock_off_s = self.clock.off_s()
        self.state.vitals.in_memory = len(self.recorder.backlog)
        if self.reload.is_set():
            self.reload.clear()
            self._reload()
        elif self.state.gallery_fault and now_s >= self._gallery_due_s:
            self._gallery_due_s = now_s + _STEP_S
            self._try_gallery()
        self.state.refresh(now_s)
        self.watchdog.beat(now_s)

    def _try_gallery(self) -> None:
        """Use a gallery that could not be used before, once it is mended."""
        try:
            self._use(self.loader.load())
        except GalleryError as exc:
            self.state.gallery_fault = str(exc)
            return
        _log.info("gallery read: %s", counted_people(len(self.pipeline.matcher)))
        self.state.change()

    def _reload(self) -> None:
        """Use changed gallery, thresholds and timetable; keep the old ones when a file is bad."""
        now_s = self.clock.monotonic_s()
        self.notifier.reloading(now_s)
        error = ""
        try:
            self._use(self.loader.load_again())
        except KioskError as exc:
            error = f"gallery, thresholds and timetable not read again, the old stay: {exc}"
            _log.error("%s", error)  # without a traceback: the message says it all
        else:
            enrolled = counted_people(len(self.pipeline.matcher))
            _log.info("gallery, thresholds and timetable read again: %s", enrolled)
            if self.state.restart_keys:
                message = "changed in the configuration, but used only after a restart: %s"
                _log.warning(message, ", ".join(self.state.restart_keys))
        number = self.state.reload.number + 1 if self.state.reload else 1
        self.state.reload = Reload(number=number, started_s=now_s, error=error)
        if self.state.board.is_ready:
            self.state.tell_ready()

    def _use(self, loaded: Loaded) -> None:
        self.pipeline.use_gallery(loaded.matcher, loaded.rule)
        self.recorder = loaded.recorder(self.recorder)
        loaded.note(self.state.vitals)
        self.state.gallery_fault = ""
        self.state.restart_keys = loaded.restart_keys
