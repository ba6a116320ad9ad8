"""Measure how fast the register stores what a broker has kept for it.

Usage: python -m tests.faults.rates [--events 20000] [--doors 500] [--database postgresql]

The broker first gets all events while the register is away; so the kiosks do not compete with it
for the processor. The time runs from its first to its last commit.
"""

import argparse
import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from kiosk.register.config import DatabaseSection
from kiosk.register.database import use_database
from tests.faults.doors import Doors
from tests.faults.kill_register import keep_everything
from tests.faults.registers import RegisterProcess, subscribe_all
from tests.mosquitto import Mosquitto
from tests.postgresql import running_postgresql

_PIECE = 500
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Rate:
    """What was measured.

    Attributes:
        events_per_s: From the first to the last commit.
        cpu_us: Processor time of the register for each event, microseconds.
        load: Processes that were ready to run on this machine, mean of a minute.
    """

    events_per_s: float
    cpu_us: float
    load: float


def measure(
    folder: Path, broker: Mosquitto, database: DatabaseSection, *, events: int, doors: int
) -> Rate:
    """Fill the broker, then let a register empty it."""
    register = RegisterProcess(folder, "r0", broker, database)
    subscribe_all([register], broker)
    use_database(database)
    kiosks = Doors(broker.address, doors)
    for start in range(0, events, _PIECE):
        kiosks.publish(min(_PIECE, events - start))
    kiosks.close()
    register.start()
    first = _wait_for(1)
    began_s, cpu_s = time.monotonic(), _cpu_s(register)
    stored = _wait_for(events) - first
    took_s = time.monotonic() - began_s
    used_s = _cpu_s(register) - cpu_s
    register.stop()
    connection.close()
    return Rate(stored / took_s, used_s / stored * 1e6, os.getloadavg()[0])


def _wait_for(events: int) -> int:
    """Wait until so many events are stored; return how many are."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(id), 0) FROM register_event")
            (stored,) = cursor.fetchone()
        if stored >= events:
            return int(stored)
        time.sleep(_POLL_S)


def _cpu_s(register: RegisterProcess) -> float:
    """Return the processor time that a process has used, seconds."""
    fields = Path(f"/proc/{register.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run from the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--doors", type=int, default=500)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kiosk-rates-")))
        broker = Mosquitto(folder)
        keep_everything(broker)
        broker.start()
        stack.callback(broker.close)
        if options.database == "sqlite":
            database = DatabaseSection(path=str(folder / "register.sqlite3"))
        else:
            server = stack.enter_context(running_postgresql(is_durable=True))
            database = DatabaseSection(url=server.database())
        rate = measure(folder, broker, database, events=options.events, doors=options.doors)
    print(  # noqa: T201
        f"{options.database}, {options.doors} doors: {rate.events_per_s:.0f} events/s, "
        f"{rate.cpu_us:.0f} us of processor time each, load {rate.load:.1f}"
    )


if __name__ == "__main__":
    main()
