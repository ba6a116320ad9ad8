"""The lookup and the plain rows give what Django's own give, on each database."""

from datetime import UTC, datetime

import pytest
from django.db import transaction

from kiosk.protocol.topics import KioskAddress
from kiosk.register.among import as_utc, plain, writer_of_times
from kiosk.register.ingest.outbox_state import OutboxState
from kiosk.register.ingest.outbox_table import load_states, lock_states, save_states
from kiosk.register.models import Event, Lesson, Outbox

pytestmark = pytest.mark.usefixtures("database")

TEXTS = ("o'clock", 'with "quotes"', "ünïcode \U0001f600", "%s", "back\\slash", "{a,b}", "")
ADDRESS = KioskAddress("school", "room-1", "kiosk-1")
NOON = datetime(2026, 1, 15, 12, 0, 0, 250_000, UTC)


def test_among_finds_what_in_finds() -> None:
    """Texts with any character, numbers, keys of another table, and no value at all."""
    for text in TEXTS:
        _lock(text)
    for wanted in ([], TEXTS[:1], TEXTS[1:4], TEXTS, ["absent"]):
        found = Outbox.objects.filter(outbox_id__among=wanted)
        same = Outbox.objects.filter(outbox_id__in=wanted)
        assert set(found.values_list("pk")) == set(same.values_list("pk"))
    assert not Event.objects.filter(pk__among=[1, 2**40]).exists()
    assert not Lesson.objects.filter(school_class_id__among=["7b"]).exists()


def test_a_time_comes_back_as_it_was_written() -> None:
    """UTC, to the microsecond, whatever form the database has it in; or none."""
    state = _lock("o")
    for moment in (NOON, NOON.replace(microsecond=0), None):
        state = OutboxState(outbox_id="o", address=state.address, reported_at=moment)
        save_states([state])
        rows = Outbox.objects.values_list("reported_at", "missing_since")
        ((raw, absent),) = plain(rows)
        assert (as_utc(raw), absent) == (moment, None)
        assert list(rows) == [(moment, None)]
        assert load_states() == [state]
        assert _lock("o") == state
    assert writer_of_times()(None) is None


def _lock(outbox_id: str) -> OutboxState:
    with transaction.atomic():
        return lock_states({outbox_id: ADDRESS})[outbox_id]
