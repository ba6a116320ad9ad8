"""The bookkeeping of unanswered messages, as laws over any course of events."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kiosk.mqtt.in_flight import InFlight, Progress
from kiosk.mqtt.outbox import Row


def rows(*sequences: int) -> list[Row]:
    return [Row(sequence, "t", b"") for sequence in sequences]


def sequences(events: list[Row]) -> list[int]:
    return [event.sequence for event in events]


def test_messages_sent_before_the_connection_broke_come_first() -> None:
    """After a reconnection there is no room until all that paho sends again is answered."""
    in_flight = InFlight[str](size=3)
    in_flight.add(1, "first")
    in_flight.add(2, "second")
    in_flight.reconnect()
    assert in_flight.room == 0
    assert in_flight.answer(1) == "first"
    assert in_flight.room == 0
    assert in_flight.answer(2) == "second"
    assert in_flight.room == 3


def test_an_answer_to_an_unknown_message_changes_nothing() -> None:
    """An answer to a message that was not sent, or was answered before, returns None."""
    in_flight = InFlight[str](size=2)
    in_flight.add(7, "sent")
    assert in_flight.answer(8) is None
    assert len(in_flight) == 1


@pytest.mark.parametrize(("size", "sent", "room"), [(3, 1, 2), (3, 3, 0), (2, 3, 0)])
def test_room_is_what_the_size_leaves(size: int, sent: int, room: int) -> None:
    """Room is never negative, even when the broker has lowered its limit meanwhile."""
    in_flight = InFlight[int](size=3)
    for number in range(sent):
        in_flight.add(number, number)
    in_flight.size = size
    assert in_flight.room == room


def test_a_refused_event_is_sent_again_and_unanswered_events_are_not() -> None:
    """When the retry is due the cursor goes back; an unanswered event is not sent twice."""
    progress = Progress(retry_s=10.0)
    assert sequences(progress.take(rows(1, 2, 3))) == [1, 2, 3]
    assert progress.refuse(2, now_s=5.0)
    progress.retry_refused(14.9)
    assert progress.cursor == 3
    progress.retry_refused(15.0)
    assert progress.cursor == 1
    assert sequences(progress.take(rows(2, 3))) == [2]
    assert progress.accept(2)


def test_the_first_refusal_and_the_last_acceptance_are_reported() -> None:
    """Of several refused events, one refusal is reported and one acceptance."""
    progress = Progress(retry_s=10.0)
    assert [progress.refuse(number, 0.0) for number in (1, 2, 2)] == [True, False, False]
    assert [progress.accept(number) for number in (1, 3, 2)] == [False, False, True]


class AnyCourse(RuleBasedStateMachine):
    """Sending, answers, reconnections and time, in any order that Hypothesis chooses."""

    def __init__(self) -> None:
        super().__init__()
        self.in_flight = InFlight[int](size=3)
        self.progress = Progress(retry_s=3.0)
        self.pending = list(range(1, 13))
        self.unanswered: dict[int, int] = {}
        self.packet_id = 0
        self.now_s = 0.0

    @rule()
    def send(self) -> None:
        self.progress.retry_refused(self.now_s)
        while room := self.in_flight.room:
            page = [sequence for sequence in self.pending if sequence > self.progress.cursor]
            if not page:
                return
            for row in self.progress.take(rows(*page[:room])):
                assert row.sequence not in self.unanswered.values(), "sent twice"
                self.packet_id += 1
                self.unanswered[self.packet_id] = row.sequence
                self.in_flight.add(self.packet_id, row.sequence)

    @precondition(lambda self: self.unanswered)
    @rule(index=st.integers(0, 2))
    def accept(self, index: int = 0) -> None:
        sequence = self.answer(index)
        self.pending.remove(sequence)
        self.progress.accept(sequence)

    @precondition(lambda self: self.unanswered)
    @rule(index=st.integers(0, 2))
    def refuse(self, index: int) -> None:
        self.progress.refuse(self.answer(index), self.now_s)

    @rule()
    def reconnect(self) -> None:
        self.in_flight.reconnect()

    @rule(seconds=st.integers(1, 5))
    def wait(self, seconds: int) -> None:
        self.now_s += seconds

    @invariant()
    def no_more_than_the_size_is_unanswered(self) -> None:
        assert len(self.in_flight) == len(self.unanswered) <= 3

    def teardown(self) -> None:
        """Once the broker accepts everything again, every event arrives."""
        for _ in range(30):
            self.now_s += 3.0
            self.send()
            if self.unanswered:
                self.accept()
        assert self.pending == []

    def answer(self, index: int) -> int:
        packet_id = list(self.unanswered)[index % len(self.unanswered)]
        sequence = self.unanswered.pop(packet_id)
        assert self.in_flight.answer(packet_id) == sequence
        return sequence


def test_every_event_arrives_in_any_course_of_things() -> None:
    """Law: no event is sent twice at a time, no limit is exceeded, and every event arrives."""
    run_state_machine_as_test(AnyCourse)
