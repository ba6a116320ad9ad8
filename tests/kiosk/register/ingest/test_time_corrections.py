"""What a kiosk says later of the time of an event, on each kind of database."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from kiosk.protocol.event import AttendanceEvent, ParticipationEvent, TimeCorrectionEvent, encode
from kiosk.register.ingest.store import store
from kiosk.register.messages.arrival import Reason
from kiosk.register.models import BinEntry, Event, Mark, ParticipationPoint, TimeCorrection
from kiosk.register.models.placing import DISMISSED
from tests.kiosk.register.marking.support import (
    make_class,
    make_lesson,
    marks,
    minutes,
    place,
    scan,
    work,
)
from tests.kiosk.register.support import NOON, OTHER_OUTBOX, OUTBOX, arrival, event, event_id

pytestmark = pytest.mark.usefixtures("database")

OF_OUTBOX = int(OUTBOX.replace("-", ""), 16) % 2**40
"""What the ids of events of this outbox are counted from."""
WRONG = NOON - timedelta(days=400)


def correct(
    sequence: int,
    corrects: int,
    to: datetime,
    *,
    at: datetime = NOON,
    **changes: Any,  # noqa: ANN401 - a field of the event
) -> None:
    """Store a correction of the event of another number."""
    shared = {*AttendanceEvent.__struct_fields__} & {*TimeCorrectionEvent.__struct_fields__}
    fields = {name: getattr(event(sequence), name) for name in shared}
    made = TimeCorrectionEvent(
        **fields | changes,
        corrects=event_id(corrects + OF_OUTBOX),
        corrected_time=to.isoformat(timespec="milliseconds"),
    )
    store([arrival(encode(made), "time-correction", at=at)], at)


def test_a_corrected_event_counts_at_its_right_time() -> None:
    """It becomes the mark, whose clock is "corrected"; the event itself stays as it came."""
    make_lesson(make_class("s-1"))
    scan(1, "s-1", WRONG, arrives=minutes(300), clock="unsynchronised")
    place(minutes(301))
    before = bytes(Event.objects.get(sequence=1).payload)
    assert Event.objects.get(sequence=1).placing == "clock not synchronised"
    correct(2, 1, minutes(12), at=minutes(302))
    place(minutes(303))
    row = Event.objects.get(sequence=1)
    assert (row.placing, bytes(row.payload), row.scanned_at) == ("placed", before, WRONG)
    mark = Mark.objects.get()
    assert (mark.status, mark.minutes_late, mark.clock) == ("late", 12, "corrected")
    assert Event.objects.get(type="time-correction").placing == "placed"


def test_a_correction_that_comes_first_waits_for_its_event() -> None:
    """A replay may bring the two in any order."""
    make_lesson(make_class("s-1"))
    correct(2, 1, minutes(2), at=minutes(3))
    place(minutes(3))
    scan(1, "s-1", WRONG, arrives=minutes(4), clock="unsynchronised")
    place(minutes(5))
    assert marks() == {"s-1": "present"}


def test_the_mark_of_the_wrong_lesson_is_taken_back() -> None:
    """A clock that was an hour ahead had put the event into the next lesson."""
    school_class = make_class("s-1")
    make_lesson(school_class)
    make_lesson(school_class, "art", start=minutes(60))
    scan(1, "s-1", minutes(62), arrives=minutes(63), clock="unsynchronised")
    place(minutes(64))
    assert Event.objects.get().placing == "placed"
    correct(2, 1, minutes(2), at=minutes(65))
    place(minutes(66))
    assert marks("maths") == {"s-1": "present"}
    assert set(marks("art").values()) <= {"not-known"}


def test_a_point_for_participation_moves_with_its_event() -> None:
    """It counts once, in the lesson of the right time."""
    school_class = make_class("s-1")
    make_lesson(school_class)
    make_lesson(school_class, "art", start=minutes(60))
    fields = {name: getattr(event(1), name) for name in AttendanceEvent.__struct_fields__}
    del fields["direction"]
    time = minutes(62).isoformat(timespec="milliseconds")
    changes = {"subject_id": "s-1", "time": time, "clock": "unsynchronised"}
    made = ParticipationEvent(**fields | changes, count=1)
    store([arrival(encode(made), "participation")], minutes(63))
    place(minutes(64))
    correct(2, 1, minutes(2), at=minutes(65))
    place(minutes(66))
    assert list(ParticipationPoint.objects.values_list("lesson", flat=True)) == ["maths"]


def test_a_kiosk_corrects_its_own_events_alone() -> None:
    """The correction of another outbox changes nothing."""
    make_lesson(make_class("s-1"))
    scan(1, "s-1", WRONG, arrives=minutes(2), clock="unsynchronised")
    correct(2, 1, minutes(2), at=minutes(3), outbox_id=OTHER_OUTBOX)
    assert Event.objects.get(sequence=1).corrected_at is None


def test_the_newest_correction_counts() -> None:
    """And one that comes twice is stored once."""
    scan(1, "s-1", WRONG, arrives=minutes(2), clock="unsynchronised")
    for sequence, minute in ((2, 5), (3, 6), (3, 6)):
        correct(sequence, 1, minutes(minute))
    assert Event.objects.get(sequence=1).corrected_at == minutes(6)
    assert TimeCorrection.objects.count() == 1
    assert Event.objects.count() == 3


def test_an_event_from_the_future_is_placed_once_it_is_corrected() -> None:
    """It waits in the bin, until it is judged by the right time, without anybody's doing."""
    make_lesson(make_class("s-1"))
    Mark.objects.all().delete()
    scan(1, "s-1", NOON + timedelta(days=365), arrives=minutes(2), clock="unsynchronised")
    assert BinEntry.objects.get().reason == Reason.FUTURE.value
    correct(2, 1, minutes(2), at=minutes(3))
    work(minutes(5))
    assert marks() == {"s-1": "present"}


def test_a_dismissed_event_is_not_corrected() -> None:
    """Somebody has decided that it counts for nothing."""
    scan(1, "s-1", WRONG, arrives=minutes(2), clock="unsynchronised")
    Event.objects.update(placing=DISMISSED)
    correct(2, 1, minutes(3))
    row = Event.objects.get(sequence=1)
    assert (row.placing, row.corrected_at) == (DISMISSED, None)


@pytest.mark.parametrize("time", ["2026-02-31T08:00:00.000+00:00", "0000-01-01T00:00:00.000+00:00"])
def test_a_correction_to_a_time_that_does_not_exist_is_foreign(time: str) -> None:
    """It goes to the bin, and its number is not asked for again."""
    correct(1, 1, NOON)
    payload = bytes(Event.objects.get().payload).replace(
        NOON.isoformat(timespec="milliseconds").encode(), time.encode()
    )
    store([arrival(payload, "time-correction")], NOON)
    assert BinEntry.objects.get().reason == Reason.FOREIGN.value
