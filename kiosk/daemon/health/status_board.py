"""The daemon's state, shown in two places that are always equal: systemd's line, and a file."""

import logging
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from kiosk.clock import Clock
from kiosk.counted import counted, counted_people
from kiosk.daemon.backlog import Backlog
from kiosk.daemon.health.report import Vitals
from kiosk.daemon.systemd import Notifier
from kiosk.daemon.times.event_age import event_age_s
from kiosk.errors import OutboxError
from kiosk.outbox.outbox import Outbox
from kiosk.service_status import (
    Reload,
    ServiceStatus,
    pid_start,
    remove_status,
    summary,
    write_status,
)

_log = logging.getLogger(__name__)

_INTERVAL_S: Final = 5.0


class StatusBoard:
    """Shows a status; sends systemd a line only when it changes.

    Args:
        path: The status file.
        notifier: To systemd.
        clock: Time.
        directory: The folder of the kiosk's files.
        version: Version of the software.
    """

    def __init__(
        self, path: Path, notifier: Notifier, clock: Clock, directory: Path, version: str
    ) -> None:
        self._path = path
        self._notifier = notifier
        self._clock = clock
        self._is_ready = False
        self._line = ""
        self._first = ServiceStatus(
            directory=str(directory.absolute()),
            pid=os.getpid(),
            pid_start=pid_start(os.getpid()),
            started_s=clock.monotonic_s(),
            written_s=clock.monotonic_s(),
            version=version,
        )

    def show(self, **facts: object) -> None:
        """Show the state: the fields of :class:`ServiceStatus` that the process may change."""
        now = {"written_s": self._clock.monotonic_s(), "clock": self._clock_state()}
        status = msgspec.structs.replace(self._first, **now, **facts)
        write_status(self._path, status)
        line = summary(status)
        if self._is_ready and line != self._line:
            self._notifier.status(line)
        self._line = line

    def tell_ready(self) -> None:
        """Tell systemd that the start, or a reload, has finished."""
        self._is_ready = True
        self._notifier.ready(self._line)

    @property
    def is_ready(self) -> bool:
        """Whether systemd was told that the start has finished."""
        return self._is_ready

    def close(self) -> None:
        """Remove the file: the daemon ends."""
        remove_status(self._path)

    def _clock_state(self) -> str:
        return "synchronised" if self._clock.synchronised() else "unsynchronised"


@dataclass(slots=True)
class State:
    """The state of a daemon that has all its parts; the frame loop writes it.

    Attributes:
        board: Where it is shown.
        clock: Time.
        vitals: What the frame loop notes for the health message.
        outbox: Holds the events.
        backlog: Events that could not be stored.
        model_id: The face recogniser.
        broker: What the broker is called.
        broker_fault: Returns what is wrong with the connection; empty if nothing is.
        report: Sends a health message soon.
        gallery_fault: Why nobody can be recognised; empty if the gallery is in use.
        camera_fault: Why the camera is lost; empty if it is not.
        refusal: Why most faces are refused; empty if they are not.
        signals_fault: Returns what is wrong with the lights at the door; empty if nothing is.
        restart_keys: Keys whose change needs a restart.
        reload: The last reload.
    """

    board: StatusBoard
    clock: Clock
    vitals: Vitals
    outbox: Outbox
    backlog: Backlog
    model_id: str
    broker: str
    broker_fault: Callable[[], str]
    report: Callable[[], None]
    gallery_fault: str = ""
    camera_fault: str = ""
    refusal: str = ""
    signals_fault: Callable[[], str] = lambda: ""
    restart_keys: tuple[str, ...] = ()
    reload: Reload | None = None
    _due_s: float = -math.inf

    def refresh(self, now_s: float) -> None:
        """Show the state if that is due.

        Args:
            now_s: Monotonic seconds.
        """
        if now_s >= self._due_s:
            self._due_s = now_s + _INTERVAL_S
            self._show()

    def camera_is_lost(self, fault: str, retry_s: float) -> None:
        """Show that the camera is lost; log it, unless it was lost before.

        Args:
            fault: Why.
            retry_s: How soon it is tried again, seconds.
        """
        if not self.camera_fault:
            _log.warning("camera lost: %s; tried again every %g s", fault, retry_s)
        self.camera_fault = fault
        self.vitals.camera = "lost"
        self._change_or_ready()

    def camera_works(self) -> None:
        """Show that the camera is back, if it was lost."""
        was_lost, self.camera_fault = bool(self.camera_fault), ""
        if was_lost:
            _log.info("camera back")
        if was_lost or not self.board.is_ready:
            self._change_or_ready()

    def _change_or_ready(self) -> None:
        """Show a change; the first time, tell systemd READY: the camera works, or is lost."""
        if self.board.is_ready:
            self.change()
            return
        self.tell_ready()
        people = counted_people(self.vitals.people)
        _log.info("ready: %s enrolled, camera %s", people, self.vitals.camera)

    def change(self) -> None:
        """Show the state at once, over MQTT, too: it has changed."""
        self._show()
        self.report()

    def tell_ready(self) -> None:
        """Tell systemd that the start, or a reload, has finished."""
        self._show()
        self.report()
        self.board.tell_ready()

    def _show(self) -> None:
        counts, oldest_s, outbox_fault = None, None, ""
        try:
            counts = self.outbox.counts()
            if counts.has_register and (oldest := self.outbox.oldest()) is not None:
                oldest_s = event_age_s(oldest.payload, self.clock)
        except OutboxError as exc:
            outbox_fault = str(exc)
        if self.backlog:
            outbox_fault = f"not stored yet: {counted(len(self.backlog), 'event')}; free some space"
        faces = dict(self.vitals.faces)
        self.board.show(
            model_id=self.model_id,
            people=self.vitals.people,
            gallery_fault=self.gallery_fault,
            camera=self.vitals.camera,
            camera_fault=self.camera_fault,
            last_frame_s=self.vitals.frame_s,
            broker=self.broker,
            broker_fault=self.broker_fault(),
            waiting=counts.kept if counts else 0,
            undelivered=counts.undelivered if counts else 0,
            oldest_waiting_s=oldest_s,
            in_memory=len(self.backlog),
            outbox_fault=outbox_fault,
            faces_seen=sum(faces.values()),
            faces_refused={reason: count for reason, count in faces.items() if reason},
            refusal=self.refusal,
            signals_fault=self.signals_fault(),
            clock_off_s=self.vitals.clock_off_s,
            restart_keys=self.restart_keys,
            reload=self.reload,
        )
