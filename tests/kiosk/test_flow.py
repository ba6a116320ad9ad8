"""End to end: real video in, events from a real broker out, one process as a school runs it."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.camera.replay import open_recording
from kiosk.config.keys import Config
from kiosk.protocol.event import AttendanceEvent, decode
from kiosk.recognition.bundle import default_bundle
from kiosk.recognition.detect import Detector
from kiosk.recognition.gallery import Gallery, save_gallery
from kiosk.recognition.recogniser import Recogniser, build_recogniser
from kiosk.recognition.track import Tracker
from kiosk.records import Image
from tests.mosquitto import Mosquitto, kind_filter

VIDEO = Path(__file__).parents[3] / "shared" / "data" / "video"
STILLS = ("lin-manuel-miranda", "alex-lacamoire")
ENDS_S = 120.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not VIDEO.is_dir(), reason=f"{VIDEO} is absent: no real video to play"),
    pytest.mark.skipif(not default_bundle().exists(), reason="no default model bundle yet"),
]


def frames_of(name: str) -> list[Image]:
    return [image for image, _ in open_recording(VIDEO / name, fps=12.5)]


def write_frames(folder: Path, frames: Sequence[Image]) -> Path:
    folder.mkdir()
    for index, frame in enumerate(frames):
        assert cv2.imwrite(str(folder / f"{index:04d}.png"), frame)
    return folder


def people_in(frames: Sequence[Image]) -> dict[int, list[Image]]:
    """Cut each person out of a video in which no paths cross: each track is one person."""
    detector, tracker = Detector(width_px=480), Tracker(gap_max_s=2.0, reach=1.5)
    people: dict[int, list[Image]] = {}
    for index, frame in enumerate(frames):
        seen, _ = tracker.update(detector.find(frame), index * 0.08)
        for track in seen:
            x, y, w, h = track.face.box.astype(int)
            top, left = max(0, y - h // 2), max(0, x - w // 2)
            people.setdefault(track.track_id, []).append(
                np.ascontiguousarray(frame[top : y + h + h // 2, left : x + w + w // 2])
            )
    return people


def enrol_all(recogniser: Recogniser, people: dict[str, list[Image]]) -> Gallery:
    gallery = Gallery(recogniser.embedder.model_id, {})
    for subject, pictures in people.items():
        named = ((str(i), picture) for i, picture in enumerate(pictures))
        outcome = recogniser.enroller(len(gallery)).enrol(named, gallery)
        gallery = gallery.with_subject(subject, outcome.templates)
    return gallery


def play(
    broker: Mosquitto,
    folder: Path,
    source: Path,
    gallery: Gallery,
    *,
    width_px: int = 480,
) -> Counter[str]:
    """Run the daemon over a recording to its end; count the events of each subject."""
    folder.mkdir(exist_ok=True)
    save_gallery(folder / "gallery.npz", gallery)
    config = folder / "kiosk.toml"
    config.write_text(
        f"""
        [camera]
        backend = "replay"
        source = {json.dumps(str(source))}
        fps = 12.5
        pace = "fast"
        [detector]
        width_px = {width_px}
        [mqtt]
        host = "{broker.host}"
        port = {broker.port}
        [state]
        directory = {json.dumps(str(folder))}
        """
    )
    listener = broker.listen(kind_filter("attendance"), kind_filter("availability"))
    command = [sys.executable, "-m", "kiosk", "run", "--config", str(config)]
    subprocess.run(command, check=True, timeout=ENDS_S, cwd=Path(__file__).parents[2])
    named: Counter[str] = Counter()
    while True:
        topic, payload, retained = listener.heard.get(timeout=ENDS_S)
        if topic.endswith("attendance"):
            event = decode(payload)
            assert isinstance(event, AttendanceEvent)
            named[event.subject_id] += 1
        elif not retained and b"offline" in payload:
            return named


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return build_recogniser(Config())


@pytest.fixture(scope="module")
def corridor() -> list[Image]:
    return frames_of("face-demographics-walking-and-pause.gif")


@pytest.mark.parametrize("left_out", [None, 0, 1, 2])
def test_each_enrolled_person_of_three_gets_one_event(
    left_out: int | None,
    corridor: list[Image],
    recogniser: Recogniser,
    mosquitto: Mosquitto,
    tmp_path: Path,
) -> None:
    """Each enrolled person gets exactly one event; the person who is not enrolled gets none."""
    enrolment, probes = corridor[1::4], [f for i, f in enumerate(corridor) if i % 4 != 1]
    people = {
        f"p{number}": pictures
        for number, pictures in people_in(enrolment).items()
        if number != left_out
    }
    gallery = enrol_all(recogniser, people)
    assert len(gallery) == (3 if left_out is None else 2)
    source = write_frames(tmp_path / "frames", probes)
    named = play(mosquitto, tmp_path / "kiosk", source, gallery)
    assert named == Counter(dict.fromkeys(people, 1))


@pytest.mark.parametrize("left_out", [None, *STILLS])
def test_on_a_dark_stage_the_person_near_enough_gets_one_event(
    left_out: str | None, recogniser: Recogniser, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """Of two enrolled people of a clip the near one gets one event, and bystanders get none.

    The other is far away, with 9 pixels between the eyes: less than the kiosk's limit.
    """
    stills = {
        subject: [np.asarray(cv2.imread(str(VIDEO / "stills" / f"{subject}.jpg")), np.uint8)]
        for subject in STILLS
        if subject != left_out
    }
    gallery = enrol_all(recogniser, stills)
    clip = VIDEO / "short_hamilton_clip.mp4"
    named = play(mosquitto, tmp_path / "kiosk", clip, gallery, width_px=640)
    assert named == Counter({subject: 1 for subject in stills if subject == STILLS[0]})


def test_people_seen_from_behind_give_no_event(
    corridor: list[Image], recogniser: Recogniser, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """A video that shows no face gives no event."""
    people = {f"p{number}": own for number, own in people_in(corridor).items()}
    source = VIDEO / "one-by-one-person-detection.gif"
    named = play(mosquitto, tmp_path / "kiosk", source, enrol_all(recogniser, people))
    assert not named
