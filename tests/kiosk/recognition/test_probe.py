"""The step that enrolment and the door share: align, check quality, embed."""

import numpy as np

from kiosk.config.keys import QualitySection
from kiosk.recognition.align import align
from kiosk.recognition.probe import make_probe
from kiosk.recognition.quality import check_quality
from kiosk.recognition.upright import UPSIDE_DOWN, UprightCheck
from kiosk.records import Face, Floats, Image, Quality
from tests.support_recognition import embedding, face

FACE = face(160, 120, 112)
SHARP: Image = (
    np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8).repeat(4, 0).repeat(4, 1)
)


class Recorder:
    """An embedder that keeps the crops that it was given."""

    def __init__(self) -> None:
        self.crops: list[Image] = []

    def embed(self, crop: Image) -> Floats:
        self.crops.append(crop)
        return embedding(1)


class Verdict(UprightCheck):
    """A check that always says the same, and counts how often it is asked."""

    def __init__(self, reason: str = "") -> None:
        self.asked = 0
        self._reason = reason

    def reject_reason(self, image: Image, face: Face) -> str:
        self.asked += bool(image.size and face.score)
        return self._reason


def test_a_usable_face_is_aligned_and_embedded() -> None:
    """The embedder gets the aligned crop, and the probe has the crop's quality."""
    embedder = Recorder()
    probe = make_probe(SHARP, FACE, QualitySection(), Verdict(), embedder)
    crop = align(SHARP, FACE.landmarks)
    assert [np.array_equal(one, crop) for one in embedder.crops] == [True]
    assert probe.embedding is not None
    assert probe.quality == check_quality(FACE, crop, QualitySection())


def test_an_unusable_face_is_not_embedded() -> None:
    """A face of too low quality has a reason and no embedding; check and model are not run."""
    embedder, check = Recorder(), Verdict(UPSIDE_DOWN)
    grey: Image = np.full((240, 320, 3), 128, np.uint8)
    probe = make_probe(grey, FACE, QualitySection(), check, embedder)
    assert (probe.embedding, probe.quality.reason, embedder.crops) == (None, "blurred", [])
    assert check.asked == 0


def test_a_turned_face_is_not_embedded() -> None:
    """A face that is good but for its turn has the reason of the check; the model is not run."""
    embedder = Recorder()
    probe = make_probe(SHARP, FACE, QualitySection(), Verdict(UPSIDE_DOWN), embedder)
    assert probe.quality == Quality(0.0, UPSIDE_DOWN)
    assert (probe.embedding, embedder.crops) == (None, [])
