"""Let a district's students come in, and measure how soon open pages show each of them.

Usage: python -m tests.scale [--kiosks 500] [--students 20000] [--classes 800] [--pages 200]
       [--processes 1] [--seconds 300] [--days 10] [--database postgresql] [--json]

Broker, register, pages and visitors are processes of their own on this machine. From the moment
before an event is published until the first answer with the student's mark has been read, it is on
its way. A page is fetched as htmx does it: after each event of its stream, one request at a time.
"""

import argparse
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from kiosk.register.among import as_utc
from kiosk.register.config import DatabaseSection, RegisterConfig
from tests.faults.prepared import Place, add_database, prepared, query
from tests.scale.crowd import Crowd
from tests.scale.district import Size, fill, lesson_id, make_accounts, subject
from tests.scale.processes import Program, write_config
from tests.scale.result import Result, Times, table, times_of

_PATIENCE_S: Final = 120.0
_POLL_S: Final = 0.5
_QUIET_S: Final = 3.0
_LAST_S: Final = 20.0
"""So long the pages have for the last update; what is shown later counts as not shown."""
_WAITING: Final = "SELECT count(*) FROM register_event WHERE \"placing\" = 'new'"
_MARKED: Final = "SELECT count(*) FROM register_mark WHERE event_id IS NOT NULL"
_ON_THE_WAY: Final = (
    "SELECT subject_id, arrived_at, updated_at FROM register_mark "
    "JOIN register_event ON register_event.id = register_mark.event_id"
)


def measure(
    place: Place,
    size: Size,
    pages: int,
    seconds: float,
    *,
    processes: int = 1,
    last_s: float = _LAST_S,
) -> Result:
    """Fill the database, open the pages, and let everybody come in.

    Raises:
        TimeoutError: An event has not become a mark, or the pages do not answer.
    """
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    fill(size, begin)
    _configure(place.database)
    office, teachers = make_accounts(pages)
    config, port = write_config(place.folder, place.broker, place.database, processes)
    with (
        _running(place.folder / "register.log", "kiosk", "register", "--config", str(config)) as (
            register
        ),
        _running(
            place.folder / "pages.log", "kiosk", "register", "--config", str(config), "pages"
        ) as server,
    ):
        _wait_for_port(port)
        crowd = Crowd(place.broker.address, size)
        crowd.report_some(size.kiosks)
        plan, result = place.folder / "plan.json", place.folder / "result.json"
        plan.write_text(json.dumps(_plan(port, office, teachers)))
        with _running(
            place.folder / "visitors.log", "tests.scale.visitors", str(plan), str(result)
        ):
            time.sleep(_QUIET_S + pages / 20)
            programs = {"register": register, "pages": server}
            before = {name: one.cpu_s for name, one in programs.items()}
            began_s = time.monotonic()
            crowd.come_in(seconds)
            lasted_s = time.monotonic() - began_s
            settled_s = _settle(crowd.offered)
            time.sleep(last_s)
            used = {name: one.cpu_s - before[name] for name, one in programs.items()}
            memory = {name: one.memory_mib for name, one in programs.items()}
        crowd.close()
    found = json.loads(result.read_text())
    watched = [subject(i) for room in range(pages) for i in size.of_room(room)]
    watched = [one for one in watched if one in crowd.sent]
    late = [found["seen"][one] - crowd.sent[one] for one in watched if one in found["seen"]]
    return Result(
        size,
        (seconds, lasted_s),
        int(query(_MARKED)[0][0]),
        times_of(late),
        _stages(crowd.sent, found["seen"]),
        len(watched) - len(late),
        {what: times_of(one) for what, one in sorted(found["took"].items())},
        found["failed"],
        memory,
        used,
        settled_s,
        os.getloadavg()[0],
    )


def _stages(sent: dict[str, float], seen: dict[str, float]) -> dict[str, Times]:
    """Return how long the events of those who were shown took from stage to stage."""
    stages: dict[str, list[float]] = {"arrives": [], "is marked": [], "is shown": []}
    for subject_id, *moments in query(_ON_THE_WAY):
        if subject_id in seen:
            arrived_s, marked_s = (_seconds(one) for one in moments)
            times = (sent[subject_id], arrived_s, marked_s, seen[subject_id])
            for name, begin_s, end_s in zip(stages, times[:-1], times[1:], strict=True):
                stages[name].append(end_s - begin_s)
    return {name: times_of(one) for name, one in stages.items()}


def _seconds(moment: Any) -> float:  # noqa: ANN401 - as the database has it
    found = as_utc(moment)
    assert found is not None
    return found.timestamp()


def _configure(database: DatabaseSection) -> None:
    """Let this process make sessions that the pages accept."""
    # The models need the database to be chosen.
    from kiosk.register.web.application import build_application

    build_application(RegisterConfig(database=database))


@contextmanager
def _running(log: Path, *arguments: str) -> Iterator[Program]:
    program = Program(log, *arguments)
    try:
        yield program
    finally:
        program.stop()


def _plan(port: int, office: str, teachers: list[str]) -> dict[str, Any]:
    """Return which pages are opened by whom."""
    today = {
        "the teacher's lessons of today": "/now",
        "a student": f"/students/{subject(0)}/lessons",
    }
    for_office = {
        "all lessons of today": "/now",
        "all classes": "/classes",
        "a class by days": "/classes/c-0/days",
        "exports of a class": "/exports?class=c-0",
        "a class as CSV": "/exports/marks?class=c-0",
        "registers not taken": "/registers",
        "kiosks": "/kiosks",
        "bin": "/bin",
    }
    return {
        "host": "127.0.0.1",
        "port": port,
        "pages": [
            (f"/lessons/{lesson_id(room)}/now", session) for room, session in enumerate(teachers)
        ],
        "probes": [(today, teachers[0]), (for_office, office)],
    }


def _wait_for_port(port: int) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(_POLL_S)
    raise TimeoutError(f"no pages at port {port}")


def _settle(count: int) -> float:
    """Wait until every event has become a mark; return the time that it took, seconds."""
    began_s = time.monotonic()
    while int(query(_MARKED)[0][0]) < count:
        if time.monotonic() - began_s > _PATIENCE_S:
            raise TimeoutError(
                f"{query(_MARKED)[0][0]} marks of {count}, {query(_WAITING)[0][0]} events wait"
            )
        time.sleep(_POLL_S)
    return time.monotonic() - began_s


def main() -> None:
    """Run from the command line and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("--kiosks", type=int, default=500)
    parser.add_argument("--students", type=int, default=20_000)
    parser.add_argument("--classes", type=int, default=800)
    parser.add_argument("--pages", type=int, default=200, help="open pages of classes")
    parser.add_argument("--processes", type=int, default=1, help="processes that serve the pages")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long the wave lasts")
    parser.add_argument("--days", type=int, default=10, help="days of the past with marks")
    parser.add_argument("--json", action="store_true")
    add_database(parser)
    options = parser.parse_args()
    size = Size(options.kiosks, options.students, options.classes, options.days)
    with prepared(options.database, is_patient=True, is_durable=True) as place:
        result = measure(place, size, options.pages, options.seconds, processes=options.processes)
    print(json.dumps(asdict(result)) if options.json else table(options.database, result))


if __name__ == "__main__":
    main()
