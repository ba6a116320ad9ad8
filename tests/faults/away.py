"""Publish events while the register is away and the broker drops most of them; count what is lost.

Usage: python -m tests.faults.away [--events 50000] [--doors 20]
"""

import argparse
import time
from dataclasses import dataclass

from django.db import connection

from tests.faults.doors import Doors
from tests.faults.prepared import Place, add_database, prepared, query
from tests.faults.registers import RegisterProcess, subscribe_all

_PIECE = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has shown.

    Attributes:
        offered: How many events the kiosks have published.
        replayed: How many they have sent again.
        stored: How many different events the database holds.
        rows: How many rows it has for them.
        recovery_s: Time from the register's start until everything was confirmed, seconds.
    """

    offered: int
    replayed: int
    stored: int
    rows: int
    recovery_s: float


def register_away(place: Place, *, events: int, doors: int, patience_s: float) -> Outcome:
    """Publish while the register is away, then start it and wait until it has everything.

    Args:
        place: Where.
        events: How many events are published.
        doors: By how many kiosks.
        patience_s: How long to wait for the register, seconds.
    """
    register = RegisterProcess(place.folder, "r0", place.broker, place.database)
    subscribe_all([register], place.broker)
    kiosks = Doors(place.broker.address, doors)
    for start in range(0, events, _PIECE):
        kiosks.publish(min(_PIECE, events - start))
    kiosks.report()
    began_s = time.monotonic()
    register.start()
    while kiosks.waiting and time.monotonic() < began_s + patience_s:
        time.sleep(0.1)
    recovery_s = time.monotonic() - began_s
    register.stop()
    kiosks.close()
    rows, stored = query("SELECT count(*), count(DISTINCT event_id) FROM register_event")[0]
    connection.close()
    return Outcome(kiosks.offered, kiosks.replayed, stored, rows, recovery_s)


def main() -> None:
    """Run from the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--doors", type=int, default=20)
    add_database(parser)
    options = parser.parse_args()
    with prepared(options.database, is_patient=False) as place:
        outcome = register_away(place, events=options.events, doors=options.doors, patience_s=1_800)
    print("fault          offered  replayed  lost  twice  recovered in")  # noqa: T201
    print(  # noqa: T201
        f"register away  {outcome.offered:7}  {outcome.replayed:8}"
        f"  {outcome.offered - outcome.stored:4}  {outcome.rows - outcome.stored:5}"
        f"  {outcome.recovery_s:10.1f} s"
    )


if __name__ == "__main__":
    main()
