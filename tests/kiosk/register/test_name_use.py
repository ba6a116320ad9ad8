"""Two kiosks under one name, as the register recognises them."""

from datetime import timedelta

import msgspec
import pytest

from kiosk.protocol.topics import KioskAddress
from kiosk.register.config import DatabaseSection
from kiosk.register.identity.name_use import WITHIN, NameUse, hear
from kiosk.register.identity.name_use_table import shared_names
from kiosk.register.ingest.store import store
from kiosk.register.messages.arrival import Arrival, Voice
from kiosk.register.overview.status import load_statuses
from tests.kiosk.register.support import DOOR, NOON, OTHER_OUTBOX, OUTBOX

MINUTE = timedelta(minutes=1)


def heard(*identities: str, step: timedelta = MINUTE) -> NameUse:
    use = NameUse()
    for number, identity in enumerate(identities):
        at = NOON + number * step
        use = hear(use, Voice(identity, at, at))
    return use


def health(identity: tuple[str, str], minute: int) -> Arrival:
    at = NOON + minute * MINUTE
    outbox_id, boot_id = identity
    said = {
        "outbox_id": outbox_id,
        "boot_id": boot_id,
        "time": at.isoformat(timespec="milliseconds"),
        "last_sequence": 0,
    }
    return Arrival(DOOR.topic("health"), msgspec.json.encode(said), at)


@pytest.mark.parametrize(
    ("identities", "is_shared"),
    [("AAA", False), ("AAB", False), ("ABC", False), ("ABA", True), ("ABABAB", True)],
)
def test_an_identity_that_comes_back_is_a_second_kiosk(identities: str, is_shared: bool) -> None:  # noqa: FBT001
    """A restarted kiosk, and one with a new outbox, goes on; two kiosks speak in turn."""
    use = heard(*identities)
    assert use.is_shared(NOON + len(identities) * MINUTE) == is_shared


def test_what_comes_back_after_hours_is_one_kiosk() -> None:
    """Somebody has changed the card and changed it back; and a conflict ends by itself."""
    assert not heard("A", "B", "A", step=WITHIN).is_shared(NOON + 3 * WITHIN)
    assert not heard("A", "B", "A").is_shared(NOON + 2 * WITHIN)


def test_a_repeated_message_is_no_second_kiosk() -> None:
    """A second instance of the register, which is slower, hears the same messages again."""
    use = heard("A", "B")
    assert hear(use, Voice("A", NOON, NOON + 2 * MINUTE)) == use


@pytest.mark.parametrize(
    "other", [(OTHER_OUTBOX, "boot-2"), (OUTBOX, "boot-2")], ids=["installed twice", "copied card"]
)
def test_the_register_says_that_two_kiosks_use_one_name(
    database: DatabaseSection,  # noqa: ARG001 - the tables
    other: tuple[str, str],
) -> None:
    """It is stored with the health messages, and part of the kiosk's status."""
    one = (OUTBOX, "boot-1")
    for minute, identity in enumerate([one, other]):
        store([health(identity, minute)], NOON)
    assert shared_names(NOON) == frozenset()
    store([health(one, 2), health(other, 3)], NOON)
    assert shared_names(NOON) == {KioskAddress("school", "room-1", "kiosk-1")}
    assert {status.is_name_shared for status in load_statuses(NOON)} == {True}
