"""The step that enrolment and the door share: align, check quality, embed."""

import numpy as np

from kiosk.config import QualitySection
from kiosk.recognition.align import align
from kiosk.recognition.probe import make_probe
from kiosk.recognition.quality import check_quality
from kiosk.records import Floats, Image
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


def test_a_usable_face_is_aligned_and_embedded() -> None:
    """The embedder gets the aligned crop, and the probe has the crop's quality."""
    embedder = Recorder()
    probe = make_probe(SHARP, FACE, QualitySection(), embedder)
    crop = align(SHARP, FACE.landmarks)
    assert [np.array_equal(one, crop) for one in embedder.crops] == [True]
    assert probe.embedding is not None
    assert probe.quality == check_quality(FACE, crop, QualitySection())


def test_an_unusable_face_is_not_embedded() -> None:
    """A face of too low quality has a reason and no embedding; the model is not run."""
    embedder = Recorder()
    grey: Image = np.full((240, 320, 3), 128, np.uint8)
    probe = make_probe(grey, FACE, QualitySection(), embedder)
    assert (probe.embedding, probe.quality.reason, embedder.crops) == (None, "blurred", [])
