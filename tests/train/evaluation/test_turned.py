"""Strangers at a turned camera, measured on small drawn walks."""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.demo.sample_people import enrolment_photos, sample_people
from kiosk.errors import DatasetError
from kiosk.recognition.card import OperatingPoint
from tests.support import needs_photos
from tests.support_recognition import picture
from tests.support_train import make_crop_set, see
from train.evaluation import archives, evaluate, turned
from train.evaluation.figures import figures
from train.evaluation.recogniser import PLAIN_COSINE, RecogniserUnderTest
from train.evaluation.turned import TurnedRate, evaluate_turned, read_turned_faces, turn_picture

PEOPLE = 4
FRAMES = 3
EVERYBODY_MATCHES = (OperatingPoint(0.003, 10, -1.0, 0.0),)
RECOGNISER = RecogniserUnderTest(see, PLAIN_COSINE)


def write_walks(path: Path, people: int = PEOPLE) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for person in sample_people()[:people]:
            for number, photo in enumerate(enrolment_photos(person)[:FRAMES]):
                frame = picture(photo, 28, (240, 240))
                data = bytes(cv2.imencode(".webp", frame)[1])
                archive.writestr(f"{person}/video/{number}.webp", data)
        archive.writestr("notes.txt", "not a frame")
    return path


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_walks(tmp_path_factory.mktemp("walks") / "walks.zip")


@pytest.fixture
def rows(walks: Path, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[int, int], TurnedRate]:
    monkeypatch.setattr(turned, "ANGLES", (0, 180))
    found = evaluate_turned(RECOGNISER, EVERYBODY_MATCHES, read_turned_faces(walks))
    return {(row.angle, row.gallery_size): row for row in found}


@needs_photos
def test_only_upright_strangers_can_get_a_name(rows: dict[tuple[int, int], TurnedRate]) -> None:
    """At a threshold that everybody reaches, the check alone keeps strangers without a name."""
    assert rows[0, 1].named_unchecked.value == rows[0, 1].named.value == 1.0
    assert rows[180, 1].named_unchecked.value == 1.0
    assert rows[180, 1].named.value == 0.0
    assert (rows[0, 1].accepted.value, rows[180, 1].accepted.value) == (1.0, 0.0)


@needs_photos
def test_every_stranger_of_every_draw_counts(rows: dict[tuple[int, int], TurnedRate]) -> None:
    """Without the enrolled person, three people with three frames each are strangers, 20 times."""
    assert set(rows) == {(0, 1), (180, 1)}  # five enrolled would leave nobody
    assert rows[0, 1].named.n == 20 * (PEOPLE - 1) * FRAMES
    assert rows[0, 1].accepted.n == PEOPLE * FRAMES


@needs_photos
def test_a_report_has_the_turned_faces_that_were_asked_for(
    walks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an archive of walks there are two figures for each turn, at the report's thresholds."""
    monkeypatch.setattr(turned, "ANGLES", (0, 180))
    monkeypatch.setattr(archives, "read_videos", lambda _: None)  # needs more people
    crop_set = make_crop_set(tmp_path)
    (report,) = evaluate.evaluate_all({"r": RECOGNISER}, crop_set, None, walks)
    assert [(row.angle, row.gallery_size) for row in report.turned] == [(0, 1), (180, 1)]
    labels = [figure.label for figure in figures(report)]
    case = "camera turned by 180°, 1 enrolled: strangers named"
    assert labels[-2:] == [case, f"{case}, unchecked"]
    (plain,) = evaluate.evaluate_all({"r": RECOGNISER}, crop_set, None)
    assert plain.turned == ()


@needs_photos
def test_each_frame_gives_one_face(walks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every frame is read under its person, cut and checked."""
    monkeypatch.setattr(turned, "ANGLES", (0,))
    (faces,) = read_turned_faces(walks)
    assert list(faces.people) == [p for p in sorted(sample_people()[:PEOPLE]) for _ in range(3)]
    assert faces.crops.shape == (PEOPLE * FRAMES, 112, 112, 3)
    assert faces.is_upright.all()


@needs_photos
def test_one_person_is_too_few(tmp_path: Path) -> None:
    """Nobody is left as a stranger."""
    path = write_walks(tmp_path / "one.zip", people=1)
    with pytest.raises(DatasetError, match=r"one\.zip: fewer than two people"):
        read_turned_faces(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "not an archive of walks"),
        (b"no picture", r"not an archive of walks \(unreadable\)"),
        (
            bytes(cv2.imencode(".webp", np.zeros((64, 64, 3), np.uint8))[1]),
            "fewer than two people with a usable face at 0",
        ),
    ],
)
def test_an_unusable_archive_is_named(content: bytes | None, says: str, tmp_path: Path) -> None:
    """The error has the path and the reason."""
    path = tmp_path / "walks.zip"
    path.write_bytes(b"no archive")
    if content is not None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("person/video/1.webp", content)
    with pytest.raises(DatasetError, match=rf"walks\.zip: {says}"):
        read_turned_faces(path)


@pytest.mark.parametrize(
    ("size", "threshold"), [(1, 0.3), (10, 0.3), (11, 0.4), (100, 0.4), (101, 0.4)]
)
def test_the_strictest_threshold_of_the_next_larger_gallery_is_used(
    size: int, threshold: float
) -> None:
    """As at the door; beyond the largest gallery measured, its threshold."""
    points = [
        OperatingPoint(0.01, 10, 0.1, 0.0),
        OperatingPoint(0.01, 100, 0.2, 0.0),
        OperatingPoint(0.003, 10, 0.3, 0.0),
        OperatingPoint(0.003, 100, 0.4, 0.0),
    ]
    assert turned._threshold(points, size) == threshold


def test_a_turned_picture_holds_all_of_the_frame() -> None:
    """The middle stays in the middle, and no corner is cut off at any turn."""
    frame = np.zeros((60, 80, 3), np.uint8)
    frame[28:32, 38:42] = 255
    assert turn_picture(frame, 0).shape == (100, 100, 3)
    right = turn_picture(frame, 90)
    assert right[46:54, 46:54].any()
    frame[:] = 0
    frame[:4, :4] = 255  # the corner goes from top left to bottom left
    assert turn_picture(frame, 90)[85:, :25].any()
