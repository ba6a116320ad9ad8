"""The bookkeeping of what is under way, as laws over any course of events."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kiosk.mqtt.in_flight import InFlight
from kiosk.mqtt.outbox import Row


def rows(*sequences: int) -> list[Row]:
    return [Row(sequence, "t", b"") for sequence in sequences]


def test_events_sent_before_the_connection_broke_come_first() -> None:
    """After a reconnection there is no room until all that paho sends again is answered."""
    window = InFlight(size=3, retry_s=1.0)
    window.send(1, 1)
    window.send(2, 2)
    window.reconnect()
    assert window.room == 0
    window.settle(1)
    assert window.room == 0
    window.settle(2)
    assert window.room == 3


def test_a_refused_event_is_offered_again_and_those_under_way_are_not() -> None:
    """At its time the cursor goes back; an event still under way is not sent twice."""
    window = InFlight(size=9, retry_s=10.0)
    for row in window.advance(rows(1, 2, 3)):
        window.send(row.sequence + 100, row.sequence)
    assert window.settle(102) == 2
    assert window.refuse(2, now_s=5.0)
    window.rewind(14.9)
    assert window.cursor == 3
    window.rewind(15.0)
    assert window.cursor == 1
    assert [row.sequence for row in window.advance(rows(2, 3))] == [2]
    assert window.accept(2)


def test_only_the_first_refusal_and_the_last_acceptance_are_news() -> None:
    """Of several refused events, one refusal is told and one acceptance."""
    window = InFlight(size=9, retry_s=10.0)
    assert [window.refuse(number, 0.0) for number in (1, 2, 2)] == [True, False, False]
    assert [window.accept(number) for number in (1, 3, 2)] == [False, False, True]


def test_an_answer_to_an_unknown_message_is_none() -> None:
    """An answer that nothing is owed for changes nothing."""
    window = InFlight(size=2, retry_s=1.0)
    window.send(7, 1)
    assert window.settle(8) is None
    assert len(window) == 1


@pytest.mark.parametrize(("size", "sent", "room"), [(3, 1, 2), (3, 3, 0), (2, 3, 0)])
def test_room_is_what_the_size_leaves(size: int, sent: int, room: int) -> None:
    """Room is never negative, even when the broker has lowered its limit meanwhile."""
    window = InFlight(size=3, retry_s=1.0)
    for number in range(sent):
        window.send(number, number + 1)
    window.size = size
    assert window.room == room


class AnyCourse(RuleBasedStateMachine):
    """Sending, answers, reconnections and time, in any order that Hypothesis thinks of."""

    def __init__(self) -> None:
        super().__init__()
        self.window = InFlight(size=3, retry_s=3.0)
        self.waiting = list(range(1, 13))
        self.under_way: dict[int, int] = {}
        self.packet_id = 0
        self.now_s = 0.0

    @rule()
    def pump(self) -> None:
        self.window.rewind(self.now_s)
        while room := self.window.room:
            page = [sequence for sequence in self.waiting if sequence > self.window.cursor]
            if not page:
                return
            for row in self.window.advance(rows(*page[:room])):
                assert row.sequence not in self.under_way.values(), "sent twice"
                self.packet_id += 1
                self.under_way[self.packet_id] = row.sequence
                self.window.send(self.packet_id, row.sequence)

    @precondition(lambda self: self.under_way)
    @rule(index=st.integers(0, 2))
    def accept(self, index: int = 0) -> None:
        sequence = self.answer(index)
        self.waiting.remove(sequence)
        self.window.accept(sequence)

    @precondition(lambda self: self.under_way)
    @rule(index=st.integers(0, 2))
    def refuse(self, index: int) -> None:
        self.window.refuse(self.answer(index), self.now_s)

    @rule()
    def reconnect(self) -> None:
        self.window.reconnect()

    @rule(seconds=st.integers(1, 5))
    def wait(self, seconds: int) -> None:
        self.now_s += seconds

    @invariant()
    def no_more_than_the_size_is_under_way(self) -> None:
        assert len(self.window) == len(self.under_way) <= 3

    def teardown(self) -> None:
        """Once the broker accepts all again, all arrives."""
        for _ in range(30):
            self.now_s += 3.0
            self.pump()
            if self.under_way:
                self.accept()
        assert self.waiting == []

    def answer(self, index: int) -> int:
        packet_id = list(self.under_way)[index % len(self.under_way)]
        sequence = self.under_way.pop(packet_id)
        assert self.window.settle(packet_id) == sequence
        return sequence


def test_every_event_arrives_in_any_course_of_things() -> None:
    """Law: no event is sent twice at a time, no limit is passed, and every event arrives."""
    run_state_machine_as_test(AnyCourse)
