"""The watermark of an outbox, what is missing, and what is requested when."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from kiosk.register.ingest.outbox_state import (
    BACKOFF_FIRST,
    BACKOFF_MAX,
    GRACE,
    REQUEST_MAX,
    OutboxState,
    absorb,
    answered,
    gone_ranges,
    next_request,
    report,
    requested,
)
from kiosk.register.ingest.ranges import from_numbers
from tests.kiosk.register.support import DOOR, NOON, OUTBOX

EMPTY = OutboxState(outbox_id=OUTBOX, address=DOOR)
SECOND = timedelta(seconds=1)


def stored(*numbers: int, state: OutboxState = EMPTY) -> OutboxState:
    return absorb(state, from_numbers(numbers), NOON)


@given(st.lists(st.lists(st.integers(1, 40))))
def test_the_split_into_batches_does_not_matter(batches: list[list[int]]) -> None:
    """Any order, repeats and batches of the same numbers lead to the same watermark."""
    state = EMPTY
    for batch in batches:
        state = stored(*batch, state=state)
    numbers = {number for batch in batches for number in batch}
    at_once = stored(*numbers)
    assert (state.watermark, state.beyond) == (at_once.watermark, at_once.beyond)
    assert state.watermark == next(n for n in range(42) if n + 1 not in numbers)
    assert all(state.has(number) == (number in numbers) for number in range(1, 42))


@given(st.lists(st.integers(1, 40)), st.lists(st.integers(1, 40)))
def test_a_watermark_never_falls(first: list[int], second: list[int]) -> None:
    """What was confirmed stays confirmed."""
    before = stored(*first)
    assert stored(*second, state=before).watermark >= before.watermark


def test_a_repeat_of_an_old_event_does_not_lower_the_watermark() -> None:
    """It is the one message of its batch, as nearly always."""
    assert stored(1, state=stored(1, 2, 3)).watermark == 3


@given(st.lists(st.integers(1, 40)), st.integers(0, 50))
def test_every_expected_number_is_stored_or_missing(numbers: list[int], last: int) -> None:
    """Watermark, stored and missing numbers together are all that the kiosk has used."""
    state = report(stored(*numbers), last, NOON, NOON)
    missing = {n for first, end in state.missing for n in range(first, end + 1)}
    assert missing | set(numbers) == set(range(1, state.expected + 1))
    assert not missing & set(numbers)


def test_a_message_under_way_is_not_requested() -> None:
    """A number that is missing for a moment only leads to no request."""
    state = stored(1, 3)
    assert next_request(state, NOON + GRACE - SECOND) is None
    asked = next_request(state, NOON + GRACE)
    assert asked is not None
    assert (asked.first, asked.last) == (2, 2)


def test_a_kiosk_that_still_sends_is_not_asked() -> None:
    """Each step of the watermark starts the wait again."""
    state = report(stored(1), 9, NOON, NOON)
    later = NOON + GRACE
    assert next_request(absorb(state, ((2, 2),), later), later) is None


def test_health_tells_of_events_that_never_came() -> None:
    """A last number above all stored ones is a gap, too."""
    state = report(stored(1, 2), 5, NOON, NOON)
    asked = next_request(state, NOON + GRACE)
    assert asked is not None
    assert (asked.first, asked.last) == (3, 5)


def test_a_large_gap_is_requested_in_pieces() -> None:
    """One request is for a bounded number of events."""
    asked = next_request(stored(5_000), NOON + GRACE)
    assert asked is not None
    assert (asked.first, asked.last) == (1, REQUEST_MAX)


def test_a_request_in_vain_waits_longer_each_time() -> None:
    """The wait doubles up to its maximum; progress lets it begin again."""
    state, now, waits = stored(2), NOON + GRACE, []
    for _ in range(12):
        assert next_request(state, now) is not None
        state = requested(state, now)
        assert state.request_after is not None
        waits.append(state.request_after - now)
        assert next_request(state, state.request_after - SECOND) is None
        now = state.request_after
    assert waits[:2] == [BACKOFF_FIRST, 2 * BACKOFF_FIRST]
    assert waits[-1] == BACKOFF_MAX
    state = absorb(report(state, 9, now, now), ((1, 1),), now)
    assert (state.requests, state.request_after) == (1, now + BACKOFF_FIRST)
    state = absorb(state, ((3, 9),), now)
    assert (state.requests, state.request_after) == (0, None)


def test_the_next_piece_follows_a_complete_answer_at_once() -> None:
    """A large gap closes quickly; a kiosk that answers without sending is not asked in a circle."""
    state = requested(report(stored(1), 1_500, NOON, NOON), NOON)
    in_vain = answered(state, (2, 501), NOON)
    assert next_request(in_vain, NOON + SECOND) is None
    state = absorb(state, ((2, 501),), NOON)
    assert next_request(state, NOON + SECOND) is None
    asked = next_request(answered(state, (2, 501), NOON), NOON + SECOND)
    assert asked is not None
    assert (asked.first, asked.last) == (502, 1_001)


def test_the_newest_health_counts() -> None:
    """Messages out of order do not turn the clock back; one of unknown age only adds."""
    state = report(stored(1, 2), 9, NOON, NOON)
    assert report(state, 2, NOON - SECOND, NOON) == state
    assert report(state, 2, None, NOON).reported_last == 9
    assert report(state, 2, NOON + SECOND, NOON).reported_last == 2


def test_health_proves_how_far_all_is_stored() -> None:
    """The time of a report counts once all its numbers are stored."""
    state = report(stored(1), 2, NOON, NOON)
    assert state.covered_at is None
    assert stored(2, state=state).covered_at == NOON


def test_a_kiosk_gives_up_only_what_it_has_used_and_was_asked_for() -> None:
    """Numbers that are stored, unheard of, or out of the request stay as they are."""
    state = report(stored(1, 4), 8, NOON, NOON)
    assert gone_ranges(state, (2, 20), ((1, 6), (8, 10**15))) == ((2, 3), (5, 6), (8, 8))
    assert gone_ranges(state, (6, 6), ((1, 8),)) == ((6, 6),)


def test_a_gone_number_lets_the_watermark_pass() -> None:
    """What no longer exists holds nothing up."""
    state = stored(1, 3)
    assert absorb(state, gone_ranges(state, (2, 2), ((2, 2),)), NOON).watermark == 3
