"""What the tests of recognition build: faces, embeddings, pictures and a small real model.

OpenCV and the runtime are imported by the functions that need them: the tests of arithmetic start
without both.
"""

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kiosk.contract import (
    COHORT_NEAREST,
    COHORT_WEIGHT,
    CROP_PX,
    EMBEDDING_DIM,
    TEMPLATE,
    fingerprint,
)
from kiosk.recognition.bundle import Bundle
from kiosk.recognition.card import ModelCard, OperatingPoint
from kiosk.recognition.match import Cohort
from kiosk.recognition.vectors import unit
from kiosk.records import Face, Floats, Image

THRESHOLD = 0.85
"""The small model's: one ORL photo that walks past differs less, two people differ more."""

NO_COHORT: Floats = np.empty((0, EMBEDDING_DIM), np.float32)
"""Of a bundle whose scores are plain cosines."""
PLAIN = Cohort(NO_COHORT)


def face(x: float, y: float, size: float, score: float = 0.9) -> Face:
    """A frontal face with its middle at ``x``, ``y``."""
    box = np.array([x - size / 2, y - size / 2, size, size], np.float32)
    landmarks = (TEMPLATE / CROP_PX - 0.5) * size + np.array([x, y], np.float32)
    return Face(box, landmarks.astype(np.float32), score)


def embedding(seed: int) -> Floats:
    """A direction of its own for each seed; ``(128,)`` of length 1."""
    return unit(np.random.default_rng(seed).normal(size=EMBEDDING_DIM))


def picture(photo: Image, left: int = 0, size: tuple[int, int] = (320, 240)) -> Image:
    """Put a photo, twice its size, before a grey wall."""
    import cv2

    canvas = np.full((size[1], size[0], 3), 128, np.uint8)
    large = np.asarray(cv2.resize(photo, None, fx=2.0, fy=2.0), np.uint8)
    canvas[: large.shape[0], left : left + large.shape[1]] = large
    return canvas


def write_folder(folder: Path, pictures: Sequence[Image]) -> Path:
    """Write pictures in the order that backend "replay" shows them."""
    import cv2

    folder.mkdir()
    for index, image in enumerate(pictures):
        assert cv2.imwrite(str(folder / f"{index:04d}.png"), image)
    return folder


@functools.cache
def small_bundle() -> Bundle:
    """A whole bundle around a real int8 model, which sees patches of colour and no faces."""
    from kiosk.recognition.tflite import TfliteModel
    from tests.tflite_file import patch_model

    crops = _drawn_crops()
    model = patch_model()
    runner = TfliteModel(model)
    digest = hashlib.sha256(model).hexdigest()
    card = ModelCard(
        model_id=f"small-{digest[:12]}",
        contract=fingerprint(),
        sha256=digest,
        cohort_nearest=COHORT_NEAREST,
        cohort_weight=COHORT_WEIGHT,
        architecture="mean of patches, one random projection",
        quantisation={},
        operating_points=(
            OperatingPoint(fpir=0.003, gallery_size=10, threshold=THRESHOLD, fnir=0.5),
            OperatingPoint(fpir=0.003, gallery_size=100, threshold=THRESHOLD + 0.01, fnir=0.6),
            OperatingPoint(fpir=0.01, gallery_size=100, threshold=THRESHOLD - 0.05, fnir=0.4),
        ),
        evaluation={},
        training={},
        licence="none: it is random",
        created="2026-01-05T08:00:00+00:00",
    )
    outputs = [runner.run_crop(crop) for crop in crops]
    return Bundle(card, model, crops, np.stack(outputs), NO_COHORT)


def _drawn_crops() -> Image:
    cells = np.random.default_rng(7).integers(0, 256, (6, 8, 8, 3), np.uint8)
    side = CROP_PX // 8
    return cells.repeat(side, axis=1).repeat(side, axis=2)
