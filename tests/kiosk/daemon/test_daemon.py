"""The daemon: checked before READY, alive while the camera is lost, stopped when asked."""

import contextlib
import dataclasses
import itertools
import json
import logging
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from kiosk.camera.base import BaseCamera, Camera
from kiosk.clock import ManualClock
from kiosk.config.door import SignalsSection
from kiosk.config.keys import load_config
from kiosk.daemon.daemon import Daemon
from kiosk.daemon.signing_key import signing_key
from kiosk.daemon.wiring import build_daemon
from kiosk.demo.sample_people import enrolment_photos
from kiosk.errors import BrokerError, CameraError, ModelError, OutboxError, RecordingError
from kiosk.feedback.feedback import Feedback
from kiosk.feedback.gpio import GpioPanel, open_panel
from kiosk.mqtt.embedded_broker import EmbeddedBroker
from kiosk.protocol.event import schema
from kiosk.protocol.health import decode_health
from kiosk.protocol.participation import ParticipationWindow, encode_window
from kiosk.protocol.signature import Signer, is_signed_by
from kiosk.protocol.topics import CARDS, HEALTH, KioskAddress
from kiosk.recognition.align import align
from kiosk.recognition.bundle import GOLDEN_STEPS, Bundle, write_bundle
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.recognition.match import Matcher
from kiosk.records import Decision, Image, Verdict
from kiosk.service_status import read_status
from tests.kiosk.daemon.test_cards import GOOD as GOOD_CARD
from tests.kiosk.daemon.test_cards import picture as card_picture
from tests.kiosk.daemon.test_cards import published
from tests.kiosk.mqtt.support import break_broker
from tests.mosquitto import PATIENCE_S, Mosquitto, free_port, kind_filter
from tests.support import needs_photos, write_config
from tests.support_recognition import PLAIN, embedding, picture, small_bundle, write_folder

EMPTY: Image = np.full((120, 160, 3), 128, np.uint8)
GONE = CameraError("camera.source: 0 stopped giving frames")
WATCHDOG_S = 20
LESSON = """
[[lesson]]
name = "all-day"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
start = "00:00"
end = "23:59"
"""
Shown = Iterable[Image | CameraError]


class Manager:
    """The service manager's end of NOTIFY_SOCKET; it reads at once, because senders would block."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._messages: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def read_all(self) -> list[str]:
        """All messages since the last call."""
        self._say(b"sync")
        return list(iter(self._next, "sync"))

    def wait_for(self, start: str, part: str = "") -> str:
        """Wait for the next message that begins with ``start`` and contains ``part``."""
        while not (message := self._next()).startswith(start) or part not in message:
            pass
        return message

    def close(self) -> None:
        self._say(b"end")
        self._thread.join()
        self._socket.close()

    def _next(self) -> str:
        return self._messages.get(timeout=PATIENCE_S)

    def _say(self, message: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(message, str(self.path))

    def _read(self) -> None:
        for message in iter(lambda: self._socket.recv(4096), b"end"):
            self._messages.put(message.decode())


class Scripted(BaseCamera):
    """A camera that shows scripted pictures, ten per second; an error in the script is raised."""

    def __init__(self, clock: ManualClock, shown: Shown) -> None:
        super().__init__()
        self._clock = clock
        self._shown = iter(shown)
        self.is_open = True

    def _read(self) -> tuple[Image, float]:
        assert self.is_open
        item = next(self._shown)
        if isinstance(item, CameraError):
            raise item
        self._clock.advance(0.1)
        return item, self._clock.monotonic_s()

    def close(self) -> None:
        self.is_open = False


def open_scripts(
    clock: ManualClock, scripts: Iterable[Shown | CameraError]
) -> Callable[[], Camera]:
    """Show the next script each time the camera is opened; for an error, opening fails."""
    left = iter(scripts)

    def open_next() -> Camera:
        script = next(left)
        if isinstance(script, CameraError):
            raise script
        return Scripted(clock, script)

    return open_next


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def manager(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Manager]:
    assert mosquitto.port  # started before: it would send READY=1 itself
    manager = Manager(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(manager.path))
    monkeypatch.setenv("WATCHDOG_USEC", str(WATCHDOG_S * 1_000_000))
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    yield manager
    manager.close()


def people(*subjects: str) -> Gallery:
    """Enrol people who resemble nobody in these tests."""
    templates = {s: embedding(seed)[None] for seed, s in enumerate(subjects, 100)}
    return Gallery(small_bundle().card.model_id, templates)


@pytest.fixture
def config_path(mosquitto: Mosquitto, bundle_path: Path, tmp_path: Path) -> Path:
    """A configuration with a broker and two enrolled people; the camera shows a test card."""
    (tmp_path / "state").mkdir()
    save_gallery(tmp_path / "state" / "gallery.npz", people("s-1", "s-2"))
    return write_config(
        tmp_path,
        bundle_path,
        f"""
        [mqtt]
        host = "{mosquitto.host}"
        port = {mosquitto.port}
        [camera]
        backend = "fake-picamera2"
        fps = 100
        retry_s = 60.0
        """,
    )


Build = Callable[..., Daemon]


@pytest.fixture
def build(manager: Manager, config_path: Path, clock: ManualClock) -> Iterator[Build]:
    """Build daemons whose camera shows these scripts."""
    assert manager.path.exists()
    with ExitStack() as stack:

        def make(*scripts: Shown | CameraError) -> Daemon:
            camera = open_scripts(clock, scripts)
            return build_daemon(load_config(config_path), stack, clock=clock, camera=camera)

        yield make


def gallery_file(config_path: Path) -> Path:
    return config_path.with_name("state") / "gallery.npz"


def damage_gallery(path: Path, damage: str) -> None:
    match damage:
        case "absent":
            path.unlink()
        case "cut":
            path.write_bytes(path.read_bytes()[:-100])
        case _:
            save_gallery(path, dataclasses.replace(people("s-9"), model_id="other"))


# Starting


def test_ready_is_sent_after_the_first_frame(build: Build, manager: Manager) -> None:
    """Nothing is sent before a frame; then READY with the state; at the end STOPPING."""

    def script() -> Iterator[Image]:
        yield EMPTY
        (ready,) = [one for one in manager.read_all() if "READY" in one]
        assert ready.startswith("READY=1\nSTATUS=2 people enrolled; camera ok; broker ")
        assert ready.endswith("; 0 events waiting")
        yield EMPTY

    build(script()).run()
    rest = manager.read_all()
    assert rest[-1] == "STOPPING=1"
    assert "READY" not in "".join(rest)


@pytest.mark.parametrize("script", [GONE, [GONE]])
def test_a_camera_that_is_lost_at_the_start_is_waited_for(
    script: Shown | CameraError,
    build: Build,
    manager: Manager,
    mosquitto: Mosquitto,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """READY says that the camera is lost, the school hears it, and the camera is tried again."""
    caplog.set_level(logging.INFO)
    listener = mosquitto.listen(kind_filter(HEALTH))

    def back() -> Iterator[Image]:
        ready = manager.wait_for("READY=1")
        assert "camera lost: camera.source: 0 stopped giving frames" in ready
        while decode_health(listener.next()[1]).camera != "lost":
            pass
        yield EMPTY
        yield EMPTY
        assert manager.wait_for("STATUS=", "camera ok")

    build(script, back()).run()
    assert lines(caplog, "camera lost: ") == 1
    assert lines(caplog, "camera back") == 1


def test_a_recording_without_a_frame_ends_the_start(build: Build, manager: Manager) -> None:
    """A second try would find no frame either."""
    with pytest.raises(RecordingError, match="holds no frame"):
        build([]).run()
    assert manager.read_all() == ["STOPPING=1"]


@pytest.mark.parametrize("damage", ["absent", "cut", "other-model"])
def test_a_gallery_that_cannot_be_used_is_waited_for(
    damage: str,
    build: Build,
    manager: Manager,
    config_path: Path,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """READY says what it waits for; once the gallery is mended, the people are recognised."""
    caplog.set_level(logging.INFO)
    path = gallery_file(config_path)
    damage_gallery(path, damage)
    daemon = build()

    def script() -> Iterator[Image]:
        yield EMPTY
        assert manager.wait_for("READY=1").startswith(
            f"READY=1\nSTATUS=waiting for a gallery: {path}: "
        )
        clock.advance(5.0)
        yield EMPTY
        assert not len(daemon.pipeline.matcher)
        save_gallery(path, people("s-1", "s-2"))
        clock.advance(5.0)
        yield EMPTY
        assert manager.wait_for("STATUS=2 people enrolled")
        assert daemon.pipeline.matcher.subjects == ("s-1", "s-2")

    daemon.open_camera = open_scripts(clock, [script()])
    daemon.run()
    assert lines(caplog, f"waiting for a gallery: {path}") == 1
    assert lines(caplog, "gallery read: 2 people") == 1


def test_with_a_model_that_computes_wrong_ready_is_not_sent(
    build: Build, manager: Manager, config_path: Path, tmp_path: Path
) -> None:
    """Golden vectors are compared first: when they differ, the camera is not opened."""
    one = small_bundle()
    off = one.golden_outputs.astype(int) + 2 * GOLDEN_STEPS
    outputs = np.clip(off, -128, 127).astype(np.int8)
    wrong = tmp_path / "wrong.kiosk-model"
    write_bundle(wrong, Bundle(one.card, one.model, one.golden_crops, outputs, one.cohort))
    text = config_path.read_text()
    config_path.write_text(
        "".join(
            f'bundle = "{wrong}"\n' if line.startswith("bundle") else line
            for line in text.splitlines(keepends=True)
        )
    )
    with pytest.raises(ModelError, match="golden vectors differ"):
        build().run()
    assert "READY" not in "".join(manager.read_all())


# Running


def enrol_sample(daemon: Daemon) -> None:
    """Enrol a sample person as ``s-12``, beside the two."""
    photo = picture(enrolment_photos("orl-s12")[0])
    found = daemon.pipeline.detector.find(photo)[0]
    template = daemon.embedder.embed(align(photo, found.landmarks))
    gallery = people("s-1", "s-2").with_subject("s-12", template[None])
    daemon.pipeline.matcher = Matcher(gallery, PLAIN)


def test_a_card_that_is_held_up_is_published(
    build: Build, mosquitto: Mosquitto, config_path: Path
) -> None:
    """The kiosk hears of the cards by MQTT, and one event by QR code is at the broker."""
    address = KioskAddress.of(load_config(config_path).kiosk)
    listener = mosquitto.listen(address.topic("attendance"))
    cards = published(address=address)
    listener.client.publish(address.topic(CARDS), cards, qos=1, retain=True).wait_for_publish(9)

    def held_up() -> Iterator[Image]:
        image, until_s = card_picture(GOOD_CARD), time.monotonic() + PATIENCE_S
        while listener.heard.empty() and time.monotonic() < until_s:
            yield image

    build(held_up()).run()
    listener.client.publish(address.topic(CARDS), b"", qos=1, retain=True).wait_for_publish(9)
    event = json.loads(listener.next()[1])
    Draft202012Validator(schema()).validate(event)
    assert (event["subject_id"], event["method"], "decision" in event) == ("s-1", "qr", False)
    assert (config_path.with_name("state") / "cards.json").read_bytes() == cards
    assert listener.heard.empty()


@needs_photos
def test_an_enrolled_person_who_walks_past_is_published(
    build: Build, mosquitto: Mosquitto, clock: ManualClock, config_path: Path
) -> None:
    """The broker gets one event, valid by the schema, signed, with the time of the clock."""
    daemon = build([picture(enrolment_photos("orl-s12")[0], 10 * i) for i in range(8)])
    enrol_sample(daemon)
    listener = mosquitto.listen(kind_filter("attendance"))
    daemon.run()
    payload = listener.next()[1]
    event = json.loads(payload)
    Draft202012Validator(schema()).validate(event)
    config = daemon.recorder.config
    address = KioskAddress.of(config.kiosk)
    signer = Signer(signing_key(config.directory / "signing-key.pem"), address)
    assert is_signed_by(payload, address, signer.public_key)
    assert (event["subject_id"], event["sequence"]) == ("s-12", 1)
    assert event["time"] == "2026-01-05T08:00:00.300+00:00"
    assert event["boot_id"] == clock.boot_id()
    assert event["decision"]["model_id"] == small_bundle().card.model_id
    assert listener.heard.empty()
    assert len(daemon.recorder.outbox) == 0
    assert config_path.exists()


@needs_photos
def test_a_person_in_view_when_the_class_session_changes_attends_both(
    build: Build, mosquitto: Mosquitto, clock: ManualClock
) -> None:
    """A person who stays in view over the change of lessons gets one event for each."""

    def script() -> Iterator[Image]:
        shown = [picture(enrolment_photos("orl-s12")[0], 10 * i) for i in range(8)]
        yield from shown
        clock.advance(timedelta(days=1).total_seconds())
        yield from reversed(shown)

    daemon = build(script())
    enrol_sample(daemon)
    listener = mosquitto.listen(kind_filter("attendance"))
    daemon.run()
    heard = [json.loads(listener.next()[1]) for _ in range(2)]
    assert [event["session"] for event in heard] == ["2026-01-05/day", "2026-01-06/day"]
    assert {event["subject_id"] for event in heard} == {"s-12"}
    assert daemon.recorder.outbox.last_sequence() == 2


@needs_photos
def test_a_person_in_view_when_a_participation_window_opens_takes_part(
    build: Build, mosquitto: Mosquitto, clock: ManualClock
) -> None:
    """They attend once, and need not leave and come back to take part."""

    def script() -> Iterator[Image]:
        shown = [picture(enrolment_photos("orl-s12")[0], 10 * i) for i in range(8)]
        yield from shown
        said = ParticipationWindow(
            window=1,
            state="open",
            session="lesson/1",
            opened_at=clock.utc().isoformat(timespec="milliseconds"),
            closes_at=(clock.utc() + timedelta(hours=1)).isoformat(timespec="milliseconds"),
        )
        daemon.windows.hear(encode_window(said))
        yield from reversed(shown)

    daemon = build(script())
    enrol_sample(daemon)
    listener = mosquitto.listen(kind_filter("attendance"), kind_filter("participation"))
    daemon.run()
    heard = [json.loads(listener.next()[1]) for _ in range(2)]
    assert [(event["type"], event["subject_id"]) for event in heard] == [
        ("attendance", "s-12"),
        ("participation", "s-12"),
    ]
    assert (heard[1]["session"], heard[1]["count"]) == ("lesson/1", 1)
    assert daemon.recorder.outbox.last_sequence() == 2


@needs_photos
def test_the_door_shows_who_is_in_view_and_hears_the_button(build: Build, tmp_path: Path) -> None:
    """The light is on before the person has left; the button opens a window, which has a light."""
    section = SignalsSection(backend="mock", known_pin=17, window_pin=23, button_pin=25)
    panel = open_panel(section, tmp_path)
    assert isinstance(panel, GpioPanel)
    pin = panel.factory.pin

    def script() -> Iterator[Image]:
        assert not pin(17).state
        yield from (picture(enrolment_photos("orl-s12")[0], 10 * i) for i in range(8))
        assert (pin(17).state, pin(23).state) == (True, False)
        pin(25).drive_low()
        yield EMPTY
        yield EMPTY
        assert daemon.windows.open is not None
        assert pin(23).state

    daemon = build(script())
    daemon.feedback = Feedback(panel)
    enrol_sample(daemon)
    daemon.run()


def test_each_result_of_storing_is_logged_without_a_name(
    build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    """Stored, already stored and not known give a line each; no line has an id or a score."""
    caplog.set_level(logging.DEBUG, "kiosk")
    daemon = build()
    caplog.clear()
    known = Decision(Verdict.KNOWN, "s-secret", 0.71239, 0.5, 0.5, votes=3, frames=4, quality=0.8)
    stranger = dataclasses.replace(known, verdict=Verdict.STRANGER, subject_id=None)
    daemon._store([known, known, stranger])
    assert caplog.messages == [
        "event 1 stored after 3 votes",
        "already stored in this class session",
        "a track ended stranger after 4 frames",
    ]


def test_a_stop_ends_the_loop_after_the_current_frame(build: Build, manager: Manager) -> None:
    """When stop is set, no further frame is taken from an endless camera, and it is closed."""
    daemon = build()

    def endless() -> Iterator[Image]:
        yield EMPTY
        daemon.stop.set()
        yield EMPTY
        pytest.fail("a frame was taken after the stop")

    camera = Scripted(ManualClock(), endless())
    daemon.open_camera = lambda: camera
    daemon.run()
    assert not camera.is_open
    assert manager.read_all()[-1] == "STOPPING=1"


def test_a_dead_publisher_ends_the_daemon(build: Build) -> None:
    """When the publisher has failed, the process must end so that systemd restarts it."""
    daemon = build()

    def script() -> Iterator[Image]:
        yield EMPTY
        daemon.mqtt._failure = OutboxError("the disk fails")
        yield EMPTY

    daemon.open_camera = open_scripts(ManualClock(), [script()])
    with pytest.raises(BrokerError, match="the disk fails"):
        daemon.run()


def test_a_dead_embedded_broker_ends_the_daemon(build: Build, config_path: Path) -> None:
    """When the thread of the embedded broker has ended, the process must end too."""
    pytest.importorskip("amqtt", reason="the extra [demo] is not installed")
    text = config_path.read_text()
    config_path.write_text(
        re.sub(r"host = .*\n( *)port = \d+", rf'host = ""\n\1port = {free_port()}', text)
    )
    daemon = build()

    def script() -> Iterator[Image]:
        yield EMPTY
        broker = daemon.checks[0].__self__  # type: ignore[attr-defined]
        assert isinstance(broker, EmbeddedBroker)
        break_broker(broker)
        yield EMPTY
        pytest.fail("a frame was taken without a broker")

    daemon.open_camera = open_scripts(ManualClock(), [script()])
    with pytest.raises(BrokerError, match="the embedded broker has failed"):
        daemon.run()


# Most faces are refused


@needs_photos
def test_a_camera_that_hangs_upside_down_is_told_once_and_its_end_once(
    build: Build, caplog: pytest.LogCaptureFixture, manager: Manager
) -> None:
    """Log and status say why most faces are refused, and later that they no longer are."""
    caplog.set_level(logging.INFO)
    upright = picture(enrolment_photos("orl-s12")[0])
    upside_down = np.ascontiguousarray(upright[::-1, ::-1])
    build([*[upside_down] * 40, *[upright] * 40]).run()
    told = [message for message in caplog.messages if message.startswith("most faces")]
    refused = "most faces are refused: upside down (see camera.rotation)"
    assert told == [refused, "most faces are no longer refused for one reason"]
    states = [one for one in manager.read_all() if one.startswith("STATUS=2 people enrolled; ")]
    assert states[-2].endswith(f"; {refused}")
    assert states[-1].endswith("; 0 events waiting")


# The camera is lost


def lines(caplog: pytest.LogCaptureFixture, part: str) -> int:
    return sum(part in record.getMessage() for record in caplog.records)


def test_a_lost_camera_is_logged_once_and_its_return_once(
    build: Build, caplog: pytest.LogCaptureFixture, manager: Manager
) -> None:
    """However often it fails to open or gives no frame, an outage has two lines: lost and back."""
    caplog.set_level(logging.INFO)
    build(
        [EMPTY, GONE],
        CameraError("cannot be opened"),
        [GONE],
        CameraError("cannot be opened"),
        [EMPTY, EMPTY, GONE],
        [EMPTY],
    ).run()
    assert (lines(caplog, "camera lost"), lines(caplog, "camera back")) == (2, 2)
    told = "\n".join(manager.read_all())
    states = [state for state, _ in itertools.groupby(re.findall(r"camera (\w+)", told))]
    assert states == ["ok", "lost", "covered", "lost", "covered"]  # the pictures are grey


def test_the_watchdog_is_fed_while_the_camera_is_lost(
    build: Build, manager: Manager, clock: ManualClock
) -> None:
    """A wait of a minute sends heartbeats as often as a WatchdogSec of 20 s needs them."""
    waited_s: list[float] = []

    def lost() -> Iterator[Image | CameraError]:
        yield EMPTY
        yield EMPTY
        manager.read_all()
        waited_s.append(-clock.monotonic_s())
        yield GONE

    def back() -> Iterator[Image]:
        waited_s.append(clock.monotonic_s())
        beats = manager.read_all().count("WATCHDOG=1")
        assert sum(waited_s) == pytest.approx(60.0)
        assert beats >= 60 / (WATCHDOG_S / 4) - 1
        yield EMPTY

    build(lost(), back()).run()
    assert len(waited_s) == 2


def test_a_dead_publisher_is_noticed_while_the_camera_is_lost(build: Build) -> None:
    """Without frames, too, the daemon ends when the publisher has failed."""
    daemon = build()

    def lost() -> Iterator[Image | CameraError]:
        yield EMPTY
        daemon.mqtt._failure = OutboxError("the disk fails")
        yield GONE

    daemon.open_camera = open_scripts(ManualClock(), [lost()])  # opened again, it would fail
    with pytest.raises(BrokerError, match="the disk fails"):
        daemon.run()


def test_a_stop_ends_the_wait_for_a_camera(build: Build) -> None:
    """A daemon that waits for its camera does not open it again after a stop."""
    daemon = build()

    def lost() -> Iterator[Image | CameraError]:
        yield EMPTY
        daemon.stop.set()
        yield GONE

    daemon.open_camera = open_scripts(ManualClock(), [lost()])
    daemon.run()


def test_health_is_published_from_the_first_frame_on(
    build: Build, mosquitto: Mosquitto, clock: ManualClock
) -> None:
    """The retained message says that the camera works, then that its picture is without contrast.

    The line in the log says so once.
    """
    listener = mosquitto.listen(kind_filter(HEALTH))
    seen: list[str] = []

    def script() -> Iterator[Image]:
        for camera in ("ok", "covered"):
            while camera not in seen:
                yield EMPTY
                clock.advance(1.0)
                with contextlib.suppress(queue.Empty):
                    seen.append(decode_health(listener.heard.get(timeout=0.1)[1]).camera)

    daemon = build()
    daemon.open_camera = open_scripts(clock, [script()])
    daemon.run()
    assert seen.index("ok") < seen.index("covered")


def test_a_covered_lens_is_logged_once(
    build: Build, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Frames without contrast for ten seconds are a warning, and the first good one ends it."""
    caplog.set_level(logging.INFO)
    good = np.random.default_rng(1).integers(0, 256, EMPTY.shape, np.uint8)

    def script() -> Iterator[Image]:
        yield from [EMPTY] * 130 + [good]

    daemon = build()
    daemon.open_camera = open_scripts(clock, [script()])
    daemon.run()
    assert lines(caplog, "the camera is covered: nobody can be recognised") == 1
    assert lines(caplog, "the camera shows people again") == 1


# Reading the gallery again


def test_a_reload_uses_the_changed_gallery(
    build: Build, manager: Manager, config_path: Path, clock: ManualClock
) -> None:
    """After a reload the new people and the threshold for their number are used."""
    daemon = build()
    before = daemon.pipeline.walks._rule.threshold

    def script() -> Iterator[Image]:
        yield EMPTY
        save_gallery(gallery_file(config_path), people(*(f"s-{i}" for i in range(11))))
        assert len(daemon.pipeline.matcher) == 2
        daemon.reload.set()
        yield EMPTY
        yield EMPTY
        assert len(daemon.pipeline.matcher) == 11
        assert not daemon.reload.is_set()

    daemon.open_camera = open_scripts(clock, [script()])
    daemon.run()
    assert daemon.pipeline.walks._rule.threshold > before
    used = load_gallery(gallery_file(config_path)).content_hash
    assert daemon.recorder.gallery_hash == daemon.state.vitals.gallery_hash == used
    told = [one for one in manager.read_all() if not one.startswith(("WATCHDOG", "STATUS"))]
    states = [message.split("\n") for message in told]
    assert [state[0] for state in states] == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]
    assert states[1][1].startswith("MONOTONIC_USEC=100")
    assert states[2][1].startswith("STATUS=11 people enrolled;")


@pytest.mark.parametrize("damage", ["absent", "cut", "other-model"])
def test_a_bad_gallery_keeps_the_old_one(
    damage: str,
    build: Build,
    manager: Manager,
    config_path: Path,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A reload of an absent, cut or foreign file gives one line, and the people stay enrolled."""
    path = gallery_file(config_path)
    daemon = build()

    def script() -> Iterator[Image]:
        yield EMPTY
        damage_gallery(path, damage)
        daemon.reload.set()
        yield EMPTY
        yield EMPTY

    daemon.open_camera = open_scripts(clock, [script()])
    daemon.run()
    assert daemon.pipeline.matcher.subjects == ("s-1", "s-2")
    assert lines(caplog, f"the old stay: {path}") == 1
    assert sum("READY=1" in message for message in manager.read_all()) == 2


def test_a_reload_is_done_while_the_camera_is_lost(
    build: Build, config_path: Path, clock: ManualClock
) -> None:
    """An erased person is removed at once, and not only when the camera is back."""
    daemon = build()

    def lost() -> Iterator[Image | CameraError]:
        yield EMPTY
        save_gallery(gallery_file(config_path), people("s-2"))
        daemon.reload.set()
        yield GONE

    def back() -> Iterator[Image]:
        assert daemon.pipeline.matcher.subjects == ("s-2",)
        yield EMPTY

    daemon.open_camera = open_scripts(clock, [lost(), back()])
    daemon.run()


# As a process


@pytest.fixture
def process(config_path: Path, manager: Manager) -> Iterator[subprocess.Popen[str]]:
    """`kiosk run` as systemd starts it, with a camera that shows a test card."""
    command = [sys.executable, "-m", "kiosk", "run", "--config", str(config_path)]
    environment = {**os.environ, "NOTIFY_SOCKET": str(manager.path)}
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_process_within_five_seconds(
    number: signal.Signals, process: subprocess.Popen[str], manager: Manager
) -> None:
    """After READY a signal leads to STOPPING and exit code 0, as systemd expects of a service."""
    manager.wait_for("READY=1")
    process.send_signal(number)
    _, log = process.communicate(timeout=5)
    assert process.returncode == 0, log
    assert "STOPPING=1" in manager.read_all()
    assert "Traceback" not in log


@pytest.fixture
def slow_recording(config_path: Path) -> None:
    """Replace the test card by a recording with a frame every 1,000 s."""
    folder = write_folder(config_path.with_name("slow"), [EMPTY, EMPTY])
    text = config_path.read_text().replace("fps = 100", f'source = "{folder}"\nfps = 0.001')
    config_path.write_text(text.replace("fake-picamera2", "replay"))


@pytest.mark.usefixtures("slow_recording")
def test_a_signal_stops_the_wait_for_a_frame(
    request: pytest.FixtureRequest, manager: Manager
) -> None:
    """A signal ends the process, even while it waits for the next frame of a slow recording."""
    process: subprocess.Popen[str] = request.getfixturevalue("process")
    manager.wait_for("READY=1")
    process.terminate()
    _, log = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, log


def test_a_disk_that_cannot_be_written_is_waited_for(
    request: pytest.FixtureRequest, manager: Manager, config_path: Path
) -> None:
    """READY says what it waits for; when the disk is mended, the daemon goes on by itself."""
    outbox = config_path.with_name("state") / "outbox.sqlite3"
    outbox.mkdir()
    process: subprocess.Popen[str] = request.getfixturevalue("process")
    assert f"STATUS=waiting for the disk: {outbox}: " in manager.wait_for("READY=1")
    status = read_status(load_config(config_path))
    assert status is not None
    assert (status.pid, status.outbox_fault[: len(str(outbox))]) == (process.pid, str(outbox))
    outbox.rmdir()
    assert manager.wait_for("READY=1").startswith("READY=1\nSTATUS=2 people enrolled; camera ok")
    process.terminate()
    _, log = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, log
    assert log.count("waiting for the disk") == 1
    assert read_status(load_config(config_path)) is None


def test_sighup_reads_the_gallery_again(
    process: subprocess.Popen[str], manager: Manager, config_path: Path
) -> None:
    """`systemctl reload` adds the people enrolled meanwhile, and no id is logged."""
    manager.wait_for("READY=1")
    save_gallery(gallery_file(config_path), people("s-secret", "s-2", "s-3"))
    process.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in manager.wait_for("RELOADING=1")
    assert manager.wait_for("READY=1").startswith("READY=1\nSTATUS=3 people enrolled;")
    process.terminate()
    _, log = process.communicate(timeout=PATIENCE_S)
    assert "gallery, thresholds and timetable read again: 3 people" in log
    assert "secret" not in log


def test_sighup_reads_the_thresholds_again(
    process: subprocess.Popen[str], manager: Manager, config_path: Path
) -> None:
    """A changed section `decision` is used after a reload; a wrong one keeps the old."""
    manager.wait_for("READY=1")
    text = config_path.read_text()
    for decision in ("fpir = 0.5", "threshold = 0.9\nunsure_threshold = 0.1"):
        config_path.write_text(f"{text}\n[decision]\n{decision}\n")
        process.send_signal(signal.SIGHUP)
        manager.wait_for("RELOADING=1")
        manager.wait_for("READY=1")
    process.terminate()
    _, log = process.communicate(timeout=PATIENCE_S)
    told = [line for line in log.splitlines() if "read again" in line or "the old stay" in line]
    assert len(told) == 2
    assert "decision.fpir: 0.5 is not on the model card" in told[0]
    assert "gallery, thresholds and timetable read again: 2 people" in told[1]


def test_a_reload_reads_thresholds_and_timetable_alone(
    config_path: Path, clock: ManualClock, tmp_path: Path
) -> None:
    """A reload uses these of the changed file, and names other keys that have changed."""
    with ExitStack() as stack:
        daemon = build_daemon(
            load_config(config_path),
            stack,
            clock=clock,
            camera=open_scripts(clock, [[EMPTY]]),
            read_config=lambda: load_config(config_path),
        )
        moved = config_path.read_text().replace("/state", "/elsewhere")
        config_path.write_text(f"{moved}\n[decision]\nthreshold = 0.9\n{LESSON}")
        loaded = daemon.loader.load_again()
    assert (loaded.rule.threshold, len(loaded.matcher)) == (0.9, 2)
    assert loaded.config.directory == tmp_path / "state"
    assert [lesson.name for lesson in loaded.config.lesson] == ["all-day"]
    assert loaded.restart_keys == ("state.directory",)


def test_the_end_of_a_recording_is_logged(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    """A daemon that stops because the recording has ended logs one line."""
    caplog.set_level("INFO")
    build([EMPTY]).run()
    assert lines(caplog, "the recording has ended") == 1


def test_a_recording_that_breaks_ends_the_daemon(
    build: Build, manager: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    """A picture that cannot be read is not a lost camera: its error ends the daemon."""

    def script() -> Iterator[Image | CameraError]:
        yield EMPTY
        yield RecordingError("2.png: not a picture")

    with pytest.raises(RecordingError, match=r"2\.png"):
        build(script()).run()
    assert manager.read_all()[-1] == "STOPPING=1"
    assert lines(caplog, "camera lost") == 0


def test_no_thread_outlives_the_daemon(build: Build) -> None:
    """A daemon that has run leaves no thread behind."""
    before = threading.active_count()
    build([EMPTY]).run()
    assert threading.active_count() == before
