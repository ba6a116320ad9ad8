"""Turn a decision, or a card, into an event and store it in the outbox."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from kiosk.config.keys import Config
from kiosk.config.timetable import ClassSession
from kiosk.daemon.backlog import Backlog
from kiosk.daemon.events import EventMaker
from kiosk.daemon.news.card_list import Judgement
from kiosk.daemon.news.room_lessons import RoomLessons
from kiosk.daemon.participation import Window
from kiosk.daemon.results import AlreadyStored, NotKnown, Postponed, Stored, StoreResult
from kiosk.daemon.times.repeats import Forgetting, counted, is_repeat, took_part
from kiosk.daemon.times.steady_clock import SteadyClock
from kiosk.errors import OutboxError
from kiosk.outbox.outbox import Outbox
from kiosk.outbox.rows import DeduplicationKey, IsRepeat
from kiosk.protocol.event import (
    AttendanceEvent,
    DecisionRecord,
    ParticipationEvent,
    PersonEvent,
    event_type,
)
from kiosk.records import Decision, Verdict


@dataclass(frozen=True, slots=True)
class _Seen:
    """How a person was recognised: by the face with the decision's figures, or by a card."""

    method: Literal["face", "qr"]
    direction: str | None = None
    decision: DecisionRecord | UnsetType = UNSET
    card: str | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Recorder:
    """Stores one attendance event for each known person and class session.

    Attributes:
        outbox: Where events wait for the broker.
        clock: The time, and whether it is certain.
        config: Names, time zone and timetable.
        model_id: The model that recognised.
        committed: Called after an event is on the disk.
        sign: Signs the bytes of an event.
        lessons: The lessons that the register told.
        backlog: Events that could not be stored.
        forgetting: When whom it need not remember is forgotten.
        gallery_version: Of the gallery in use.
        gallery_hash: Of the gallery in use.
    """

    outbox: Outbox
    clock: SteadyClock
    config: Config
    model_id: str
    committed: Callable[[], None]
    sign: Callable[[bytes], bytes] = lambda payload: payload
    lessons: RoomLessons = field(default_factory=RoomLessons)
    backlog: Backlog = field(default_factory=Backlog)
    forgetting: Forgetting = field(default_factory=Forgetting)
    gallery_version: int = 0
    gallery_hash: str = ""

    @property
    def make(self) -> EventMaker:
        """What makes events."""
        return EventMaker(self.config.kiosk, self.outbox.outbox_id, self.clock, self.sign)

    def session_at(self, moment: datetime) -> ClassSession:
        """Return the class session of a moment, as the register tells it, or the configuration."""
        return self.lessons.at(moment) or self.config.session_at(moment)

    def class_session(self) -> ClassSession:
        """Return the current class session."""
        return self.session_at(self.clock.utc())

    def session_end(self) -> datetime | None:
        """Return when the current class session ends; ``None`` outside of lessons."""
        now = self.clock.utc()
        local = now.astimezone(self.config.zone)
        ends = (one.ends_at for one in self.config.lesson if one.covers(local))
        end = next((datetime.combine(local.date(), one, local.tzinfo) for one in ends), None)
        return self.lessons.ends_at(now) or end

    def store(self, decision: Decision) -> StoreResult:
        """Store a decision as an attendance event, once for each person and class session."""
        if decision.verdict is not Verdict.KNOWN or decision.subject_id is None:
            return NotKnown(decision.verdict)
        session = self.class_session()
        seen = _Seen("face", decision.direction, self._decision_record(decision))
        return self.keep(self._event(decision.subject_id, seen, session), session)

    def store_card(self, card: Judgement) -> StoreResult:
        """Store that a valid card was read: the same one event that the face would have given."""
        session = self.class_session()
        seen = _Seen("qr", card=card.card_id)
        return self.keep(self._event(card.subject_id, seen, session), session)

    def keep(self, event: PersonEvent, session: ClassSession, window: int = 0) -> StoreResult:
        """Commit an event, unless it repeats another; in memory while nothing can be written.

        Args:
            event: The event.
            session: Its class session.
            window: The participation window of a participation event.
        """
        key = self._key(event, session, window)
        if self._repeats(event)(self.backlog.remembered(key.event_type, key.subject_id), key):
            return AlreadyStored(session)
        try:
            stored = self._commit(key, event)
        except OutboxError:
            self.backlog.add(key, event)
            return Postponed(session)
        return AlreadyStored(session) if stored is None else Stored(stored)

    def retry(self, now_s: float) -> None:
        """Store what waits in memory, if a try is due; called on every turn of the frame loop."""
        self.backlog.retry(self._commit, now_s)

    def _commit(self, key: DeduplicationKey, event: PersonEvent) -> PersonEvent | None:
        """Commit an event to the outbox; return it with its number, ``None`` for a repeat."""
        numbered = event
        is_repeat = self._repeats(event)

        def is_known(past: Sequence[DeduplicationKey], key: DeduplicationKey) -> bool:
            nonlocal numbered
            numbered = counted(event, past, key)
            return is_repeat(past, key)

        def build(sequence: int) -> tuple[str, str, bytes]:
            return self.make.build(numbered)(sequence)

        sequence = self.outbox.store_once(key, build, is_known)
        if sequence is None:
            return None
        self.committed()
        with suppress(OutboxError):  # the event is stored; the next one tries again
            self.forgetting.turn(self.outbox, self.clock, self.class_session().date)
        return msgspec.structs.replace(numbered, sequence=sequence)

    def _repeats(self, event: PersonEvent) -> IsRepeat:
        """Return what tells whether an event repeats another."""
        if isinstance(event, ParticipationEvent):
            return took_part
        return lambda past, key: is_repeat(past, key, self.session_at)

    def _event(self, subject_id: str, seen: _Seen, session: ClassSession) -> AttendanceEvent:
        """Build the event of a decision or a card."""
        return AttendanceEvent(
            **self.make.base(session),
            subject_id=subject_id,
            direction=seen.direction,  # type: ignore[arg-type]  # track.direction gives no other
            method=seen.method,
            decision=seen.decision,
            card=seen.card,
        )

    def participate_by(self, card: Judgement, window: Window) -> StoreResult:
        """Store a valid card as a participation event: the same one that the face would give."""
        event = ParticipationEvent(
            **self.make.base(window.session),
            subject_id=card.subject_id,
            method="qr",
            card=card.card_id,
            count=1,
        )
        return self.keep(event, window.session, window.number)

    def participate(self, decision: Decision, window: Window) -> StoreResult:
        """Store a decision as a participation event, once for each person and window."""
        if decision.verdict is not Verdict.KNOWN or decision.subject_id is None:
            return NotKnown(decision.verdict)
        event = ParticipationEvent(
            **self.make.base(window.session),
            subject_id=decision.subject_id,
            decision=self._decision_record(decision),
            count=1,
        )
        return self.keep(event, window.session, window.number)

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

    def _key(self, event: PersonEvent, session: ClassSession, window: int) -> DeduplicationKey:
        return DeduplicationKey(
            event_type=event_type(event),
            session=session,
            subject_id=event.subject_id,
            boot_id=event.boot_id,
            event_id=event.event_id,
            monotonic_s=event.monotonic_s,
            time_s=self.clock.utc().timestamp(),
            is_dated=event.clock == "synchronised",
            window=window,
        )
