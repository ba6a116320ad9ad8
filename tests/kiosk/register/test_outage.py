"""The database is away while events come in."""

import sqlite3
import time
from pathlib import Path

import pytest
from django.db import connection

from kiosk.protocol.event import encode
from kiosk.register.config import DatabaseSection, IngestSection, RegisterConfig
from kiosk.register.database import SQLITE_OPTIONS, migrate, use_database
from kiosk.register.models import Event
from tests.kiosk.register.ingest.test_loop import configured, confirmed, kiosk_of, running
from tests.kiosk.register.support import DOOR, event
from tests.mosquitto import Mosquitto
from tests.postgresql import PostgreSQL

pytestmark = pytest.mark.slow


def impatient(broker: Mosquitto, database: DatabaseSection) -> RegisterConfig:
    config = configured(broker, database)
    return RegisterConfig(
        mqtt=config.mqtt, database=database, ingest=IngestSection(retry_max_s=0.5)
    )


def test_nothing_is_lost_while_postgresql_is_away(
    mosquitto: Mosquitto, postgresql: PostgreSQL, caplog: pytest.LogCaptureFixture
) -> None:
    """The server is cut off in mid-work; what came meanwhile is stored after it is back."""
    section = DatabaseSection(url=postgresql.database())
    use_database(section)
    migrate()
    kiosk = kiosk_of(mosquitto)
    with running(impatient(mosquitto, section)):
        confirmed(kiosk, 0)
        for number in range(1, 101):
            kiosk.client.publish(DOOR.topic("attendance"), encode(event(number)), qos=1)
            if number == 50:
                postgresql.stop()
        time.sleep(1)
        postgresql.start()
        confirmed(kiosk, 100)
        connection.close()
        assert Event.objects.count() == 100
    lines = [one.message for one in caplog.records if "PostgreSQL" in one.message]
    assert sum("is away" in line for line in lines) == 1


def test_a_locked_sqlite_file_is_tried_again(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else holds the file for longer than SQLite waits; the events are stored after."""
    monkeypatch.setitem(SQLITE_OPTIONS, "timeout", 0.2)
    section = DatabaseSection(path=str(tmp_path / "register.sqlite3"))
    use_database(section)
    migrate()
    kiosk = kiosk_of(mosquitto)
    with running(impatient(mosquitto, section)):
        confirmed(kiosk, 0)
        other = sqlite3.connect(section.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        kiosk.client.publish(DOOR.topic("attendance"), encode(event(1)), qos=1)
        time.sleep(1)
        other.execute("ROLLBACK")
        other.close()
        confirmed(kiosk, 1)
    assert Event.objects.count() == 1
