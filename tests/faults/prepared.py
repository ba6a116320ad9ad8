"""What the commands with simulated kiosks begin with: a folder, a broker, an empty database."""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connection

from kiosk.register.config import DatabaseSection
from kiosk.register.database import migrate, use_database
from tests.mosquitto import Mosquitto
from tests.postgresql import running_postgresql


@dataclass(frozen=True, slots=True)
class Place:
    """Where something happens.

    Attributes:
        folder: An empty folder.
        broker: A broker that runs.
        database: An empty database.
    """

    folder: Path
    broker: Mosquitto
    database: DatabaseSection


@contextmanager
def prepared(database: str, *, is_patient: bool, is_durable: bool = False) -> Iterator[Place]:
    """Start a broker, and make a database.

    Args:
        database: "sqlite" or "postgresql".
        is_patient: The broker keeps all messages for a register that is away; otherwise 1,000.
        is_durable: PostgreSQL writes to the disk at each commit.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kiosk-faults-")))
        broker = Mosquitto(folder)
        if is_patient:
            keep_everything(broker)
        broker.start()
        stack.callback(broker.close)
        section = DatabaseSection(path=str(folder / "register.sqlite3"))
        if database == "postgresql":
            server = stack.enter_context(running_postgresql(is_durable=is_durable))
            section = DatabaseSection(url=server.database())
        use_database(section)
        yield Place(folder, broker, section)


def make_tables(database: DatabaseSection) -> None:
    """Make a SQLite database with tables and nothing else, faster than a register does."""
    if not database.url:
        Path(database.path).write_bytes(_empty_database())


@cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory(prefix="kiosk-faults-") as folder:
        path = Path(folder) / "register.sqlite3"
        use_database(DatabaseSection(path=str(path)))
        migrate()
        connection.close()
        return path.read_bytes()


def keep_everything(broker: Mosquitto) -> None:
    """Let the broker keep all messages for a register that is away, from the next start on."""
    broker.configure("allow_anonymous true", "max_queued_messages 0", "max_inflight_messages 1000")


def add_database(parser: argparse.ArgumentParser) -> None:
    """Add the option that chooses a database."""
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")


def query(statement: str) -> list[tuple[Any, ...]]:
    """Read the register's database."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())
