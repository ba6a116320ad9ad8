"""The bookkeeping of unanswered messages, as laws over any course of events."""

import math

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
from kiosk.outbox.rows import Row


def rows(*sequences: int) -> list[Row]:
    return [Row(sequence, "t", b"") for sequence in sequences]


def sequences(events: list[Row]) -> list[int]:
    return [event.sequence for event in events]


def test_messages_sent_before_the_connection_broke_come_first() -> None:
    """After a reconnection there is no room until all that paho sends again is answered."""
    in_flight = InFlight[str](size=3)
    in_flight.add(1, "first", 0.0)
    in_flight.add(2, "second", 0.0)
    in_flight.reconnect(9.0)
    assert in_flight.room == 0
    assert in_flight.answer(1) == "first"
    assert in_flight.room == 0
    assert in_flight.answer(2) == "second"
    assert in_flight.room == 3


def test_a_message_ages_from_its_last_sending() -> None:
    """The oldest unanswered message counts; a new connection sends all again."""
    in_flight = InFlight[str](size=3)
    assert in_flight.oldest_s is None
    in_flight.add(1, "first", 4.0)
    in_flight.add(2, "second", 5.0)
    assert in_flight.oldest_s == 4.0
    in_flight.answer(1)
    assert in_flight.oldest_s == 5.0
    in_flight.reconnect(9.0)
    assert in_flight.oldest_s == 9.0


def test_an_answer_to_an_unknown_message_changes_nothing() -> None:
    """An answer to a message that was not sent, or was answered before, returns None."""
    in_flight = InFlight[str](size=2)
    in_flight.add(7, "sent", 0.0)
    assert in_flight.answer(8) is None
    assert len(in_flight) == 1


@pytest.mark.parametrize(("size", "sent", "room"), [(3, 1, 2), (3, 3, 0), (2, 3, 0)])
def test_room_is_what_the_size_leaves(size: int, sent: int, room: int) -> None:
    """Room is never negative, even when the broker has lowered its limit meanwhile."""
    in_flight = InFlight[int](size=3)
    for number in range(sent):
        in_flight.add(number, number, 0.0)
    in_flight.size = size
    assert in_flight.room == room


def test_after_a_refusal_only_the_first_event_is_sent_again() -> None:
    """The events of a held topic stay until the retry is due, which names the first refused one."""
    progress = Progress(retry_s=10.0)
    assert sequences(progress.take(rows(1, 2), 4.0)) == [1, 2]
    assert progress.refuse(1, now_s=5.0)
    assert not progress.refuse(2, now_s=5.0)
    assert progress.take(rows(3, 4), 5.5) == []
    assert (progress.retry(14.9), progress.retry_due_s) == ([], 15.0)
    assert (progress.retry(15.0), progress.retry_due_s) == ([1], 25.0)
    assert sequences(progress.take(rows(1, 2, 3), 15.0)) == [1]


def test_when_one_event_is_taken_all_are_read_again() -> None:
    """A probe that is taken releases the topic: the cursor goes back to before the first event."""
    progress = Progress(retry_s=10.0)
    progress.take(rows(1, 2), 0.0)
    progress.refuse(1, 0.0)
    assert not progress.accept(2)  # it was sent before the refusal
    progress.retry(10.0)
    progress.take(rows(1), 10.0)
    assert progress.accept(1)
    assert progress.cursor == 0
    assert progress.retry_due_s == math.inf
    assert sequences(progress.take(rows(3, 4, 5), 10.1)) == [3, 4, 5]


def test_a_new_event_of_a_held_topic_is_sent_but_no_two_at_once() -> None:
    """A probe goes out when none is unanswered, and at most one every second."""
    progress = Progress(retry_s=10.0)
    progress.take(rows(1), 0.0)
    progress.refuse(1, 0.0)
    assert sequences(progress.take(rows(2, 3), 1.0)) == [2]
    assert progress.take(rows(4), 9.0) == []
    progress.refuse(2, 9.1)
    assert sequences(progress.take(rows(5), 9.2)) == [5]


def test_a_retry_passes_over_no_event_that_is_still_to_be_read() -> None:
    """After a release the cursor is behind; an event that is refused then waits for its turn."""
    progress = Progress(retry_s=10.0)
    progress.take(rows(1, 2), 0.0)
    progress.refuse(1, 0.0)
    progress.take(rows(3), 1.0)
    assert progress.accept(3)  # released: 1 is read again
    progress.refuse(2, 1.0)  # it was sent before
    assert progress.retry(11.0) == []
    assert sequences(progress.take(rows(1, 2), 11.0)) == [1]


def test_an_event_before_the_first_that_is_held_back_is_the_first() -> None:
    """An event that is read again while its topic is held once more is sent at the retry."""
    progress = Progress(retry_s=10.0)
    progress.take(rows(1, 2), 0.0)
    progress.refuse(1, 0.0)
    progress.take(rows(3), 1.0)
    progress.accept(3)
    progress.refuse(2, 1.0)
    assert progress.take(rows(1, 2), 1.5) == []
    assert progress.retry(11.0) == [1]


def test_topics_are_held_apart() -> None:
    """While the events of one topic are refused, those of another go out."""
    progress = Progress(retry_s=10.0)
    progress.take([Row(1, "a", b""), Row(2, "b", b"")], 0.0)
    progress.refuse(1, 0.0)
    progress.accept(2)
    assert sequences(progress.take([Row(3, "a", b""), Row(4, "b", b"")], 0.5)) == [4]


def test_a_connect_tries_a_held_topic_at_once() -> None:
    """The first event is sent again at a new connection, whenever the retry is due."""
    progress = Progress(retry_s=10.0)
    progress.take(rows(1), 0.0)
    progress.refuse(1, 0.0)
    progress.connect(3.0)
    assert progress.retry(3.0) == [1]


def test_a_held_topic_whose_first_event_has_gone_is_released() -> None:
    """When the register confirmed the first event meanwhile, the later ones are sent."""
    progress = Progress(retry_s=10.0)
    progress.take(rows(1), 0.0)
    progress.refuse(1, 0.0)
    progress.gone(1)
    assert sequences(progress.take(rows(2, 3), 0.1)) == [2, 3]


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
        for first in self.progress.retry(self.now_s):
            if self.in_flight.room:
                self.send_page([first])
        while room := self.in_flight.room:
            page = [sequence for sequence in self.pending if sequence > self.progress.cursor]
            if not page:
                return
            self.send_page(page[:room])

    def send_page(self, page: list[int]) -> None:
        for row in self.progress.take(rows(*page), self.now_s):
            assert row.sequence not in self.unanswered.values(), "sent twice"
            self.packet_id += 1
            self.unanswered[self.packet_id] = row.sequence
            self.in_flight.add(self.packet_id, row.sequence, self.now_s)

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
        self.in_flight.reconnect(9.0)

    @rule(seconds=st.integers(1, 5))
    def wait(self, seconds: int) -> None:
        self.now_s += seconds

    @invariant()
    def no_more_than_the_size_is_unanswered(self) -> None:
        assert len(self.in_flight) == len(self.unanswered) <= 3

    def teardown(self) -> None:
        """Once the broker accepts everything again, every event arrives."""
        for _ in range(40):
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
