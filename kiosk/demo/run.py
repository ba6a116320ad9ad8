"""The first command: everything at work on one machine, with nothing configured.

Sample people are enrolled from photos, an embedded broker starts, a drawn corridor is played to
the kiosk, and what the broker passes on is shown as it comes. With a real camera in its place, who
looks into it is enrolled first.
"""

import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeAlias

import msgspec

from kiosk.camera.base import Camera
from kiosk.camera.open import open_camera
from kiosk.clock import SystemClock
from kiosk.config import CameraSection, Config, MqttSection, StateSection
from kiosk.daemon.wiring import build_daemon
from kiosk.demo.sample_people import enrolment_photos, expected, sample_camera, sample_people
from kiosk.errors import PhotoError
from kiosk.mqtt.embedded_broker import HOST, PROTOCOL, EmbeddedBroker
from kiosk.people import look
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.recogniser import Recogniser, build_recogniser
from kiosk.roster import Roster
from kiosk.watch.attendance_list import AttendanceList
from kiosk.watch.screens import screen_for
from kiosk.watch.viewer import watch

Say: TypeAlias = Callable[[str], None]

_ARRIVAL_S = 5.0
_CREDIT = "Faces: the ORL set, AT&T Laboratories Cambridge."


def run_demo(say: Say, *, camera: str | None, fast: bool, as_json: bool) -> int:
    """Run the demonstration.

    Args:
        say: Prints a line.
        camera: A real camera in the place of the sample: who looks into it is enrolled first, and
            Ctrl-C ends it.
        fast: Play the sample as fast as possible.
        as_json: Show one JSON object a line.

    Returns:
        0 if (without a camera) exactly the enrolled people were recognised.
    """
    clock = SystemClock()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kiosk-demo-"))
        broker = stack.enter_context(EmbeddedBroker())
        mqtt = MqttSection(host=HOST, port=broker.port, protocol=PROTOCOL)
        config = Config(
            state=StateSection(directory=folder),
            mqtt=mqtt,
            camera=CameraSection(source=camera or ""),
        )
        tell = (lambda _: None) if as_json else say
        recogniser = build_recogniser(config)
        gallery = _enrol(recogniser)
        if camera is not None:
            gallery = _enrol_viewer(recogniser, gallery, tell)
        tell(f"{len(gallery)} people enrolled. {_CREDIT}")
        board = AttendanceList()
        stop_watching = _watch(mqtt, board, as_json=as_json)
        daemon = build_daemon(
            config,
            stack,
            clock=clock,
            camera=_source(config, clock, fast=fast),
            gallery=gallery,
        )
        daemon.run()
        committed = daemon.recorder.outbox.last_sequence()
        deadline_s = clock.monotonic_s() + _ARRIVAL_S
        while _count(board) < committed and clock.monotonic_s() < deadline_s:
            clock.sleep(0.05)
        stop_watching()
    if camera is not None:
        return 0
    text, right = _verdict(board, as_json=as_json)
    say(text)
    return 0 if right else 1


def _enrol(recogniser: Recogniser) -> Gallery:
    gallery = Gallery(recogniser.embedder.model_id, {})
    for person in sample_people():
        photos = ((f"photo {i}", photo) for i, photo in enumerate(enrolment_photos(person), 1))
        outcome = recogniser.enroller(len(gallery)).enrol(photos, gallery)
        gallery = gallery.with_subject(person, outcome.templates)
    return gallery


def _enrol_viewer(recogniser: Recogniser, gallery: Gallery, tell: Say) -> Gallery:
    """Enrol who is before the camera as "you": the sample people will not come by."""
    tell("Look at the camera ...")
    try:
        outcome = recogniser.enroller(len(gallery)).enrol(look(recogniser.config), gallery)
    except PhotoError as exc:
        tell(f"Nobody was enrolled from the camera ({exc}); only the sample people are.")
        return gallery
    return gallery.with_subject("you", outcome.templates)


def _source(config: Config, clock: SystemClock, *, fast: bool) -> Callable[[], Camera]:
    if config.camera.source:
        return lambda: open_camera(config.camera, clock)
    return lambda: sample_camera(clock, pace="fast" if fast else "recorded")


def _watch(mqtt: MqttSection, board: AttendanceList, *, as_json: bool) -> Callable[[], None]:
    """Watch in the background; gives what ends it."""
    screen = screen_for(sys.stdout, board, Roster(), Config().zone, as_json=as_json)
    stop = threading.Event()
    thread = threading.Thread(
        target=watch, args=(mqtt, board, screen), kwargs={"stop": stop}, daemon=True, name="watch"
    )
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(_ARRIVAL_S)

    return end


def _count(board: AttendanceList) -> int:
    return sum(len(board.attended(session)) for session in board.sessions)


def _verdict(board: AttendanceList, *, as_json: bool) -> tuple[str, bool]:
    """Say how the sample walk was read, and whether that is right."""
    walked = expected()
    named = [event.subject_id for session in board.sessions for event in board.attended(session)]
    facts = {
        "recognised": sorted(named),
        "expected": sorted(walked.known),
        "stranger_named": walked.stranger in named,
    }
    stranger = "a stranger was given a name" if facts["stranger_named"] else "the stranger was not"
    text = f"{len(named)} of {len(walked.known)} enrolled people were named; {stranger}."
    right = facts["recognised"] == facts["expected"]
    return (msgspec.json.encode(facts).decode() if as_json else text), right
