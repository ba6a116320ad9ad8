"""Run the demonstration: all parts on one machine, without a configuration.

It enrols sample people from photos, starts an embedded broker, replays a drawn corridor to the
kiosk, and shows the events that the broker delivers. With a real camera instead of the corridor,
it first enrols the person in front of the camera.
"""

import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kiosk.camera.base import Camera
from kiosk.camera.open import open_camera
from kiosk.clock import Clock, SystemClock
from kiosk.config.keys import CameraSection, Config, KioskSection, StateSection
from kiosk.config.mqtt import KioskMqttSection, MqttSection
from kiosk.counted import counted_people
from kiosk.daemon.wiring import build_daemon
from kiosk.demo.sample_people import enrolment_photos, sample_camera, sample_people, walkers
from kiosk.enrolment.person import look
from kiosk.errors import PhotoError
from kiosk.files.work_folder import work_folder
from kiosk.mqtt.embedded_broker import HOST, PROTOCOL, EmbeddedBroker
from kiosk.people.roster import Roster
from kiosk.printable import json_text
from kiosk.protocol.topics import KioskAddress
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.recogniser import Recogniser, build_recogniser
from kiosk.watch.attendance_list import AttendanceList
from kiosk.watch.screens import screen_for
from kiosk.watch.viewer import watch

if TYPE_CHECKING:
    from kiosk.demo.central import Central

Say: TypeAlias = Callable[[str], None]
"""Print one line."""

_ARRIVAL_S = 5.0  # longest wait for the last events to arrive from the broker
_CREDIT = "Faces: the ORL set, AT&T Laboratories Cambridge."


def run_demo(say: Say, *, camera: str | None, fast: bool, as_json: bool, stay: bool) -> int:
    """Run the demonstration.

    Args:
        say: Prints a line.
        camera: A real camera instead of the sample walk: the person in front of it is enrolled
            first, and Ctrl-C ends the demonstration.
        fast: Replay the sample walk as fast as possible.
        as_json: Print one JSON object per line.
        stay: Serve the pages after the sample walk until Ctrl-C.

    Returns:
        The exit code: 1 if the sample walk was replayed and the recognised people are not exactly
        the enrolled ones, else 0.
    """
    clock = SystemClock()
    with ExitStack() as stack:
        folder = stack.enter_context(work_folder("kiosk-demo-"))
        broker = stack.enter_context(EmbeddedBroker())
        mqtt = KioskMqttSection(host=HOST, port=broker.port, protocol=PROTOCOL)
        source = CameraSection(source=camera or "")
        config = Config(state=StateSection(directory=str(folder)), mqtt=mqtt, camera=source)
        tell = (lambda _: None) if as_json else say
        recogniser = build_recogniser(config)
        gallery = _enrol_sample_people(recogniser)
        if camera is not None:
            gallery = _enrol_from_camera(recogniser, gallery, tell)
        tell(f"{counted_people(len(gallery))} enrolled. {_CREDIT}")
        attendance = AttendanceList()
        people = sample_people() if camera is None else (*sample_people(), "you")
        central = _serve_pages(stack, folder, mqtt, people, clock)
        say(
            json_text({"page": central.address})
            if as_json
            else f"The class fills on this page (open it now): {central.address}"
        )
        stop_watching = _watch(mqtt, attendance, as_json=as_json)
        frames = _camera(config, clock, fast=fast)
        daemon = build_daemon(config, stack, clock=clock, camera=frames, gallery=gallery)
        daemon.run()
        _wait_for_arrivals(attendance, daemon.recorder.outbox.last_sequence(), clock)
        stop_watching()
        if camera is not None:
            return 0
        text, correct = _result(attendance, as_json=as_json)
        say(text)
        if stay:
            tell("The page stays until Ctrl-C.")
            _wait_for_interrupt()
    return 0 if correct else 1


def _wait_for_arrivals(attendance: AttendanceList, committed: int, clock: Clock) -> None:
    """Wait until as many people as events were committed have come from the broker."""
    deadline_s = clock.monotonic_s() + _ARRIVAL_S
    while len(_recognised(attendance)) < committed and clock.monotonic_s() < deadline_s:
        clock.sleep(0.05)


def _enrol_sample_people(recogniser: Recogniser) -> Gallery:
    gallery = Gallery(recogniser.embedder.model_id, {})
    for person in sample_people():
        photos = ((f"photo {i}", photo) for i, photo in enumerate(enrolment_photos(person), 1))
        outcome = recogniser.enroller(len(gallery)).enrol(photos, gallery)
        gallery = gallery.with_subject(person, outcome.templates)
    return gallery


def _enrol_from_camera(recogniser: Recogniser, gallery: Gallery, tell: Say) -> Gallery:
    """Enrol the person in front of the camera as "you"; the sample people are not there."""
    tell("Look at the camera ...")
    try:
        outcome = recogniser.enroller(len(gallery)).enrol(look(recogniser.config), gallery)
    except PhotoError as exc:
        tell(f"Nobody was enrolled from the camera ({exc}); only the sample people are.")
        return gallery
    return gallery.with_subject("you", outcome.templates)


def _serve_pages(
    stack: ExitStack, folder: Path, mqtt: MqttSection, people: tuple[str, ...], clock: Clock
) -> "Central":
    # Only here: the demonstration's other parts, which others use, load no web framework.
    from kiosk.register.database import prepare_django  # noqa: PLC0415 - needs the extra "demo"

    prepare_django()  # before any model is imported
    from kiosk.demo.central import Central  # noqa: PLC0415 - needs Django

    address = KioskAddress.of(KioskSection())
    return stack.enter_context(Central(folder, mqtt, address, people, clock=clock))


def _wait_for_interrupt() -> None:
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def _camera(config: Config, clock: SystemClock, *, fast: bool) -> Callable[[], Camera]:
    if config.camera.source:
        return lambda: open_camera(config.camera, clock)
    return lambda: sample_camera(clock, pace="fast" if fast else "recorded")


def _watch(mqtt: MqttSection, attendance: AttendanceList, *, as_json: bool) -> Callable[[], None]:
    """Watch in a background thread; return the function that stops it."""
    screen = screen_for(sys.stdout, attendance, Roster(), Config().zone, as_json=as_json)
    stop = threading.Event()
    thread = threading.Thread(
        target=watch,
        args=(mqtt, attendance, screen),
        kwargs={"stop": stop},
        daemon=True,
        name="watch",
    )
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(_ARRIVAL_S)

    return end


def _recognised(attendance: AttendanceList) -> list[str]:
    """Return the subject id of every event, in all class sessions."""
    sessions = attendance.sessions
    return [event.subject_id for session in sessions for event in attendance.attended(session)]


def _result(attendance: AttendanceList, *, as_json: bool) -> tuple[str, bool]:
    """Return the result of the sample walk as text, and whether it is correct."""
    expected = walkers()
    named = _recognised(attendance)
    facts = {
        "recognised": sorted(named),
        "expected": sorted(expected.known),
        "stranger_named": expected.stranger in named,
    }
    stranger = "a stranger was given a name" if facts["stranger_named"] else "the stranger was not"
    text = f"{len(named)} of {len(expected.known)} enrolled people were named; {stranger}."
    correct = facts["recognised"] == facts["expected"]
    return (json_text(facts) if as_json else text), correct
