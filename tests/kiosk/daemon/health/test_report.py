"""The health report: what it says, and when."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kiosk.clock import ManualClock
from kiosk.config.mqtt import MqttSection
from kiosk.daemon.health import report as health
from kiosk.daemon.health.machine import free_mb, is_under_voltage, temperature_c
from kiosk.daemon.health.report import HealthReporter, Vitals
from kiosk.errors import OutboxError
from kiosk.outbox.outbox import Outbox
from kiosk.protocol.health import Health, decode_health
from kiosk.protocol.topics import HEALTH
from tests.kiosk.mqtt.support import ADDRESS, KioskPublisher

if TYPE_CHECKING:
    from tests.mosquitto import Listener, Mosquitto

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


class Kiosk:
    """A reporter on a real connection, with a clock that the test moves."""

    def __init__(self, mosquitto: "Mosquitto", outbox: Outbox, folder: Path) -> None:
        self.clock = ManualClock(NOW)
        self.vitals = Vitals(people=3)
        mqtt = MqttSection(host=mosquitto.host, port=mosquitto.port, protocol="3.1.1")
        self.kiosk = KioskPublisher(mqtt, outbox)
        self.reporter = HealthReporter(
            connection=self.kiosk.connection,
            address=ADDRESS,
            outbox=outbox,
            vitals=self.vitals,
            clock=self.clock,
            model_id="model-1",
            version="1.2",
            directory=folder,
        )
        self.reporter.start()
        self.heard: Listener = mosquitto.listen(ADDRESS.topic(HEALTH))

    def next(self) -> Health:
        return decode_health(self.heard.next()[1])


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.sqlite3") as box:
        yield box


@pytest.fixture
def kiosk(mosquitto: "Mosquitto", outbox: Outbox, tmp_path: Path) -> Iterator[Kiosk]:
    kiosk = Kiosk(mosquitto, outbox, tmp_path)
    yield kiosk
    kiosk.kiosk.stop(1.0)


def store(outbox: Outbox, at: datetime, topic: str = "t") -> None:
    payload = f'{{"time":"{at.isoformat()}","clock":"synchronised"}}'.encode()
    outbox.put(lambda n: (f"e-{n}", topic, payload))


def test_the_report_says_what_the_outbox_and_the_camera_do(kiosk: Kiosk, outbox: Outbox) -> None:
    """Numbers of the outbox, the age of what waits, frames, faces by reason, people, versions."""
    store(outbox, NOW - timedelta(hours=2))
    store(outbox, NOW)
    outbox.mark_delivered([1, 2])
    kiosk.vitals.see(["", "", "blurred"], kiosk.clock.monotonic_s())
    kiosk.clock.advance(2.5)
    kiosk.kiosk.start()
    said = kiosk.next()
    assert (said.outbox_id, said.last_sequence) == (outbox.outbox_id, 2)
    assert (said.waiting, said.undelivered, said.oldest_waiting_s) == (2, 0, 7202)
    assert (said.camera, said.last_frame_age_s) == ("ok", 2.5)
    assert (said.faces_seen, said.faces_refused) == (3, {"blurred": 1})
    assert (said.people, said.model_id, said.version) == (3, "model-1", "1.2")
    assert (said.time, said.clock) == ("2026-11-24T08:00:02.500+00:00", "synchronised")
    assert said.disk_free_mb is not None


def test_the_report_is_retained(kiosk: Kiosk, mosquitto: "Mosquitto") -> None:
    """A reader that comes later still gets the last one."""
    kiosk.kiosk.start()
    kiosk.next()
    assert mosquitto.listen(ADDRESS.topic(HEALTH)).next()[2]


def test_a_change_is_reported_at_once(kiosk: Kiosk) -> None:
    """A lost camera, another number of people, and events in memory do not wait for a minute."""
    kiosk.kiosk.start()
    assert kiosk.next().camera == "starting"
    kiosk.vitals.see([], kiosk.clock.monotonic_s())
    kiosk.reporter.notify()
    assert kiosk.next().camera == "ok"
    kiosk.vitals.camera = "lost"
    kiosk.reporter.notify()
    assert kiosk.next().camera == "lost"
    kiosk.vitals.people = 4
    kiosk.reporter.notify()
    assert kiosk.next().people == 4
    kiosk.vitals.in_memory = 2
    kiosk.reporter.notify()
    assert kiosk.next().in_memory == 2


def test_a_camera_that_hangs_is_reported_within_15_seconds(kiosk: Kiosk) -> None:
    """The frame loop is stuck in a read, and says nothing itself."""
    kiosk.vitals.see([], kiosk.clock.monotonic_s())
    kiosk.kiosk.start()
    assert kiosk.next().camera == "ok"
    kiosk.clock.advance(14.9)
    kiosk.kiosk.under_way()
    assert kiosk.heard.heard.empty()
    kiosk.clock.advance(0.1)
    kiosk.reporter.notify()
    assert kiosk.next().camera == "hung"


def test_new_events_are_reported_after_ten_seconds(
    kiosk: Kiosk, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The register learns soon that it lacks the newest event, and not at each event."""
    kiosk.kiosk.start()
    assert kiosk.next().last_sequence == 0
    store(outbox, NOW)
    kiosk.kiosk.under_way()
    assert kiosk.heard.heard.empty()
    monkeypatch.setattr(health, "_NEW_EVENTS_S", 0.0)
    kiosk.reporter.notify()
    assert kiosk.next().last_sequence == 1


def test_frames_are_counted_between_reports(kiosk: Kiosk) -> None:
    """The rate is that since the last message."""
    kiosk.kiosk.start()
    assert kiosk.next().frames_per_s is None
    for _ in range(20):
        kiosk.clock.advance(0.1)
        kiosk.vitals.see([], kiosk.clock.monotonic_s())
    kiosk.reporter.notify()
    assert kiosk.next().frames_per_s == 10.0


def test_an_outbox_that_cannot_be_read_does_not_end_the_reports(
    kiosk: Kiosk, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last known numbers are repeated."""
    store(outbox, NOW)
    kiosk.kiosk.start()
    assert kiosk.next().last_sequence == 1

    def fail() -> None:
        raise OutboxError("the disk fails")

    monkeypatch.setattr(outbox, "counts", fail)
    kiosk.vitals.people = 5
    kiosk.reporter.notify()
    said = kiosk.next()
    assert (said.people, said.last_sequence) == (5, 1)


@pytest.mark.parametrize(
    "payload", [b"", b"\xff", b"{}", b'{"time":"2026","clock":"synchronised"}']
)
def test_an_event_without_a_time_has_no_age(kiosk: Kiosk, outbox: Outbox, payload: bytes) -> None:
    """Whatever lies in the outbox, the report goes out."""
    outbox.put(lambda n: (f"e-{n}", "t", payload))
    kiosk.kiosk.start()
    assert kiosk.next().oldest_waiting_s is None


Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of a made-up /sys."""

    def put(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return put


def test_a_machine_that_tells_nothing_has_no_values(tmp_path: Path) -> None:
    """A PC has no sensor of a Raspberry Pi, and an absent folder has no space."""
    assert temperature_c(tmp_path) is None
    assert is_under_voltage(tmp_path) is None
    assert free_mb(tmp_path / "absent") is None


@pytest.mark.parametrize(("alarm", "expected"), [("0\n", False), ("1\n", True)])
def test_a_raspberry_pi_tells_temperature_and_power(
    tmp_path: Path, write: Write, alarm: str, *, expected: bool
) -> None:
    """The temperature is in °C; the alarm of the voltage monitor is that of now."""
    write("class/thermal/thermal_zone0/temp", "48312\n")
    write("class/hwmon/hwmon0/name", "cpu_thermal\n")
    write("class/hwmon/hwmon1/name", "rpi_volt\n")
    write("class/hwmon/hwmon1/in0_lcrit_alarm", alarm)
    assert temperature_c(tmp_path) == 48.3
    assert is_under_voltage(tmp_path) is expected


def test_watching_begins_again_after_a_break() -> None:
    """A pause between frames, or frames that show nothing, end the time of watching."""
    vitals = Vitals()
    for now_s, sight, since_s in (
        (1.0, "black", None),
        (2.0, "ok", 2.0),
        (16.0, "ok", 2.0),
        (31.0, "ok", 31.0),
        (32.0, "covered", None),
        (33.0, "ok", 33.0),
    ):
        vitals.see([], now_s, sight)  # type: ignore[arg-type] # each is a Sight
        assert vitals.watching_since_s == since_s
