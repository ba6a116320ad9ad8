"""Registers that end at any moment; ``python -m tests.faults.kill_register`` does it more often."""

from pathlib import Path

import pytest

from kiosk.register.config import DatabaseSection
from kiosk.register.database import use_database
from tests.faults.away import register_away
from tests.faults.kill_register import Outcome, kill_at_random
from tests.faults.prepared import Place, keep_everything
from tests.mosquitto import Mosquitto
from tests.postgresql import PostgreSQL

pytestmark = pytest.mark.slow


def place_of(folder: Path, broker: Mosquitto, section: DatabaseSection) -> Place:
    use_database(section)
    return Place(folder, broker, section)


@pytest.fixture
def broker(mosquitto: Mosquitto) -> Mosquitto:
    keep_everything(mosquitto)
    mosquitto.restart()
    return mosquitto


def test_what_a_broker_has_dropped_is_requested(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A broker as it is installed keeps 1,000 messages for a register that is away."""
    section = DatabaseSection(path=str(tmp_path / "register.sqlite3"))
    place = place_of(tmp_path, mosquitto, section)
    outcome = register_away(place, events=3_000, doors=2, patience_s=60)
    assert outcome.offered == outcome.stored == outcome.rows == 3_000
    assert 1_900 <= outcome.replayed <= 2_100


def check(outcome: Outcome) -> None:
    assert outcome.stored == outcome.rows == outcome.offered > 0
    assert outcome.false_confirmations == outcome.alarms == 0


def test_a_register_that_is_killed_loses_nothing(tmp_path: Path, broker: Mosquitto) -> None:
    """Whatever the moment, every event is stored once, and nothing is confirmed before."""
    section = DatabaseSection(path=str(tmp_path / "register.sqlite3"))
    place = place_of(tmp_path, broker, section)
    check(kill_at_random(place, kills=6, instances=1))


def test_two_registers_on_one_database_lose_nothing_when_one_is_killed(
    tmp_path: Path, broker: Mosquitto, postgresql: PostgreSQL
) -> None:
    """The other one goes on; every event is stored once."""
    section = DatabaseSection(url=postgresql.database())
    place = place_of(tmp_path, broker, section)
    check(kill_at_random(place, kills=6, instances=2))
