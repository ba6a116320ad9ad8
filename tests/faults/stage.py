"""A broker, a kiosk and a register, and the count of what went from one end to the other."""

import math
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from kiosk.register.among import as_utc
from kiosk.register.config import DatabaseSection
from tests.faults.count import Count, StoredEvent, compare
from tests.faults.kiosk_process import WEEK_S, KioskProcess
from tests.faults.prepared import make_tables
from tests.faults.registers import RegisterProcess, subscribe_all
from tests.kiosk.mqtt.proxy import Proxy
from tests.mosquitto import Mosquitto
from tests.postgresql import PostgreSQL

_POLL_S: Final = 0.2
_EVENTS: Final = """SELECT subject_id, sequence, event_id, payload,
    coalesce(corrected_at, scanned_at), arrived_at FROM register_event WHERE subject_id <> ''"""
"""All but those that correct the time of another."""


class NotPossibleError(Exception):
    """This machine cannot make the fault happen."""


class Stage:
    """The parts, of which only the broker runs at first.

    Mosquitto is configured as Debian does it: it saves its state when it ends, and every 30
    minutes.

    Args:
        folder: Where all files are.
        database: The register's database.
        protocol: Version of MQTT that the kiosk speaks.
        scale: Factor of all counts.
        wait_s: What is 60 s in a school (:mod:`tests.faults.kiosk_child`).
        kept_s: What is a week in a school (there, too).
        server: The server of the database, if there is one.

    Attributes:
        broker: The broker.
        proxy: Between kiosk and broker.
        kiosk: The kiosk.
        register: The register.
        folder: Where all files are.
        chance: For random moments.
        wait_s: What is 60 s in a school.
        server: The server of the database, if there is one.
        beside: What was counted beside events.
        at_end: What is closed after kiosk and register.
    """

    def __init__(
        self,
        folder: Path,
        database: DatabaseSection,
        *,
        protocol: str,
        scale: float,
        wait_s: float,
        kept_s: float = WEEK_S,
        server: PostgreSQL | None = None,
    ) -> None:
        self.folder = folder
        self.server = server
        self.beside = Count(0, 0, 0)
        self.at_end = ExitStack()
        self.wait_s = wait_s
        self.chance = random.Random(0)
        self._scale = scale
        self._database = database
        make_tables(database)
        (folder / "broker").mkdir()
        self.broker = Mosquitto(folder / "broker")
        self.configure("allow_anonymous true", f"max_queued_messages {self.many(1000)}")
        self.broker.start()
        self.proxy = Proxy(self.broker.address)
        self.kiosk = KioskProcess(
            folder, self.proxy.port, protocol=protocol, wait_s=wait_s, kept_s=kept_s
        )
        self.register = RegisterProcess(folder, "register", self.broker, database)

    def many(self, count: int) -> int:
        """Return a count for this run."""
        return max(1, round(count * self._scale))

    def configure(self, *options: str) -> None:
        """Replace the broker's options but for those of its state."""
        state = "persistence true", f"persistence_location {self.broker.folder}/"
        self.broker.configure(*options, *state)

    def subscribe_register(self) -> None:
        """Let the broker keep messages for the register, which does not run afterwards."""
        subscribe_all([self.register], self.broker)

    def start(self) -> None:
        """Start kiosk and register, the register first."""
        self.subscribe_register()
        self.register.start()
        self.kiosk.start()

    def settle(self, patience_s: float) -> float:
        """Wait until the register has everything and the kiosk keeps nothing.

        Returns:
            The time that it took, seconds; not a number if it takes longer than is waited.
        """
        began_s = time.monotonic()
        while time.monotonic() < began_s + patience_s:
            if self.kiosk.state() == (0, 0) and self._is_complete():
                return time.monotonic() - began_s
            time.sleep(_POLL_S)
        return math.nan

    def close(self) -> None:
        self.kiosk.kill()
        self.register.kill()
        self.at_end.close()
        self.proxy.__exit__()
        self.broker.close()

    def count(self) -> Count:
        """Compare the ledger with the database."""
        events = compare(
            self.kiosk.ledger.read_text().splitlines(),
            [_event(*row) for row in self._query(_EVENTS)],
            alarms=self._number("SELECT count(*) FROM register_alarm"),
            in_bin=self._number("SELECT count(*) FROM register_binentry"),
            said=self._gone(),
        )
        return events.plus(self.beside)

    def _is_complete(self) -> bool:
        return self._stored() + self._gone() >= self._committed()

    def _gone(self) -> int:
        """Count the numbers that the kiosk has said to be lost."""
        return self._number("SELECT coalesce(sum(last - first + 1), 0) FROM register_gap")

    def _committed(self) -> int:
        return len(self.kiosk.ledger.read_text().splitlines())

    def _stored(self) -> int:
        return self._number("SELECT count(*) FROM register_event WHERE subject_id <> ''")

    def _number(self, statement: str) -> int:
        rows = self._query(statement)
        return int(rows[0][0]) if rows else 0

    def _query(self, statement: str) -> list[tuple[Any, ...]]:
        """Read the register's database; nothing before the register has made its tables."""
        try:
            with closing(self._connect()) as connection:
                return list(connection.execute(statement).fetchall())
        except (sqlite3.OperationalError, psycopg.OperationalError, psycopg.errors.UndefinedTable):
            return []

    @property
    def _connect(self) -> Callable[[], Any]:
        if self._database.url:
            return lambda: psycopg.connect(self._database.url)
        return lambda: sqlite3.connect(f"file:{self._database.path}?mode=ro", uri=True)


def _event(
    subject_id: str,
    sequence: int,
    event_id: str,
    payload: bytes,
    *times: datetime | str,  # when it was, and when it arrived
) -> StoredEvent:
    was, arrived = (as_utc(one) for one in times)
    assert was is not None
    assert arrived is not None
    off_s = (arrived - was).total_seconds()
    return StoredEvent(subject_id, sequence, event_id, bytes(payload), off_s)
