"""Measure how fast the register stores what a broker has kept for it.

Usage: python -m tests.faults.rates [--events 20000] [--doors 500] [--database postgresql]
       [--without-marks]

The broker first gets all events while the register is away; so the kiosks do not compete with it
for the processor. The time runs from its first to its last commit. It fails if the register does
not confirm every event, or does not place it afterwards.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import connection

from tests.faults.doors import Doors
from tests.faults.prepared import Place, add_database, prepared, query
from tests.faults.registers import RegisterProcess, subscribe_all

_PIECE: Final = 500
_POLL_S: Final = 0.05
_PATIENCE_S: Final = 300.0
_STORED: Final = "SELECT coalesce(max(id), 0) FROM register_event"
_PLACED: Final = "SELECT count(*) FROM register_event WHERE NOT (\"placing\" = 'new')"


@dataclass(frozen=True, slots=True)
class Rate:
    """What was measured.

    Attributes:
        events_per_s: From the first to the last commit.
        ingest_us: Processor time of the thread that stores and confirms, for each event,
            microseconds.
        cpu_us: Processor time of the whole register for each event until all are placed,
            microseconds.
        placed_s: Time from the last commit until every event is placed, seconds.
        load: Processes that were ready to run on this machine, mean of a minute.
    """

    events_per_s: float
    ingest_us: float
    cpu_us: float
    placed_s: float
    load: float


def measure(place: Place, *, events: int, doors: int, with_marks: bool) -> Rate:
    """Fill the broker, then let a register empty it.

    Raises:
        TimeoutError: It does not store, confirm or place everything.
    """
    register = RegisterProcess(
        place.folder, "r0", place.broker, place.database, with_marks=with_marks
    )
    subscribe_all([register], place.broker)
    kiosks = Doors(place.broker.address, doors)
    for start in range(0, events, _PIECE):
        kiosks.publish(min(_PIECE, events - start))
    register.start()
    try:
        first = _wait_for("stored at all", 1, lambda: _number(_STORED), register)
        began_s, ingest_s, cpu_s = time.monotonic(), _ingest_s(register), _cpu_s(register)
        stored = _wait_for("stored", events, lambda: _number(_STORED), register) - first
        took_s = time.monotonic() - began_s
        ingest_s = _ingest_s(register) - ingest_s
        _wait_for("confirmed", events, lambda: events - kiosks.waiting, register)
        if with_marks:
            _wait_for("placed", events, lambda: _number(_PLACED), register)
        placed_s = time.monotonic() - began_s - took_s
        cpu_s = _cpu_s(register) - cpu_s
    finally:
        register.stop()
        kiosks.close()
        connection.close()
    return Rate(
        stored / took_s,
        ingest_s / stored * 1e6,
        cpu_s / stored * 1e6,
        placed_s,
        os.getloadavg()[0],
    )


def _wait_for(what: str, count: int, reached: Callable[[], int], register: RegisterProcess) -> int:
    """Wait until so many events are stored, confirmed or placed; return how many are."""
    until_s = time.monotonic() + _PATIENCE_S
    while (have := reached()) < count:
        if time.monotonic() > until_s:
            problem = f"{have} of {count} events are {what} after {_PATIENCE_S:.0f} s"
            raise TimeoutError(f"{problem}; {register.log.read_text()[-2000:]}")
        register.check()
        time.sleep(_POLL_S)
    return have


def _number(statement: str) -> int:
    return int(query(statement)[0][0])


def _cpu_s(register: RegisterProcess) -> float:
    """Return the processor time that a process has used, seconds."""
    return _used_s(Path(f"/proc/{register.pid}/stat"))


def _ingest_s(register: RegisterProcess) -> float:
    """Return the processor time of its first thread, seconds."""
    return _used_s(Path(f"/proc/{register.pid}/task/{register.pid}/stat"))


def _used_s(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run from the command line and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.rates", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--doors", type=int, default=500)
    parser.add_argument("--without-marks", action="store_true", help="run no marker")
    add_database(parser)
    options = parser.parse_args()
    with prepared(options.database, is_patient=True, is_durable=True) as place:
        rate = measure(
            place,
            events=options.events,
            doors=options.doors,
            with_marks=not options.without_marks,
        )
    print(  # noqa: T201
        f"{options.database}, {options.doors} doors: {rate.events_per_s:.0f} events/s, "
        f"{rate.ingest_us:.0f} us of processor time to store one, {rate.cpu_us:.0f} us in all, "
        f"all placed {rate.placed_s:.1f} s after the last commit, load {rate.load:.1f}"
    )


if __name__ == "__main__":
    main()
