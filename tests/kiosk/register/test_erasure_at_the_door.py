"""A withdrawal from end to end: the register's process, a real broker, and `kiosk run`."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from kiosk.config.keys import Config, load_config
from kiosk.people.keyring import Keyring
from kiosk.recognition.gallery import load_gallery
from kiosk.register.config import DatabaseSection, RegisterSection
from kiosk.register.identity.own_key import own_public_key
from kiosk.register.models import Account, Consent, Kiosk, Person, Publication
from kiosk.register.office import consent as office
from tests.kiosk.erasure.support import enrolled, holding
from tests.kiosk.register.ingest.test_loop import configured, running
from tests.mosquitto import PATIENCE_S, Mosquitto
from tests.support import write_config

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).parents[3]
SEED = 20261126


@pytest.fixture
def kind() -> str:
    """The kind of the database makes no difference here."""
    return "sqlite"


class Door:
    """`kiosk run` in a process of its own, which trusts the register."""

    def __init__(self, folder: Path, bundle: Path, mosquitto: Mosquitto, protocol: str) -> None:
        mqtt = f'[mqtt]\nhost = "{mosquitto.host}"\nport = {mosquitto.port}\n'
        more = f'{mqtt}protocol = "{protocol}"\n[camera]\nbackend = "fake-picamera2"\n'
        more += f'[register]\npublic_key = "{own_public_key()}"\n'
        self.file = write_config(folder, bundle, more)
        self.config: Config = load_config(self.file)
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "log"

    def start(self) -> None:
        command = [sys.executable, "-m", "kiosk", "run", "--config", str(self.file)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=REPOSITORY, stderr=log)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def people(self) -> set[str]:
        return set(load_gallery(self.config.gallery_path, keys=Keyring.of(self.config)).templates)


def wait_until(is_so: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 2 * PATIENCE_S
    while not is_so():
        assert time.monotonic() < until_s
        time.sleep(0.05)


def withdraw(subject_id: str) -> Callable[[], bool]:
    """Record a consent and withdraw it; return what says whether that is at its end."""
    person = Person.objects.create(subject_id=subject_id, name="x")
    account, now = Account.objects.get(), datetime.now(UTC)
    office.record(person, now, "x", "1", account=account, now=now)
    office.withdraw(person, account, now)
    return lambda: Consent.objects.get(person=person).erased_at is not None


@pytest.mark.parametrize("protocol", ["3.1.1"])  # test_erasing.py tries both
def test_a_withdrawal_reaches_the_door_whatever_is_killed(
    protocol: str,
    mosquitto: Mosquitto,
    database: DatabaseSection,
    bundle_path: Path,
    tmp_path: Path,
) -> None:
    """The kiosk is away, or killed at any moment; the withdrawal ends by itself each time."""
    Account.objects.create(username="olga", role="office")
    door = Door(tmp_path, bundle_path, mosquitto, protocol)
    enrolled(door.config, "s-1", "s-2", "s-3", "s-4", "s-5")
    trusting = RegisterSection(trust_on_first_use=True)
    config = msgspec.structs.replace(
        configured(mosquitto, database, protocol=protocol), register=trusting
    )
    chance = random.Random(SEED)
    with running(config):
        door.start()
        try:
            wait_until(lambda: Kiosk.objects.filter(health_signature="signed").exists())
            wait_until(withdraw("s-1"))
            door.kill()
            is_over = withdraw("s-2")
            door.start()
            wait_until(is_over)
            for subject_id in ("s-3", "s-4"):
                is_over = withdraw(subject_id)
                time.sleep(chance.uniform(0.0, 0.4))
                door.kill()
                door.start()
                wait_until(is_over)
            wait_until(lambda: not Publication.objects.filter(sent_at=None).exists())
        finally:
            door.kill()
    assert door.people() == {"s-5"}
    assert holding(door.config, "s-3") == holding(door.config, "s-4") == []
    log = door.log.read_text()
    assert not any(f"s-{number}" in log for number in range(1, 6))
    kept = mosquitto.listen("kiosk/v1/+/+/+/erasure")
    assert kept.heard.empty()
