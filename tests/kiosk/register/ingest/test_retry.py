"""What waits in the bin is processed again by itself, once the thing that it waits for has come."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.protocol.event import encode
from kiosk.protocol.signature import Signer
from kiosk.register.identity.keys import SignaturePolicy
from kiosk.register.ingest.bin_table import make_due
from kiosk.register.ingest.retry import retry_due
from kiosk.register.ingest.store import store
from kiosk.register.messages.arrival import Reason
from kiosk.register.models import BinEntry, Event, Kiosk, Person
from kiosk.register.office import bin as table
from tests.kiosk.register.marking.support import work
from tests.kiosk.register.support import DOOR, NOON, OUTBOX, arrival, event, health
from tests.kiosk.register.test_commands import Run, run

__all__ = ["run"]  # the fixture
pytestmark = pytest.mark.usefixtures("database")
LATER = NOON + timedelta(minutes=1)
LISTED = SignaturePolicy()


def waiting() -> list[str]:
    return list(BinEntry.objects.values_list("reason", flat=True))


def test_an_event_of_the_future_is_placed_when_its_time_has_come() -> None:
    """Not before; nobody has to ask for it."""
    early = NOON - timedelta(hours=2)  # the event is of an hour later
    store([arrival(event(1), at=early)], early)
    assert waiting() == ["future time"]
    due_at = BinEntry.objects.get().due_at
    assert due_at is not None
    work(due_at - timedelta(seconds=1))
    assert waiting() == ["future time"]
    work(due_at)
    assert (waiting(), Event.objects.get().arrived_at) == ([], early)


def test_a_new_list_of_people_frees_their_events(run: Run, tmp_path: Path) -> None:
    """The others stay, and are not tried for ever."""
    Person.objects.create(subject_id="s-9", name="Ida")
    store([arrival(event(1)), arrival(event(2))], NOON)
    assert waiting() == ["unknown person"] * 2
    work(LATER)
    assert waiting() == ["unknown person"] * 2
    file = tmp_path / "people.csv"
    file.write_text("subject_id,name\ns-0001,Ada\n")
    assert "2 messages waiting for it" in run("people", str(file))
    work(LATER + timedelta(days=999))
    assert (waiting(), Event.objects.get().subject_id) == (["unknown person"], "s-0001")
    assert BinEntry.objects.get().due_at is None


def test_a_new_list_of_kiosks_frees_their_events(run: Run, tmp_path: Path) -> None:
    """Also those that came weeks ago."""
    Kiosk.objects.create(site="school", room="room-2", kiosk="kiosk-2", is_listed=True)
    store([arrival(event(1))], NOON)
    file = tmp_path / "kiosks.csv"
    file.write_text("site,room,kiosk\nschool,room-1,kiosk-1\n")
    run("kiosks", str(file))
    work(NOON + timedelta(days=9999))
    assert (waiting(), Event.objects.count()) == ([], 1)


def test_a_key_that_is_trusted_frees_what_it_has_signed(run: Run) -> None:
    """Of this kiosk alone."""
    signer = Signer(Ed25519PrivateKey.generate(), DOOR)
    payload = b'{"outbox_id":"%s","public_key":"%s"}' % (
        OUTBOX.encode(),
        signer.public_key.encode(),
    )
    every = SignaturePolicy("all")
    store([arrival(payload, "health")], NOON, every)
    store([arrival(signer.sign(encode(event(1))))], NOON, every)
    assert waiting() == ["signature not accepted"]
    run("kiosks", "--trust", str(DOOR))
    assert retry_due((), NOON + timedelta(days=9999), every) is False
    assert (waiting(), Event.objects.count()) == ([], 1)


def test_a_new_version_reads_what_the_last_one_could_not() -> None:
    """Each start tries the events of unknown types once."""
    newer = encode(event(1)).replace(b'"schema_version":1', b'"schema_version":7')
    store([arrival(newer)], NOON)
    assert waiting() == ["unknown type"]
    BinEntry.objects.update(payload=encode(event(1)))  # as if this version read it
    work(LATER)
    assert (waiting(), Event.objects.count()) == ([], 1)


def test_what_a_person_has_dismissed_stays_dismissed() -> None:
    """A list that comes later does not bring it back."""
    Person.objects.create(subject_id="s-9", name="Ida")
    store([arrival(event(1))], NOON)
    BinEntry.objects.update(dismissed_at=NOON)
    assert make_due([Reason.UNKNOWN_PERSON], NOON) == 0
    BinEntry.objects.update(due_at=NOON)
    Person.objects.create(subject_id="s-0001", name="Ada")
    work(LATER)
    assert waiting() == ["unknown person"]


def test_an_instance_leaves_the_sites_of_others_alone() -> None:
    """Two schools may share a database, with an instance and other settings each."""
    Person.objects.create(subject_id="s-9", name="Ida")
    store([arrival(event(1))], NOON)
    Person.objects.create(subject_id="s-0001", name="Ada")
    make_due([Reason.UNKNOWN_PERSON], NOON)
    retry_due(("elsewhere",), NOON, LISTED)
    assert waiting() == ["unknown person"]
    retry_due(("school",), NOON, LISTED)
    assert waiting() == []


def test_who_processes_the_bin_again_by_hand_passes_no_signature_by() -> None:
    """The bin's page has the policy of the configuration; and it counts right on each database."""
    every = SignaturePolicy("all")
    store([arrival(event(1)), health(1)], NOON, every)
    assert table.reasons() == {"signature not accepted": 1}
    (item,) = table.items()
    assert table.process_again([item.key], NOON, every) == (0, 1)
    assert table.process_again([item.key], NOON, SignaturePolicy("off")) == (1, 0)
    work(LATER)
    assert table.reasons() == {"no lesson": 1}
    (item,) = table.items("no lesson")
    assert table.process_again([item.key], LATER, every) == (1, 0)
