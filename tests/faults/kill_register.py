"""Kill registers at random moments while events come in, and count what is lost or there twice.

Usage: python -m tests.faults.kill_register [--kills 200] [--instances 2] [--database postgresql]
"""

import argparse
import random
import time
from dataclasses import dataclass

from django.db import connection

from tests.faults.doors import Doors
from tests.faults.prepared import Place, add_database, prepared, query
from tests.faults.registers import RegisterProcess, subscribe_all

_DOORS = 20
_BURST = 25
_RECOVERY_S = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has shown.

    Attributes:
        kills: How often a register was killed.
        offered: How many events the kiosks have published.
        stored: How many different events the database holds.
        rows: How many rows it has for them.
        alarms: How many integrity alarms there are.
        false_confirmations: How many numbers were confirmed and not stored at a kill.
        recovery_s: Time from the last kill until everything was confirmed, seconds.
    """

    kills: int
    offered: int
    stored: int
    rows: int
    alarms: int
    false_confirmations: int
    recovery_s: float


def kill_at_random(place: Place, *, kills: int, instances: int) -> Outcome:
    """Publish events for as long as registers are killed and started; then wait for the rest.

    Args:
        place: With a broker that keeps everything while the registers are away.
        kills: How often one of them is killed.
        instances: How many there are.
    """
    registers = [
        RegisterProcess(place.folder, f"r{i}", place.broker, place.database)
        for i in range(instances)
    ]
    subscribe_all(registers, place.broker)
    doors = Doors(place.broker.address, _DOORS)
    chance = random.Random(0)
    for register in registers:
        register.start()
    false_confirmations = 0
    for _ in range(kills):
        until_s = time.monotonic() + chance.uniform(0.2, 2.5)
        while time.monotonic() < until_s:
            doors.publish(_BURST)
        victim = chance.choice(registers)
        victim.kill()
        false_confirmations += _false_confirmations(doors)
        victim.start()
    began_s = time.monotonic()
    while doors.waiting and time.monotonic() < began_s + _RECOVERY_S:
        time.sleep(0.1)
    recovery_s = time.monotonic() - began_s
    for register in registers:
        register.stop()
    doors.close()
    rows, stored, alarms = query(
        "SELECT count(*), count(DISTINCT event_id), (SELECT count(*) FROM register_alarm) "
        "FROM register_event"
    )[0]
    connection.close()
    return Outcome(kills, doors.offered, stored, rows, alarms, false_confirmations, recovery_s)


def _false_confirmations(doors: Doors) -> int:
    """Return how many confirmed numbers are not in the database."""
    confirmed = dict(doors.confirmed)  # first: what is confirmed later may be stored later
    stored: dict[str, int] = dict(
        query("SELECT outbox_id, count(*) FROM register_event GROUP BY outbox_id")
    )
    return sum(max(0, number - stored.get(outbox_id, 0)) for outbox_id, number in confirmed.items())


def main() -> None:
    """Run from the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--instances", type=int, default=1)
    add_database(parser)
    options = parser.parse_args()
    with prepared(options.database, is_patient=True) as place:
        outcome = kill_at_random(place, kills=options.kills, instances=options.instances)
    print("fault                    times  offered  lost  twice  falsely confirmed  recovered in")  # noqa: T201
    print(  # noqa: T201
        f"kill -9, {options.instances} on {options.database:<10}  {outcome.kills:5}"
        f"  {outcome.offered:7}  {outcome.offered - outcome.stored:4}"
        f"  {outcome.rows - outcome.stored:5}  {outcome.false_confirmations:17}"
        f"  {outcome.recovery_s:10.1f} s"
    )


if __name__ == "__main__":
    main()
