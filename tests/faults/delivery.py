"""Publish the events of a real kiosk while broker or register fail; count what the register lacks.

Usage: python -m tests.faults.delivery [--only WORD]
"""

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from kiosk.clock import SystemClock
from kiosk.config import MqttSection
from kiosk.daemon.health import HealthReporter, Vitals
from kiosk.mqtt.outbox import Outbox
from kiosk.mqtt.register_link import RegisterLink
from kiosk.protocol.event import AttendanceEvent, encode
from kiosk.register.config import DatabaseSection
from tests.faults.registers import RegisterProcess, subscribe_all
from tests.kiosk.mqtt.support import ADDRESS, KioskPublisher
from tests.kiosk.register.support import event, event_id
from tests.mosquitto import Mosquitto

Protocol = Literal["5", "3.1.1"]
_PATIENCE_S = 120.0


class Kiosk:
    """What `kiosk run` has between its recorder and the broker."""

    def __init__(self, folder: Path, broker: Mosquitto, protocol: Protocol) -> None:
        self.outbox = Outbox(folder / "outbox.sqlite3")
        mqtt = MqttSection(host=broker.host, port=broker.port, protocol=protocol)
        self._kiosk = KioskPublisher(mqtt, self.outbox, retry_s=(0.1, 5.0))
        RegisterLink(
            self._kiosk.connection,
            self.outbox,
            ADDRESS,
            confirmed=self._kiosk.publisher.trim_soon,
        )
        health = HealthReporter(
            connection=self._kiosk.connection,
            address=ADDRESS,
            outbox=self.outbox,
            vitals=Vitals(),
            clock=SystemClock(),
            model_id="small-1",
            version="1",
            directory=folder,
        )
        health.start()
        self._kiosk.start()

    def offer(self, count: int) -> None:
        """Store events, as fast as the disk takes them."""

        def build(sequence: int) -> tuple[str, str, bytes]:
            one = msgspec.structs.replace(
                event(1, self.outbox.outbox_id), sequence=sequence, event_id=event_id(sequence)
            )
            return one.event_id, ADDRESS.topic_of(AttendanceEvent), encode(one)

        for _ in range(count):
            self.outbox.put(build)
            self._kiosk.notify()

    def wait(self, is_done: Callable[[], bool]) -> float:
        """Wait for something; return how long it took, seconds."""
        began_s = time.monotonic()
        while not is_done() and time.monotonic() < began_s + _PATIENCE_S:
            time.sleep(0.05)
        return time.monotonic() - began_s

    def wait_for_delivery(self) -> None:
        """Wait until the broker has acknowledged all events."""
        self.wait(lambda: self.outbox.counts().undelivered == 0)

    def wait_for_confirmation(self) -> float:
        """Wait until the register has confirmed all events; return how long it took, seconds."""
        return self.wait(lambda: self.outbox.counts().kept == 0)

    def close(self) -> None:
        self._kiosk.stop(2.0)
        self.outbox.close()


@dataclass(frozen=True, slots=True)
class World:
    """A broker, a kiosk and a register, which is not yet started."""

    broker: Mosquitto
    kiosk: Kiosk
    register: RegisterProcess
    folder: Path


def nobody_subscribed(world: World) -> None:
    """The register is started for the first time after all events were published."""
    world.kiosk.offer(500)
    time.sleep(3.0)
    world.register.start()


def register_away(world: World) -> None:
    """Its subscription exists; the broker keeps 1,000 messages for it."""
    subscribe_all([world.register], world.broker)
    world.kiosk.offer(3002)
    world.kiosk.wait_for_delivery()
    world.register.start()


def broker_killed_register_away(world: World) -> None:
    """The broker forgets all that it kept."""
    subscribe_all([world.register], world.broker)
    world.kiosk.offer(2116)
    world.broker.kill()
    world.kiosk.offer(2116)
    world.broker.start()
    time.sleep(3.0)
    world.register.start()


def broker_killed_register_connected(world: World) -> None:
    """What the broker had acknowledged and not passed on is gone."""
    world.register.start()
    for _ in range(5):
        world.kiosk.offer(500)
        world.broker.kill()
        world.kiosk.offer(100)
        world.broker.start()
        time.sleep(2.0)


def broker_restarted_register_late(world: World) -> None:
    """The broker restarts without its state; the register is back five seconds later."""
    world.register.start()
    world.kiosk.offer(490)
    world.register.stop()
    world.broker.restart()
    world.kiosk.offer(490)
    time.sleep(5.0)
    world.register.start()


def access_list_denies(world: World) -> None:
    """The broker acknowledges (3.1.1) or refuses (5) what its access list forbids, for 5 s."""
    rules = world.folder / "acl"
    rules.write_text(f"topic read #\ntopic write {ADDRESS.availability}\n")
    world.broker.configure("allow_anonymous true", f"acl_file {rules}")
    world.broker.restart()
    world.register.start()
    world.kiosk.offer(200)
    time.sleep(5.0)
    rules.write_text("topic readwrite #\n")
    world.broker.restart()


FAULTS: tuple[Callable[[World], None], ...] = (
    nobody_subscribed,
    register_away,
    broker_killed_register_away,
    broker_killed_register_connected,
    broker_restarted_register_late,
    access_list_denies,
)


@contextmanager
def new_world(protocol: Protocol) -> Iterator[World]:
    """Start a broker and a kiosk in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="kiosk-faults-") as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        section = DatabaseSection(path=str(folder / "register.sqlite3"))
        register = RegisterProcess(folder, "r0", broker, section)
        kiosk = Kiosk(folder, broker, protocol)
        try:
            yield World(broker, kiosk, register, folder)
        finally:
            kiosk.close()
            register.stop()
            broker.close()


def run(fault: Callable[[World], None], protocol: Protocol) -> tuple[int, int, int, float]:
    """Return how many events were offered, stored, stored twice, and the time to recover."""
    with new_world(protocol) as world:
        fault(world)
        recovery_s = world.kiosk.wait_for_confirmation()
        offered = world.kiosk.outbox.last_sequence()
        with closing(sqlite3.connect(world.folder / "register.sqlite3")) as database:
            (rows, stored) = database.execute(
                "SELECT count(*), count(DISTINCT event_id) FROM register_event"
            ).fetchone()
    return offered, stored, rows - stored, recovery_s


def main() -> None:
    """Run from the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    print("fault                              MQTT  offered  lost  twice  recovered in")  # noqa: T201
    protocols: tuple[Protocol, ...] = ("5", "3.1.1")
    for fault in FAULTS:
        for protocol in protocols:
            if options.only in fault.__name__:
                offered, stored, twice, recovery_s = run(fault, protocol)
                print(  # noqa: T201
                    f"{fault.__name__.replace('_', ' '):33}  {protocol:>5}  {offered:7}"
                    f"  {offered - stored:4}  {twice:5}  {recovery_s:10.1f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
