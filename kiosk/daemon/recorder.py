"""Turn a decision into an attendance event and commit it to the outbox."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec
import uuid_utils

from kiosk.clock import Clock
from kiosk.config import Config
from kiosk.mqtt.outbox import Outbox
from kiosk.protocol.event import AttendanceEvent, DecisionRecord, encode
from kiosk.protocol.topics import KioskAddress
from kiosk.records import Decision, Verdict
from kiosk.timetable import ClassSession

_log = logging.getLogger(__name__)

KEPT: Final = timedelta(days=7)
"""How long the kiosk remembers who attended which session, by its own clock."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """Write known people down, once each class session.

    Attributes:
        outbox: Where events wait for the broker.
        clock: What time it is, and whether to believe it.
        config: Names, time zone and timetable.
        model_id: The model that recognised.
        committed: Called after an event is on the disk.
    """

    outbox: Outbox
    clock: Clock
    config: Config
    model_id: str
    committed: Callable[[], None]

    def session(self) -> ClassSession:
        """Return the current class session."""
        return self.config.session_at(self.clock.utc())

    def record(self, decision: Decision) -> AttendanceEvent | None:
        """Record a decision.

        Returns:
            The event, committed; ``None`` for somebody not known or recorded before.
        """
        if decision.verdict is not Verdict.KNOWN or decision.subject_id is None:
            _log.info("a track ended %s after %d frames", decision.verdict, decision.frames)
            return None
        session = self.session()
        event = self._event(decision, decision.subject_id, session)

        def build(sequence: int) -> tuple[str, str, bytes]:
            numbered = msgspec.structs.replace(event, sequence=sequence)
            return event.event_id, self._address.topic_of(event), encode(numbered)

        sequence = self.outbox.record(_once_in(event), decision.subject_id, build)
        if sequence is None:
            return None
        self.committed()
        self._forget_old(session, event.boot_id)
        _log.info("event %d recorded after %d votes", sequence, decision.votes)
        return msgspec.structs.replace(event, sequence=sequence)

    def _forget_old(self, session: ClassSession, boot_id: str) -> None:
        """Forget who attended long ago, whether the clock is synchronised or not.

        Without network it goes on from where it was, or after a power cut from an earlier time: it
        may be late, and forgets later. Should it be early for once, somebody is recorded twice.
        What was recorded for one boot alone (see below) is of no use to another.
        """
        self.outbox.prune_sessions((session.date - KEPT).isoformat(), boot_id)

    @property
    def _address(self) -> KioskAddress:
        return KioskAddress.of(self.config.kiosk)

    def _event(self, decision: Decision, subject_id: str, session: ClassSession) -> AttendanceEvent:
        """Describe a decision; the outbox will give the true sequence number."""
        now = self.clock.utc()
        names = self.config.kiosk
        return AttendanceEvent(
            event_id=str(uuid_utils.uuid7()),
            site=names.site,
            room=names.room,
            kiosk=names.id,
            subject_id=subject_id,
            session=str(session),
            time=now.astimezone(self.config.zone).isoformat(timespec="milliseconds"),
            clock="synchronised" if self.clock.synchronised() else "unsynchronised",
            boot_id=self.clock.boot_id(),
            monotonic_s=round(self.clock.monotonic_s(), 3),
            sequence=1,
            direction=decision.direction,  # type: ignore[arg-type]  # track.direction gives no other
            decision=DecisionRecord(
                score=round(decision.score, 4),
                margin=round(min(decision.margin, 2.0), 4),
                threshold=round(decision.threshold, 4),
                votes=decision.votes,
                frames=decision.frames,
                quality=round(decision.quality, 4),
                model_id=self.model_id,
            ),
        )


def _once_in(event: AttendanceEvent) -> str:
    """Name what a person is recorded once in: the class session.

    After a power cut without network the clock may name a session that is long over, in which
    everybody has attended already. So a session that an unsynchronised clock names counts for
    this boot alone: rather an event twice than none.
    """
    return event.session if event.clock == "synchronised" else f"{event.session}/{event.boot_id}"
