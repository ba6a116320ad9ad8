"""A kiosk without camera and model: people who pass are stored and sent as `kiosk run` does it.

Usage: python -m tests.faults.kiosk_child CONFIG LEDGER WAIT_S KEPT_S

Orders come on standard input, one a line; each is answered with one line: ``offer COUNT RATE``
(people who pass, so many a second; 0: as fast as can be), ``again COUNT`` (the first people pass
again in the same lesson), ``anew COUNT`` (so they do, and must be recorded again) and ``state``
(how many events the outbox keeps, and how many wait in memory). The end of the input ends the
process in order.

The ledger gets one line for each person whose event is committed, written to the disk (fsync)
after the commit: subject, number, event id, SHA-256 of the payload; the subject alone if the time
may still be changed. Somebody who had to be recorded and is not has a line that fits no event. If
the process ends between the two, the person passes again at the next start; the outbox must then
know the person.
"""

import hashlib
import logging
import os
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Final
from unittest import mock

from kiosk.clock import Clock
from kiosk.config.keys import load_config
from kiosk.daemon.health.report import HealthReporter, Vitals
from kiosk.daemon.recorder import Recorder
from kiosk.daemon.redating import Redater
from kiosk.daemon.results import Postponed, Stored
from kiosk.daemon.times.steady_clock import SteadyClock, steady_clock
from kiosk.errors import OutboxError
from kiosk.mqtt.client import read_password
from kiosk.mqtt.publisher import Publisher, kiosk_connection
from kiosk.mqtt.register_link import RegisterLink
from kiosk.mqtt.worker import ConnectionWorker
from kiosk.outbox.outbox import Outbox
from kiosk.protocol.availability import Availability
from kiosk.protocol.event import encode
from kiosk.protocol.topics import KioskAddress
from kiosk.records import Decision, Verdict
from tests.faults.wrong_clock import WrongClock

_STOP_S: Final = 5.0


class Ledger:
    """The people whose events are committed.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        path.touch()
        self.count = len(path.read_text().splitlines())
        self._file = path.open("a")

    def add(self, subject_id: str, facts: str = "- - -") -> None:
        self._file.write(f"{subject_id} {facts}\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.count += 1


class Door:
    """People who pass, with a number each.

    Args:
        recorder: Stores their events.
        ledger: The people so far.
    """

    def __init__(self, recorder: Recorder, ledger: Ledger) -> None:
        self._recorder = recorder
        self._ledger = ledger
        self._postponed: list[str] = []

    def offer(self, count: int, rate: float) -> None:
        """Let people pass who have not passed before."""
        began_s = time.monotonic()
        for i in range(count):
            if rate:
                time.sleep(max(0.0, began_s + i / rate - time.monotonic()))
            number = self._ledger.count + len(self._postponed) + 1
            self._pass(_subject(number), is_known=True)

    def again(self, count: int) -> None:
        """Let the first people pass again; the register shows if an event comes of it."""
        for number in range(1, count + 1):
            self._recorder.store(_decision(_subject(number)))

    def anew(self, count: int) -> None:
        """Let the first people pass again, of whom an event must come."""
        for number in range(1, count + 1):
            self._pass(_subject(number), is_known=False)

    def retry(self) -> None:
        self._recorder.retry(time.monotonic())
        if not self._recorder.backlog:
            for subject_id in self._postponed:
                self._ledger.add(subject_id)
            self._postponed = []

    def _pass(self, subject_id: str, *, is_known: bool) -> None:
        result = self._recorder.store(_decision(subject_id))
        if isinstance(result, Postponed):
            self._postponed.append(subject_id)
        elif isinstance(result, Stored):
            event = result.event
            if event.clock != "synchronised":
                self._ledger.add(subject_id)
                return
            digest = hashlib.sha256(encode(event)).hexdigest()
            self._ledger.add(subject_id, f"{event.sequence} {event.event_id} {digest}")
        else:  # stored in the moment before a kill
            self._ledger.add(subject_id, "- - -" if is_known else "none")


def _subject(number: int) -> str:
    return f"s-{number:06d}"


def _decision(subject_id: str) -> Decision:
    return Decision(Verdict.KNOWN, subject_id, 0.3, 0.4, 0.1, 3, 3, 0.8)


def run(config_file: Path, ledger: Ledger, wait_s: float, orders: IO[str]) -> None:
    """Build the parts as `kiosk.daemon.wiring` does, and obey.

    Args:
        config_file: The kiosk's configuration.
        ledger: The people so far.
        wait_s: What is 60 s in a school: until a refused event is sent again, until an
            acknowledgement is missed, between two health messages; and what is 10 minutes, until
            a clock that was set is believed.
        orders: The orders.
    """
    config = load_config(config_file)
    system = WrongClock(config_file.with_name("clock.json"))
    address = KioskAddress.of(config.kiosk)
    outbox, clock = _opened(config.outbox_path, system)
    with outbox:
        connection = kiosk_connection(
            config.mqtt,
            address,
            Availability(state="online", boot_id=clock.boot_id(), version="0"),
            password=read_password(config.mqtt),
            retry_s=(1.0, wait_s),
            answer_s=wait_s,
        )
        publisher = Publisher(connection, outbox, unix_s=lambda: round(time.time()), retry_s=wait_s)
        RegisterLink(
            connection,
            outbox,
            address,
            window=config.mqtt.inflight_max // 2,
            confirmed=publisher.trim_soon,
        )
        recorder = Recorder(outbox, clock, config, "none", publisher.notify)
        health = HealthReporter(
            connection, address, outbox, Vitals(), clock, "none", "0", config.directory
        )
        health.start()
        worker = ConnectionWorker(connection)
        worker.start()
        door = Door(recorder, ledger)
        redater = Redater(outbox)
        for line in orders:
            order, *numbers = line.split()
            if order == "offer":
                door.offer(int(numbers[0]), float(numbers[1]))
            elif order == "again":
                door.again(int(numbers[0]))
            elif order == "anew":
                door.anew(int(numbers[0]))
            door.retry()
            if redater.turn(recorder.make, recorder.session_at, clock.monotonic_s()):
                publisher.notify()
            worker.check()
            print(_kept(outbox), len(recorder.backlog), flush=True)  # noqa: T201
        worker.stop(_STOP_S)


def _opened(path: Path, system: Clock) -> tuple[Outbox, SteadyClock]:
    """Open the outbox, again where damage was found and mended, as `kiosk run` does."""
    while True:
        outbox = Outbox(path, busy_s=2.0)
        try:
            return outbox, steady_clock(system, outbox)
        except OutboxError:
            outbox.close()


def _kept(outbox: Outbox) -> int:
    """Count the events; again where damage was found and mended."""
    with suppress(OutboxError):
        return outbox.counts().kept
    return outbox.counts().kept


def main() -> None:
    """Run from the command line."""
    config_file, ledger, wait, kept = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with (
        mock.patch("kiosk.daemon.health.report._INTERVAL_S", float(wait)),
        mock.patch("kiosk.daemon.times.steady_clock.SETTLE_S", float(wait)),
        # A week, and an hour, in a school.
        mock.patch("kiosk.daemon.times.repeats.KEPT", timedelta(seconds=float(kept))),
        mock.patch("kiosk.daemon.times.repeats.EVERY_S", min(3600.0, float(kept) / 4)),
    ):
        run(Path(config_file), Ledger(Path(ledger)), float(wait), sys.stdin)


if __name__ == "__main__":
    main()
