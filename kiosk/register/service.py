"""The process of ``kiosk register``: build everything, run until a signal, end in order."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from django.db import connection as database

from kiosk.clock import Clock, SystemClock
from kiosk.errors import RegisterError
from kiosk.files.file_lock import file_lock
from kiosk.mqtt.client import read_password
from kiosk.mqtt.connection import Connection
from kiosk.register.config import RegisterConfig
from kiosk.register.database import AWAY, describe, explained, migrate, register_id
from kiosk.register.ingest.loop import Ingest
from kiosk.register.marking.worker import Marker
from kiosk.register.outage import DatabaseOutage

_log = logging.getLogger(__name__)

_CLOSE_S: Final = 5.0


def serve(config: RegisterConfig) -> int:
    """Run the register on the database in use until SIGTERM or SIGINT; return the exit code.

    Raises:
        ConfigError: The configuration of the broker cannot be used.
        InUseError: A register of this name runs with the same SQLite file.
        RegisterError: A newer version has made the tables, or the database is damaged.
        BrokerError: The network thread has ended.
    """
    with _only_register(config):
        return _serve(config)


@contextmanager
def _only_register(config: RegisterConfig) -> Iterator[None]:
    """Keep a second register of the same name from the broker, where both use one SQLite file.

    The lock is a file beside the database. Registers of several machines may share a PostgreSQL.
    """
    if database.vendor != "sqlite":
        yield
        return
    path, name = Path(database.settings_dict["NAME"]).resolve(), config.register.id
    with file_lock(
        path.with_name(f".lock-{path.name}-{name}"),
        "kiosk register run",
        busy=f"{path}: {{holder}} is running as {name} with this database; stop it first (the"
        " service: sudo systemctl stop kiosk-register)",
        error=RegisterError,
        owner_of=path.parent,
    ):
        yield


def _serve(config: RegisterConfig) -> int:
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    clock = SystemClock()
    with explained():  # what is left when the database is there, and damaged
        if _prepare(config, clock, stop):
            run(config, clock=clock, stop=stop)
    _log.info("stopped")
    return 0


def run(config: RegisterConfig, *, clock: Clock, stop: threading.Event) -> None:
    """Run the register on a database that is ready, until told to stop.

    Raises:
        ConfigError, BrokerError: As :func:`serve`.
    """
    connection = Connection(
        config.mqtt,
        config.client_id,
        password=read_password(config.mqtt),
        persistent=True,
        rival=f"another register uses the name {config.register.id}: set another register.id on one"
        " of them",
    )
    news, idle, marker_stop = threading.Event(), threading.Event(), threading.Event()
    ingest = Ingest(
        connection,
        config,
        register_id(),
        clock=clock,
        stop=stop,
        on_events=news.set,
        idle=idle,
    )
    marker = Marker(config, clock=clock, stop=marker_stop, news=news, ingest_is_idle=idle)
    thread = threading.Thread(target=marker.run, name="marker", daemon=True)
    _log.info("register %s stores in %s", config.register.id, describe())
    thread.start()
    try:
        ingest.run()
    finally:
        marker_stop.set()
        news.set()
        idle.set()
        thread.join(_CLOSE_S)
        connection.close(_CLOSE_S)
        database.close()


def _prepare(config: RegisterConfig, clock: Clock, stop: threading.Event) -> bool:
    """Bring the tables up to date as soon as the database is there; ``False`` if told to stop."""
    outage = DatabaseOutage(describe(), config.ingest.retry_max_s)
    while not stop.is_set():
        try:
            migrate()
        except AWAY as exc:
            wait_s = outage.failed(exc, clock.monotonic_s())
            database.close()
            clock.sleep(wait_s, stop)
        else:
            outage.succeeded(clock.monotonic_s())
            return True
    return False
