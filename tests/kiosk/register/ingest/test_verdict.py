"""Which events are placed, and which go to the bin."""

from datetime import timedelta

import pytest
from msgspec import UNSET

from kiosk.protocol.topics import KioskAddress
from kiosk.register.ingest.verdict import FUTURE_TOLERANCE, Known, judge
from kiosk.register.messages.arrival import EventReading, Reason, Rejected
from kiosk.register.messages.reading import read
from tests.kiosk.register.support import DOOR, NOON, OUTBOX, arrival, event

ELSEWHERE = KioskAddress(site="school", room="room-2", kiosk="kiosk-2")


def reading() -> EventReading:
    one = read(arrival(event(1)))
    assert isinstance(one, EventReading)
    return one


@pytest.mark.parametrize(
    "known",
    [
        Known(),
        Known(kiosks=frozenset({DOOR})),
        Known(people=frozenset({"s-0001"})),
        Known(frozenset({DOOR}), frozenset({"s-0001"})),
    ],
)
def test_an_event_of_somebody_known_is_placed(known: Known) -> None:
    """While no list was imported, everybody is known."""
    assert judge(reading(), known, NOON) == reading()


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (Known(kiosks=frozenset({ELSEWHERE})), Reason.UNKNOWN_KIOSK),
        (Known(people=frozenset()), Reason.UNKNOWN_PERSON),
    ],
)
def test_an_event_of_somebody_unknown_goes_to_the_bin(known: Known, reason: Reason) -> None:
    """Its number counts as stored, since the bin keeps it."""
    verdict = judge(reading(), known, NOON)
    assert isinstance(verdict, Rejected)
    assert verdict.reason is reason
    assert (verdict.outbox_id, verdict.sequence) == (OUTBOX, 1)


def test_a_scan_in_the_future_goes_to_the_bin() -> None:
    """A clock may be a little ahead; more than that needs somebody to look at it."""
    scanned_at = reading().scanned_at
    early = judge(reading(), Known(), scanned_at - FUTURE_TOLERANCE - timedelta(seconds=1))
    assert isinstance(early, Rejected)
    assert early.reason is Reason.FUTURE
    assert isinstance(judge(reading(), Known(), scanned_at - FUTURE_TOLERANCE), EventReading)


@pytest.mark.parametrize(
    ("minutes", "changes", "is_placed"),
    [
        (-1, {}, False),
        (0, {}, False),
        (1, {}, True),
        (-1, {"clock": "unsynchronised"}, True),
    ],
)
def test_a_card_that_was_revoked_before_goes_to_the_bin(
    minutes: int,
    changes: dict[str, str],
    is_placed: bool,  # noqa: FBT001 - what the table expects
) -> None:
    """A kiosk without a network had not heard of it. A wrong clock proves nothing."""
    one = read(arrival(event(1, method="qr", card="AAAAAAAA", decision=UNSET, **changes)))
    assert isinstance(one, EventReading)
    known = Known(revoked={"AAAAAAAA": one.scanned_at + timedelta(minutes=minutes)})
    verdict = judge(one, known, NOON)
    assert isinstance(verdict, EventReading) is is_placed
    if isinstance(verdict, Rejected):
        assert (verdict.reason, "AAAAAAAA" in verdict.detail) == (Reason.REVOKED_CARD, True)
    assert isinstance(judge(one, Known(revoked={"BBBBBBBB": NOON}), NOON), EventReading)


@pytest.mark.parametrize(("minutes", "is_placed"), [(-1, True), (1, False)])
def test_a_corrected_time_says_whether_a_card_was_revoked_before(
    minutes: int,
    is_placed: bool,  # noqa: FBT001 - what the table expects
) -> None:
    """The clock was wrong at the scan, but the kiosk has told the right time since."""
    made = event(1, method="qr", card="AAAAAAAA", decision=UNSET, clock="unsynchronised")
    one = read(arrival(made))
    assert isinstance(one, EventReading)
    revoked_at = NOON - timedelta(hours=5)
    times = {one.event.event_id: revoked_at + timedelta(minutes=minutes)}
    verdict = judge(one, Known(times=times, revoked={"AAAAAAAA": revoked_at}), NOON)
    assert isinstance(verdict, EventReading) is is_placed
