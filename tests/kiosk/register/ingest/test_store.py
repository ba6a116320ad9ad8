"""What a batch of messages leaves in the database, of each kind."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import msgspec
import pytest
from django.db import DataError, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from kiosk.protocol.delivery import ReplayDone, encode_delivery
from kiosk.protocol.event import AttendanceEvent, encode
from kiosk.protocol.topics import KioskAddress
from kiosk.register.identity.keys import SignaturePolicy
from kiosk.register.ingest.event_table import insert_events
from kiosk.register.ingest.outbox_table import load_states
from kiosk.register.ingest.retry import retry_bin
from kiosk.register.ingest.store import Stored, store
from kiosk.register.messages.arrival import Arrival, EventReading
from kiosk.register.models import Alarm, BinEntry, Card, Event, Gap, Kiosk, Outbox, Person
from tests.kiosk.register.support import (
    DOOR,
    NOON,
    OTHER_OUTBOX,
    OUTBOX,
    arrival,
    event,
    event_id,
    health,
)

pytestmark = pytest.mark.usefixtures("database")
LATER = NOON + timedelta(minutes=1)
ELSEWHERE = KioskAddress(site="school", room="room-2", kiosk="kiosk-2")


def put(*arrivals: Arrival) -> Stored:
    return store(arrivals, NOON)


def numbers() -> list[int]:
    return sorted(Event.objects.values_list("sequence", flat=True))


def watermark(outbox_id: str = OUTBOX) -> int:
    return Outbox.objects.get(outbox_id=outbox_id).watermark


def test_an_event_is_stored_as_it_came() -> None:
    """Bytes, scan time, clock state and arrival time stand side by side."""
    put(arrival(event(1, clock="unsynchronised"), "replayed", at=LATER))
    row = Event.objects.get()
    assert bytes(row.payload) == encode(event(1, clock="unsynchronised"))
    assert row.scanned_at == NOON - timedelta(hours=1) + timedelta(seconds=1)
    assert (row.clock, row.arrived_at, row.is_replayed) == ("unsynchronised", LATER, True)
    assert (row.site, row.room, row.kiosk, row.subject_id) == (
        *("school", "room-1", "kiosk-1"),
        "s-0001",
    )


def test_a_repeat_is_a_success() -> None:
    """The same event again, in the same batch or later, changes nothing."""
    put(arrival(event(1)), arrival(event(1), "replayed"))
    stored = put(arrival(event(1), "replayed", at=LATER))
    assert (stored.events, stored.alarms, stored.rejected) == (0, 0, ())
    assert not Event.objects.get().is_replayed
    assert watermark() == 1


@pytest.mark.parametrize(
    "rival",
    [
        event(1, subject_id="somebody else"),
        event(1, event_id=event_id(99)),
        event(2, event_id=event(1).event_id),
        event(1, OTHER_OUTBOX, event_id=event(1).event_id),
    ],
)
@pytest.mark.parametrize("is_together", [True, False])
def test_a_number_or_id_that_is_used_twice_is_an_alarm(
    rival: AttendanceEvent, *, is_together: bool
) -> None:
    """The first event stays, the second is kept beside it, and the next one is stored."""
    first, second = [arrival(event(1))], [arrival(rival), arrival(event(3))]
    for batch in [first + second] if is_together else [first, second]:
        put(*batch)
    put(arrival(rival))
    assert numbers() == [1, 3]
    assert bytes(Event.objects.get(sequence=1).payload) == encode(event(1))
    assert bytes(Alarm.objects.get().payload) == encode(rival)


def test_events_of_an_old_kiosk_have_no_outbox() -> None:
    """They are stored once by their event id, and nothing can be confirmed."""
    old = [arrival(event(number, None)) for number in (1, 2, 1)]
    assert put(*old).states == ()
    put(*old)
    assert numbers() == [1, 2]


def test_one_bad_message_does_not_keep_the_others_out() -> None:
    """What cannot be read goes to the bin, once."""
    stored = put(arrival(event(1)), arrival(b"{"), arrival(event(2)), arrival(b"{", "replayed"))
    assert (numbers(), watermark()) == ([1, 2], 2)
    assert BinEntry.objects.count() == 1
    assert len(stored.rejected) == 2


def test_a_message_that_the_database_refuses_goes_to_the_bin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A fault that nobody foresaw costs one message, whose number counts, and not the batch."""

    def refuse(readings: Sequence[EventReading]) -> None:
        if any(one.event.sequence == 2 for one in readings):
            raise DataError("no such number")
        insert_events(readings)

    monkeypatch.setattr("kiosk.register.ingest.store.insert_events", refuse)
    stored = put(*(arrival(event(number)) for number in (1, 2, 3)))
    assert (numbers(), watermark(), stored.events) == ([1, 3], 3, 2)
    assert BinEntry.objects.get().detail == "cannot be stored: no such number"


def test_an_unknown_person_waits_in_the_bin() -> None:
    """The number counts as stored; after the person was added, the event is placed."""
    Person.objects.create(subject_id="s-0001", name="Ada")
    put(arrival(event(1)), arrival(event(2), at=LATER))
    assert (numbers(), watermark()) == ([1], 2)
    assert BinEntry.objects.get().reason == "unknown person"
    Person.objects.create(subject_id="s-0002", name="Ben")
    assert retry_bin(BinEntry.objects.all(), NOON, SignaturePolicy()) == (1, 0)
    assert numbers() == [1, 2]
    assert Event.objects.get(sequence=2).arrived_at == LATER
    assert not BinEntry.objects.exists()


def test_a_person_who_has_left_is_unknown() -> None:
    """Who is no longer in the imported list is still in the table."""
    for number, is_listed in ((1, True), (2, False)):
        Person.objects.create(subject_id=f"s-{number:04d}", name="Ada", is_listed=is_listed)
    put(arrival(event(1)), arrival(event(2)))
    assert numbers() == [1]
    assert BinEntry.objects.get().reason == "unknown person"


def test_a_kiosk_that_was_only_heard_of_makes_no_list() -> None:
    """While no list was imported, the events of every kiosk are stored."""
    put(health(0))
    put(arrival(event(1, room="room-2", kiosk="kiosk-2"), address=ELSEWHERE))
    assert list(Event.objects.values_list("room", flat=True)) == ["room-2"]


def test_an_unknown_kiosk_waits_in_the_bin() -> None:
    """A list of kiosks excludes all others."""
    Kiosk.objects.create(site="school", room="room-2", kiosk="kiosk-2", is_listed=True)
    elsewhere = event(1, OTHER_OUTBOX, room="room-2", kiosk="kiosk-2")
    put(arrival(event(1)), arrival(elsewhere, address=ELSEWHERE))
    assert BinEntry.objects.get().topic == DOOR.topic("attendance")
    assert list(Event.objects.values_list("room", flat=True)) == ["room-2"]


def test_what_remains_in_the_bin_says_why() -> None:
    """A message may have more than one reason, which are found one after the other."""
    Person.objects.create(subject_id="s-0009", name="Ida")
    early = NOON - timedelta(hours=2)
    store([arrival(event(1))], early)
    assert BinEntry.objects.get().reason == "future time"
    assert retry_bin(BinEntry.objects.all(), NOON, SignaturePolicy()) == (0, 1)
    assert BinEntry.objects.get().reason == "unknown person"


def test_a_stored_event_stays_when_its_person_leaves() -> None:
    """A repeat of an event that is stored is not judged again."""
    put(arrival(event(1)))
    Person.objects.create(subject_id="s-0009", name="Ida")
    put(arrival(event(1), "replayed"))
    assert not BinEntry.objects.exists()


def test_gone_numbers_are_recorded_as_a_gap() -> None:
    """They let the watermark pass; a number that comes nevertheless is stored."""
    put(arrival(event(1)), arrival(event(4)), health(4))
    done = encode_delivery(ReplayDone(outbox_id=OUTBOX, first=2, last=3, gone=((2, 3),)))
    put(arrival(done, "replay-done", address=ELSEWHERE))
    assert watermark() == 1
    put(arrival(done, "replay-done"))
    put(arrival(done, "replay-done"))
    assert list(Gap.objects.values_list("first", "last", "reason")) == [(2, 3, "gone")]
    assert watermark() == 4
    put(arrival(event(2), "replayed"))
    assert numbers() == [1, 2, 4]


def test_health_of_another_kiosk_says_nothing_about_an_outbox() -> None:
    """Who may publish as one kiosk cannot lay hands on the events of another."""
    put(arrival(event(1)))
    put(arrival(health(9).payload, "health", address=ELSEWHERE))
    (state,) = load_states()
    assert (state.address, state.expected) == (DOOR, 1)


def test_a_kiosk_that_cannot_store_is_not_complete() -> None:
    """What it holds in memory has no number yet, so nobody may be called absent."""
    put(arrival(event(1)), health(1))
    later = NOON + timedelta(minutes=5)
    facts = {"outbox_id": OUTBOX, "last_sequence": 1}
    put(arrival(msgspec.json.encode({**facts, "in_memory": 2}), "health", at=later))
    assert load_states()[0].covered_at == NOON
    put(arrival(msgspec.json.encode({**facts, "in_memory": 0}), "health", at=later))
    assert load_states()[0].covered_at == later


def test_a_renamed_kiosk_keeps_its_outbox() -> None:
    """Its next event tells where to send the confirmation."""
    put(arrival(event(1)))
    put(arrival(event(2, room="room-2", kiosk="kiosk-2"), address=ELSEWHERE))
    (state,) = load_states()
    assert (state.address, state.watermark) == (ELSEWHERE, 2)


def test_the_newest_word_of_each_kiosk_is_kept() -> None:
    """Availability and health are stored as they came."""
    online = b'{"state":"online","boot_id":"b","version":"1","more":1}'
    put(arrival(online, "availability"), health(1), health(2, at=LATER))
    kiosk = Kiosk.objects.get()
    assert kiosk.is_online
    assert bytes(kiosk.availability or b"") == online
    assert bytes(kiosk.health or b"") == health(2).payload
    assert kiosk.health_at == LATER


def test_a_retained_message_that_is_known_is_no_news() -> None:
    """The broker repeats it at each connect; its time stays that of the first arrival."""
    put(health(1))
    put(Arrival(DOOR.topic("health"), health(1).payload, LATER, is_retained=True))
    assert Kiosk.objects.get().health_at == NOON
    put(Arrival(DOOR.topic("health"), health(2).payload, LATER, is_retained=True))
    assert Kiosk.objects.get().health_at == LATER


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=25),
    st.lists(st.integers(0, 25), max_size=4),
)
def test_order_repeats_and_batches_do_not_matter(
    sent: list[tuple[int, bool]], cuts: list[int]
) -> None:
    """The same events leave the same rows and watermark, however they arrive."""
    for model in (Event, Outbox, Alarm, BinEntry):
        model.objects.all().delete()
    messages = [arrival(event(n), "replayed" if again else "attendance") for n, again in sent]
    borders = [0, *sorted(cuts), len(messages)]
    for first, last in pairwise(borders):
        store(messages[first:last], NOON)
    expected = {number for number, _ in sent}
    assert numbers() == sorted(expected)
    assert watermark() == next(n for n in range(14) if n + 1 not in expected)
    assert not Alarm.objects.exists()


def test_two_instances_store_every_event_once() -> None:
    """Both get everything, in batches of their own; the slower one has nothing to do."""
    boxes = (OUTBOX, OTHER_OUTBOX)

    def instance(size: int) -> None:
        try:
            for start in range(1, 201, size):
                batch = range(start, min(start + size, 201))
                store([arrival(event(n, box)) for n in batch for box in boxes], NOON)
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as pool:
        for finished in [pool.submit(instance, size) for size in (7, 11)]:
            finished.result()
    assert Event.objects.count() == 400
    assert [one.watermark for one in load_states()] == [200, 200]
    assert not Alarm.objects.exists()


def test_the_register_knows_which_cards_are_revoked() -> None:
    """An event of a card that counts is stored, and its payload names the card."""
    for card_id, revoked_at in (("AAAAAAAA", NOON - timedelta(days=1)), ("BBBBBBBB", None)):
        Card.objects.create(
            card_id=card_id, issued_at=NOON, expires_on=NOON.date(), revoked_at=revoked_at
        )
    made = [
        event(number, method="qr", card=card_id, decision=UNSET)
        for number, card_id in ((1, "AAAAAAAA"), (2, "BBBBBBBB"))
    ]
    put(*map(arrival, made))
    assert numbers() == [2]
    assert BinEntry.objects.get().reason == "revoked card"
