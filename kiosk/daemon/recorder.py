"""Turn a decision, or a card, into an attendance event and store it in the outbox."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

import msgspec
import uuid_utils
from msgspec import UNSET, UnsetType

from kiosk.clock import Clock
from kiosk.config import Config
from kiosk.daemon.backlog import Backlog
from kiosk.errors import OutboxError
from kiosk.mqtt.outbox import Outbox
from kiosk.mqtt.outbox_rows import DeduplicationKey
from kiosk.protocol.event import AttendanceEvent, DecisionRecord, encode, event_type
from kiosk.protocol.topics import KioskAddress
from kiosk.records import Decision, Verdict
from kiosk.timetable import ClassSession

KEPT: Final = timedelta(days=7)
"""How long the kiosk remembers who attended which class session, by its own clock."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The decision became an event, which is committed to the disk.

    Attributes:
        event: With its sequence number.
    """

    event: AttendanceEvent


@dataclass(frozen=True, slots=True)
class AlreadyStored:
    """An event of this person is stored for this class session; nothing was added.

    Attributes:
        session: The class session.
    """

    session: ClassSession


@dataclass(frozen=True, slots=True)
class Postponed:
    """The decision became an event, which waits in memory: the outbox cannot be written now.

    Attributes:
        session: The class session.
    """

    session: ClassSession


@dataclass(frozen=True, slots=True)
class NotKnown:
    """The decision names nobody; nothing was stored.

    Attributes:
        verdict: Unsure or stranger.
    """

    verdict: Verdict


StoreResult: TypeAlias = Stored | AlreadyStored | Postponed | NotKnown


@dataclass(frozen=True, slots=True)
class _Seen:
    """How a person was recognised: by the face with the decision's figures, or by a card."""

    method: Literal["face", "qr"]
    direction: str | None = None
    decision: DecisionRecord | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Recorder:
    """Stores one attendance event for each known person and class session.

    Attributes:
        outbox: Where events wait for the broker.
        clock: The time, and whether it is synchronised.
        config: Names, time zone and timetable.
        model_id: The model that recognised.
        committed: Called after an event is on the disk.
        backlog: Events that could not be stored.
        gallery_version: Of the gallery in use.
        gallery_hash: Of the gallery in use.
    """

    outbox: Outbox
    clock: Clock
    config: Config
    model_id: str
    committed: Callable[[], None]
    sign: Callable[[bytes], bytes] = lambda payload: payload
    backlog: Backlog = field(default_factory=Backlog)
    gallery_version: int = 0
    gallery_hash: str = ""

    def class_session(self) -> ClassSession:
        """Return the current class session."""
        return self.config.session_at(self.clock.utc())

    def store(self, decision: Decision) -> StoreResult:
        """Store a decision as an attendance event, once for each person and class session."""
        if decision.verdict is not Verdict.KNOWN or decision.subject_id is None:
            return NotKnown(decision.verdict)
        seen = _Seen("face", decision.direction, self._decision_record(decision))
        return self._store(decision.subject_id, seen)

    def store_card(self, subject_id: str) -> Stored | AlreadyStored | Postponed:
        """Store that a card was read: the same one event that the face would have given."""
        return self._store(subject_id, _Seen("qr"))

    def _store(self, subject_id: str, seen: _Seen) -> Stored | AlreadyStored | Postponed:
        now = self.clock.utc()
        session = self.config.session_at(now)
        event = self._event(subject_id, seen, session, now)
        key = _deduplication_key(event, session)
        if key in self.backlog:
            return AlreadyStored(session)
        try:
            sequence = self._commit(key, event)
        except OutboxError:
            self.backlog.add(key, event)
            return Postponed(session)
        if sequence is None:
            return AlreadyStored(session)
        return Stored(msgspec.structs.replace(event, sequence=sequence))

    def retry(self, now_s: float) -> None:
        """Store what waits in memory, if a try is due; called on every turn of the frame loop."""
        self.backlog.retry(self._commit, now_s)

    def _commit(self, key: DeduplicationKey, event: AttendanceEvent) -> int | None:
        """Commit an event to the outbox; return its number, ``None`` when the key is there."""

        def build(sequence: int) -> tuple[str, str, bytes]:
            numbered = msgspec.structs.replace(event, sequence=sequence)
            return event.event_id, self._address.topic_of(event), self.sign(encode(numbered))

        sequence = self.outbox.store_once(key, build)
        if sequence is not None:
            self.committed()
            with suppress(OutboxError):  # the event is stored; the next one prunes
                self._prune(key.session, event.boot_id)
        return sequence

    def _prune(self, session: ClassSession, boot_id: str) -> None:
        """Delete old deduplication keys, whether the clock is synchronised or not.

        Without network the clock continues from its last time, or after a power cut from an
        earlier time: it may be late, and keys are then deleted later. Should it once be early,
        somebody is recorded twice. Keys of another boot (see below) are useless in this one.
        """
        self.outbox.prune_keys(session.date - KEPT, boot_id)

    @property
    def _address(self) -> KioskAddress:
        return KioskAddress.of(self.config.kiosk)

    def _event(
        self, subject_id: str, seen: _Seen, session: ClassSession, now: datetime
    ) -> AttendanceEvent:
        """Build the event; the outbox gives the true sequence number later."""
        names = self.config.kiosk
        return AttendanceEvent(
            event_id=str(uuid_utils.uuid7()),
            outbox_id=self.outbox.outbox_id,
            sequence=1,
            site=names.site,
            room=names.room,
            kiosk=names.id,
            subject_id=subject_id,
            session=str(session),
            time=now.astimezone(self.config.zone).isoformat(timespec="milliseconds"),
            clock="synchronised" if self.clock.synchronised() else "unsynchronised",
            boot_id=self.clock.boot_id(),
            monotonic_s=round(self.clock.monotonic_s(), 3),
            direction=seen.direction,  # type: ignore[arg-type]  # track.direction gives no other
            method=seen.method,
            decision=seen.decision,
        )

    def _decision_record(self, decision: Decision) -> DecisionRecord:
        return DecisionRecord(
            score=round(decision.score, 4),
            margin=round(min(decision.margin, 2.0), 4),
            threshold=round(decision.threshold, 4),
            votes=decision.votes,
            frames=decision.frames,
            quality=round(decision.quality, 4),
            model_id=self.model_id,
            gallery_version=self.gallery_version,
            gallery_hash=self.gallery_hash,
        )


def _deduplication_key(event: AttendanceEvent, session: ClassSession) -> DeduplicationKey:
    """Return the deduplication key: the class session, plus the boot while the clock is not set.

    After a power cut without network the clock may name a class session that ended long ago, which
    everybody has attended already. So a session named by an unsynchronised clock counts for this
    boot alone: an event stored twice is better than none.
    """
    boot_id = "" if event.clock == "synchronised" else event.boot_id
    return DeduplicationKey(event_type(event), session, event.subject_id, boot_id)
