"""Signed events at the register: what is accepted, what goes to the bin, and what counts."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connections

from kiosk.protocol.delivery import ReplayDone, encode_delivery
from kiosk.protocol.event import encode
from kiosk.protocol.signature import Signer
from kiosk.protocol.topics import KioskAddress
from kiosk.register.config import DatabaseSection
from kiosk.register.database import migrate, use_database
from kiosk.register.identity.key_table import distrust, load_keys, trust
from kiosk.register.identity.keys import SignaturePolicy
from kiosk.register.ingest.outbox_table import load_states
from kiosk.register.ingest.retry import retry_bin
from kiosk.register.ingest.store import Stored, store
from kiosk.register.messages.arrival import Arrival
from kiosk.register.models import Alarm, BinEntry, Event, KioskKey
from tests.kiosk.register.support import DOOR, NOON, OTHER_OUTBOX, OUTBOX, arrival, event

NEIGHBOUR = KioskAddress("school", "room-2", "kiosk-2")
SIGNER = Signer(Ed25519PrivateKey.generate(), DOOR)
FORGER = Signer(Ed25519PrivateKey.generate(), DOOR)
ALL = SignaturePolicy("all")
LISTED = SignaturePolicy("listed")

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with empty tables."""
    path = tmp_path_factory.mktemp("register") / "empty.sqlite3"
    use_database(DatabaseSection(path=str(path)))
    migrate()
    connections.close_all()
    return path


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Iterator[None]:
    """Django on a copy of it; nothing here depends on the kind of the database."""
    path = tmp_path / "register.sqlite3"
    path.write_bytes(template.read_bytes())
    use_database(DatabaseSection(path=str(path)))
    yield
    connections.close_all()


def announce(
    signer: Signer, policy: SignaturePolicy = LISTED, address: KioskAddress = DOOR
) -> None:
    payload = msgspec.json.encode({"outbox_id": OUTBOX, "public_key": signer.public_key})
    store([arrival(payload, "health", address=address)], NOON, policy)


def signed(sequence: int, signer: Signer = SIGNER, kind: str = "attendance") -> Arrival:
    return arrival(signer.sign(encode(event(sequence))), kind)


def put(*arrivals: Arrival, policy: SignaturePolicy = LISTED) -> Stored:
    return store(arrivals, NOON, policy)


def details() -> list[str]:
    return sorted(one.detail for one in BinEntry.objects.all())


def watermark(outbox_id: str = OUTBOX) -> int:
    return next((one.watermark for one in load_states() if one.outbox_id == outbox_id), 0)


def trusted() -> None:
    announce(SIGNER)
    assert trust(DOOR, NOON) == SIGNER.public_key


def test_an_untrusted_kiosk_is_accepted_as_before() -> None:
    """With "listed", signatures count from the moment when a person trusts the key."""
    announce(SIGNER)
    assert put(signed(1), arrival(event(2)), signed(3, FORGER)).events == 3


def test_a_forged_event_goes_to_the_bin_and_does_not_count() -> None:
    """Unsigned, or signed by another: the number is still missing, and the true event is stored."""
    trusted()
    put(arrival(event(1)), signed(2, FORGER), arrival(event(3), "replayed"))
    assert details() == ["not signed", "not signed", "signed with another key, or changed since"]
    assert (Event.objects.count(), watermark()) == (0, 0)
    assert put(signed(1), signed(2), signed(3, kind="replayed")).events == 3
    assert (watermark(), Alarm.objects.count()) == (3, 0)


def test_a_forged_event_beside_the_true_one_raises_no_alarm() -> None:
    """In one batch, in either order."""
    trusted()
    put(signed(1, FORGER), signed(1), signed(2), signed(2, FORGER))
    assert (Event.objects.count(), watermark(), Alarm.objects.count()) == (2, 2, 0)


def test_a_forged_event_of_a_newer_type_does_not_count() -> None:
    """It would stand for the number in the bin, where true events of newer types do."""
    trusted()
    facts = {**msgspec.json.decode(encode(event(1))), "type": "newer"}
    put(arrival(msgspec.json.encode(facts), "newer"))
    assert watermark() == 0
    put(arrival(SIGNER.sign(msgspec.json.encode(facts)), "newer"))
    assert watermark() == 1


def test_nobody_can_declare_a_kiosks_events_gone() -> None:
    """An answer to a replay request must be signed, too."""
    trusted()
    put(signed(3))
    done = ReplayDone(outbox_id=OUTBOX, first=1, last=2, gone=((1, 2),))
    put(arrival(encode_delivery(done), "replay-done"))
    assert watermark() == 0
    put(arrival(SIGNER.sign(encode_delivery(done)), "replay-done"))
    assert watermark() == 3


def test_one_kiosk_cannot_use_the_numbers_of_another() -> None:
    """A neighbour with a key of its own signs for itself, and not for another's outbox."""
    trusted()
    put(signed(1))
    neighbour = Signer(Ed25519PrivateKey.generate(), NEIGHBOUR)
    announce(neighbour, SignaturePolicy("listed", trust_on_first_use=True), NEIGHBOUR)
    names = {"room": NEIGHBOUR.room, "kiosk": NEIGHBOUR.kiosk}
    forged = neighbour.sign(encode(event(2, **names)))
    put(arrival(forged, address=NEIGHBOUR))
    assert watermark() == 1
    own = neighbour.sign(encode(event(1, OTHER_OUTBOX, **names)))
    put(arrival(own, address=NEIGHBOUR))
    assert watermark(OTHER_OUTBOX) == 1


def test_a_renamed_kiosk_goes_on_with_its_outbox() -> None:
    """It signs with the same key under its new name."""
    trusted()
    put(signed(1))
    renamed = Signer(SIGNER._key, NEIGHBOUR)
    payload = renamed.sign(encode(event(2, room=NEIGHBOUR.room, kiosk=NEIGHBOUR.kiosk)))
    assert put(arrival(payload, address=NEIGHBOUR)).events == 1
    assert watermark() == 2


def test_with_all_nobody_is_accepted_without_a_trusted_key() -> None:
    """The bin says which command trusts it; then the events are placed."""
    announce(SIGNER, ALL)
    put(signed(1), policy=ALL)
    expected = "signed with a key that is not trusted: kiosk register kiosks --trust school/room-1"
    assert details()[0].startswith(expected)
    trust(DOOR, NOON)
    assert retry_bin(BinEntry.objects.all(), NOON, ALL) == (1, 0)
    assert watermark() == 1


def test_a_new_key_is_trusted_beside_the_old_one() -> None:
    """Events that were signed before the change are accepted; until then the new ones wait."""
    trusted()
    announce(FORGER)
    assert load_keys()[DOOR].state == "changed"
    put(signed(1, FORGER))
    assert trust(DOOR, NOON) == FORGER.public_key
    assert load_keys()[DOOR].state == "trusted"
    assert retry_bin(BinEntry.objects.all(), NOON, SignaturePolicy()) == (1, 0)
    assert put(signed(2)).events == 1


def test_announced_keys_do_not_pile_up() -> None:
    """Of keys that nobody trusts only the newest is kept."""
    trusted()
    for _ in range(3):
        announce(Signer(Ed25519PrivateKey.generate(), DOOR))
    assert KioskKey.objects.count() == 2
    announce(SIGNER)
    assert load_keys()[DOOR].state == "trusted"


def test_the_first_key_may_be_trusted_without_a_person() -> None:
    """The first alone: a later one waits for a person."""
    first_use = SignaturePolicy("all", trust_on_first_use=True)
    announce(SIGNER, first_use)
    announce(FORGER, first_use)
    assert put(signed(1), signed(2, FORGER), policy=first_use).events == 1


def test_a_key_can_be_distrusted_and_checks_can_be_off() -> None:
    """What is stored stays; "off" accepts everything."""
    trusted()
    put(signed(1))
    assert distrust(DOOR) == 1
    assert Event.objects.count() == 1
    trusted()
    assert put(arrival(event(2)), policy=SignaturePolicy("off")).events == 1


def test_an_unsigned_future_event_keeps_its_reason() -> None:
    """Signed events are judged like others."""
    trusted()
    later = (NOON + timedelta(hours=1)).isoformat(timespec="milliseconds")
    put(arrival(SIGNER.sign(encode(event(1, time=later)))))
    assert BinEntry.objects.get().reason == "future time"
    assert watermark() == 1
