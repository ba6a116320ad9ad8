"""Store a batch of messages in one transaction."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from django.db import DataError, IntegrityError, transaction

from kiosk.register.audit import tell
from kiosk.register.erasing.erased_people import load_erased_people, note_refused, part
from kiosk.register.erasing.receipts import note_receipts
from kiosk.register.identity.key_table import authentication, note_keys
from kiosk.register.identity.keys import SignaturePolicy
from kiosk.register.identity.name_use_table import note_voices
from kiosk.register.ingest.bin_table import put_in_bin, raise_alarms
from kiosk.register.ingest.event_table import insert_events, sort_out
from kiosk.register.ingest.kiosk_table import (
    load_known,
    note_refused_health,
    save_words,
    without_old_news,
)
from kiosk.register.ingest.outbox_state import OutboxState
from kiosk.register.ingest.outbox_table import lock_states, save_states
from kiosk.register.ingest.progress import advance
from kiosk.register.ingest.ranges import Range
from kiosk.register.ingest.time_corrections import correct_times
from kiosk.register.ingest.verdict import judge
from kiosk.register.ingest.watch_table import note_watches
from kiosk.register.messages.arrival import (
    Arrival,
    AvailabilityReading,
    ErasureReceiptReading,
    EventReading,
    HealthReading,
    Reading,
    Reason,
    RefusedHealthReading,
    Rejected,
    ReplayDoneReading,
    outboxes_of,
)
from kiosk.register.messages.reading import read
from kiosk.register.models import Gap

_log = logging.getLogger(__name__)

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Stored:
    """What a transaction has stored.

    Attributes:
        states: The outboxes that were named, as they are now.
        events: How many events are new.
        rejected: What was put into the bin.
        alarms: How many events claimed the id or the number of another.
        answered: The outboxes that answers to replay requests were about, each with the address
            of the kiosk that has answered.
    """

    states: tuple[OutboxState, ...] = ()
    events: int = 0
    rejected: tuple[Rejected, ...] = ()
    alarms: int = 0
    answered: tuple[OutboxState, ...] = ()


def store(
    arrivals: Sequence[Arrival], now: datetime, policy: SignaturePolicy | None = None
) -> Stored:
    """Store messages; when this returns, they are committed.

    A message that cannot be stored goes to the bin and does not keep the others from it.

    Args:
        arrivals: The messages, in the order in which they came.
        now: The current time, UTC.
        policy: Whose messages must be signed; the default one is that of the configuration.

    Raises:
        django.db.OperationalError, django.db.InterfaceError: The database is away; nothing was
            stored.
    """
    policy = policy or SignaturePolicy()
    readings = [read(one) for one in arrivals]
    note_keys(_of(HealthReading, readings), policy, now)
    # First of all: a forged event raises no alarm, and its number does not count.
    check = authentication(readings, policy).check
    readings = [check(one) for one in readings]
    try:
        return _store(readings, now, is_thorough=False)
    except IntegrityError:
        # Another instance was faster, or an event id was used twice: look every event up.
        pass
    except DataError:
        return _store_each(readings, now)
    try:
        return _store(readings, now, is_thorough=True)
    except (IntegrityError, DataError):
        return _store_each(readings, now)


def _store_each(readings: Sequence[Reading], now: datetime) -> Stored:
    """Store messages in a transaction each, so that the one at fault is found."""
    total = Stored()
    for one in readings:
        try:
            stored = _store([one], now, is_thorough=True)
        except (IntegrityError, DataError) as exc:
            # The error's text may hold a subject id, which belongs into no log.
            _log.warning("%s: cannot be stored (%s)", one.arrival.topic, type(exc).__name__)
            stored = _store([_refused(one, exc)], now, is_thorough=True)
        total = _add(total, stored)
    return total


def _refused(reading: Reading, cause: Exception) -> Rejected:
    """Return what goes to the bin for a message that the database refuses."""
    detail = f"cannot be stored: {cause}"[:200]
    if not isinstance(reading, EventReading):
        return Rejected(reading.arrival, Reason.FOREIGN, detail)
    event = reading.event
    return Rejected(
        reading.arrival, Reason.FOREIGN, detail, reading.address, event.outbox_id, event.sequence
    )


def _store(readings: Sequence[Reading], now: datetime, *, is_thorough: bool) -> Stored:
    """Store messages in one transaction.

    Args:
        readings: The messages.
        now: The current time, UTC.
        is_thorough: Look up every event, not only those whose number is known to be stored.
    """
    with transaction.atomic():
        readings = without_old_news(readings)
        parted = part(readings, load_erased_people())
        # The lock on the outboxes keeps other instances from storing the same numbers.
        before = lock_states(outboxes_of(readings))

        def is_suspect(one: EventReading) -> bool:
            outbox_id = one.event.outbox_id
            return is_thorough or outbox_id is None or before[outbox_id].has(one.event.sequence)

        events = sort_out(_of(EventReading, parted.stored), is_suspect)
        known = load_known(events.new)
        judged = [judge(one, known, now) for one in events.new]
        accepted = _of(EventReading, judged)
        rejected = _of(Rejected, parted.stored) + _of(Rejected, judged)
        insert_events(sorted(accepted, key=_number))
        correct_times(sorted(accepted, key=_number), now)
        put_in_bin(rejected)
        raise_alarms(events.rivals)
        note_refused(parted.refused)
        changed = save_words(_of(AvailabilityReading, readings), _of(HealthReading, readings))
        note_refused_health(_of(RefusedHealthReading, readings))
        note_receipts(_of(ErasureReceiptReading, readings), now)
        note_voices(_of(HealthReading, readings))
        note_watches(_of(HealthReading, readings))
        progress = advance(before, readings, now)
        save_states(one for key, one in progress.states.items() if one != before[key])
        _save_gaps(progress.gaps, now)
        tell("bin", [""] if rejected else [], now)
        tell("kiosk", changed, now)
    states = tuple(progress.states.values())
    answered = tuple(
        replace(progress.states[one.done.outbox_id], address=one.address)
        for one in _of(ReplayDoneReading, readings)
    )
    return Stored(states, len(accepted), tuple(rejected), len(events.rivals), answered)


def _save_gaps(gaps: Iterable[tuple[str, Range]], now: datetime) -> None:
    Gap.objects.bulk_create(
        Gap(outbox_id=outbox_id, first=first, last=last, reason="gone", found_at=now)
        for outbox_id, (first, last) in gaps
    )


def _of(kind: type[Kind], records: Iterable[object]) -> list[Kind]:
    """Return the records of one kind."""
    return [one for one in records if isinstance(one, kind)]


def _number(reading: EventReading) -> tuple[str, int]:
    return reading.event.outbox_id or "", reading.event.sequence


def _add(one: Stored, other: Stored) -> Stored:
    states = {state.outbox_id: state for state in (*one.states, *other.states)}
    return Stored(
        tuple(states.values()),
        one.events + other.events,
        one.rejected + other.rejected,
        one.alarms + other.alarms,
        one.answered + other.answered,
    )
