"""Measure how soon an event becomes a mark while a district's students come in.

Usage: python -m tests.faults.wave [--seconds 20] [--rate 67] [--database postgresql]

The age of the oldest event that is not placed yet is read ten times a second. The mark is written
in the transaction that places its event.
"""

import argparse
import os
import time
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final

from django.db import connection

from kiosk.register.database import migrate
from tests.faults.doors import TIME, Doors
from tests.faults.prepared import Place, add_database, prepared, query
from tests.faults.registers import RegisterProcess, subscribe_all

_DOORS: Final = 20
_INTERVAL_S: Final = 0.1
_PATIENCE_S: Final = 30.0
_OLDEST: Final = """SELECT min(arrived_at) FROM register_event WHERE "placing" = 'new'"""
_MARKS: Final = "SELECT count(*) FROM register_mark"


def measure(place: Place, seconds: float, rate: float) -> list[float]:
    """Publish events at a steady rate; return the ages of the oldest without a mark, seconds.

    Raises:
        TimeoutError: An event has not become a mark.
    """
    passes = round(seconds * rate / _DOORS)
    _make_lessons(passes)
    register = RegisterProcess(place.folder, "r0", place.broker, place.database)
    subscribe_all([register], place.broker)
    doors = Doors(place.broker.address, _DOORS)
    register.start()
    ages: list[float] = []
    began_s = time.monotonic()
    try:
        while doors.offered < passes * _DOORS:
            due = round((time.monotonic() - began_s) * rate)
            doors.publish(min(due, passes * _DOORS) - doors.offered)
            ages.append(_age_s())
            time.sleep(_INTERVAL_S)
        until_s = time.monotonic() + _PATIENCE_S
        while (marks := query(_MARKS)[0][0]) < doors.offered:
            if time.monotonic() > until_s:
                raise TimeoutError(f"{doors.offered} events, and {marks} marks")
            time.sleep(_INTERVAL_S)
    finally:
        register.stop()
        doors.close()
        connection.close()
    return ages


def _age_s() -> float:
    (oldest,) = query(_OLDEST)[0]
    if oldest is None:
        return 0.0
    # SQLite gives text, in UTC.
    at: datetime = (
        datetime.fromisoformat(oldest).replace(tzinfo=UTC) if isinstance(oldest, str) else oldest
    )
    return (datetime.now(UTC) - at).total_seconds()


def _make_lessons(students: int) -> None:
    """Make a lesson at each door; the same students are expected in all of them."""
    migrate()
    # The models need the database to be chosen.
    from kiosk.register import models

    begin = datetime.fromisoformat(TIME)
    people = [models.Person(subject_id=f"s-{i:04d}", name="") for i in range(1, students + 1)]
    models.Person.objects.bulk_create(people)
    for i in range(_DOORS):
        one = models.SchoolClass.objects.create(class_id=f"{i}", title=f"{i}", site="school")
        models.Membership.objects.bulk_create(
            models.Membership(person=person, school_class=one) for person in people
        )
        models.Lesson.objects.create(
            lesson_id=f"{i}", school_class=one, site="school", room=f"room-{i}", title=f"{i}",
            date=begin.date(), starts_at=begin, ends_at=begin + timedelta(minutes=45),
        )  # fmt: skip
    connection.close()


def main() -> None:
    """Run from the command line and print a line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.wave", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=67.0, help="events a second")
    add_database(parser)
    options = parser.parse_args()
    with prepared(options.database, is_patient=True, is_durable=True) as place:
        ages = measure(place, options.seconds, options.rate)
    print(  # noqa: T201
        f"{options.database}, {options.rate:.0f} events/s: the oldest event without a mark is "
        f"{median(ages):.2f} s old (median), at most {max(ages):.2f} s, "
        f"load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
