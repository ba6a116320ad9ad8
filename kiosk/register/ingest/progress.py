"""How a batch of messages changes what is known of the outboxes; pure, like the states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kiosk.register.ingest.outbox_state import OutboxState, absorb, answered, gone_ranges, report
from kiosk.register.ingest.ranges import Range, from_numbers
from kiosk.register.messages.arrival import (
    EventReading,
    HealthReading,
    Reading,
    Rejected,
    ReplayDoneReading,
    outbox_of,
)


@dataclass(frozen=True, slots=True)
class Progress:
    """The states after a batch.

    Attributes:
        states: By outbox id.
        gaps: Numbers that kiosks have declared gone, with their outbox id.
    """

    states: dict[str, OutboxState]
    gaps: tuple[tuple[str, Range], ...]


def advance(
    states: Mapping[str, OutboxState], readings: Sequence[Reading], now: datetime
) -> Progress:
    """Return the states after a batch of messages.

    Args:
        states: The states before, of all outboxes that the messages are about.
        readings: The messages, all of which are stored by the same transaction.
        now: The current time, UTC.
    """
    by_outbox: dict[str, list[Reading]] = {outbox_id: [] for outbox_id in states}
    for one in readings:
        outbox_id = outbox_of(one)
        if outbox_id is not None:
            by_outbox[outbox_id].append(one)
    after: dict[str, OutboxState] = {}
    gaps: list[tuple[str, Range]] = []
    for outbox_id, messages in by_outbox.items():
        state = _hear(states[outbox_id], messages, now)
        after[outbox_id], gone = _give_up(state, messages, now)
        gaps += [(outbox_id, one) for one in gone]
    return Progress(after, tuple(gaps))


def _hear(state: OutboxState, messages: Sequence[Reading], now: datetime) -> OutboxState:
    """Take in events and health messages.

    A kiosk that was renamed keeps its outbox: its events tell where it is now. Health of another
    kiosk says nothing about this outbox.
    """
    numbers: list[int] = []
    for one in messages:
        match one:
            case EventReading():
                numbers.append(one.event.sequence)
            case Rejected(sequence=int(number)):
                numbers.append(number)
            case _:
                continue
        if one.address is not None and one.address != state.address:
            state = replace(state, address=one.address)
    if numbers:
        state = absorb(state, from_numbers(numbers), now)
    for one in messages:
        if isinstance(one, HealthReading) and one.address == state.address:
            # Its last number does not say that nothing is missing while it holds more.
            said_at = None if one.has_more else one.said_at
            state = report(state, one.last_sequence, said_at, now)
    return state


def _give_up(
    state: OutboxState, messages: Sequence[Reading], now: datetime
) -> tuple[OutboxState, list[Range]]:
    """Take in which numbers the kiosk itself, and no other one, says are gone."""
    gaps: list[Range] = []
    for one in messages:
        if isinstance(one, ReplayDoneReading) and one.address == state.address:
            done = one.done
            asked = (done.first, done.last)
            gone = gone_ranges(state, asked, done.gone)
            if gone:
                state = absorb(state, gone, now)
                gaps += gone
            state = answered(state, asked, now)
    return state, gaps
