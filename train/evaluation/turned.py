"""Turned faces: how many strangers get a name with a camera that is not upright.

The frames of people who walk past are turned, and pass the stages of the door: detection, quality,
the check that a face is upright, alignment, embedding. Each frame is decided on alone. People are
enrolled with the same turned camera, and not checked: turned faces resemble each other, so this is
where strangers get a name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import cv2
import msgspec
import numpy as np
from tqdm import tqdm

from kiosk.config.keys import DecisionSection, QualitySection
from kiosk.errors import DatasetError
from kiosk.recognition.align import align
from kiosk.recognition.card import OperatingPoint
from kiosk.recognition.detect import Detector
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.match import Cohort, Matcher
from kiosk.recognition.photo import decode_photo
from kiosk.recognition.quality import check_quality
from kiosk.recognition.upright import UprightCheck
from kiosk.records import Face, Floats, Image
from train.dataset.zip_archive import opened, read_member
from train.evaluation.recogniser import RecogniserUnderTest
from train.metrics import Bools, Rate, bootstrap

ANGLES: Final = (0, 20, 45, 60, 90, 180)
"""Turns of the camera, degrees; to the left and to the right in turn."""
GALLERY_SIZES: Final = (1, 5, 20, 100)
DRAWS: Final = 20
"""How many random galleries each figure is measured with."""
_BATCH: Final = 256


class TurnedRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The strangers' frames at one turn of the camera, against galleries of one size.

    Attributes:
        angle: Turn of the camera, degrees.
        gallery_size: How many people are enrolled.
        named_unchecked: Share of usable faces that would get a name without the check.
        named: Share of usable faces that get a name; enrolment is not checked, so that this shows
            what the check at the door does alone.
        accepted: Share of usable faces that the check accepts.
    """

    angle: int
    gallery_size: int
    named_unchecked: Rate
    named: Rate
    accepted: Rate


@dataclass(frozen=True, slots=True, eq=False)
class TurnedFaces:
    """The usable faces of all frames at one turn of the camera.

    Attributes:
        angle: Turn of the camera, degrees.
        people: ``(n,)`` whose faces they are.
        crops: ``(n, 112, 112, 3)`` uint8 RGB.
        is_upright: ``(n,)`` what the check says.
    """

    angle: int
    people: Sequence[str]
    crops: Image
    is_upright: Bools


def read_turned_faces(path: Path) -> tuple[TurnedFaces, ...]:
    """Read the usable faces of an archive at each turn of the camera.

    Args:
        path: Archive of walks: ``person/video/frame.webp``.

    Raises:
        DatasetError: The archive cannot be read, or has fewer than two people with a usable face
            at some turn.
    """
    return tuple(_find_faces(path, angle) for angle in ANGLES)


def evaluate_turned(
    recogniser: RecogniserUnderTest, points: Sequence[OperatingPoint], turns: Sequence[TurnedFaces]
) -> tuple[TurnedRate, ...]:
    """Measure how many strangers get a name with a turned camera.

    Args:
        recogniser: The recogniser.
        points: Its thresholds; those of the smallest FPIR are used.
        turns: The faces at each turn.

    Returns:
        A row for each turn and each gallery size that leaves strangers.
    """
    rows = []
    for faces in turns:
        starts = range(0, len(faces.crops), _BATCH)
        batches = [recogniser.embed(faces.crops[at : at + _BATCH]) for at in starts]
        embeddings = np.concatenate(batches)
        rows += [
            _rate(recogniser.cohort, faces, embeddings, size, _threshold(points, size))
            for size in GALLERY_SIZES
            if size < len(set(faces.people))
        ]
    return tuple(rows)


def _find_faces(path: Path, angle: int) -> TurnedFaces:
    """Turn each frame, every second one to the other side, and check the face in its middle."""
    detector, check, limits = Detector(), UprightCheck(), QualitySection()
    people: list[str] = []
    crops: list[Image] = []
    is_upright: list[bool] = []
    for index, (person, image) in enumerate(tqdm(_read(path), desc=f"{angle}°", mininterval=5)):
        picture = turn_picture(image, angle if index % 2 else -angle)
        face = _middle_face(picture, image.shape[:2], detector)
        if face is None:
            continue
        crop = align(picture, face.landmarks)
        if check_quality(face, crop, limits).weight > 0:
            people.append(person)
            crops.append(crop)
            is_upright.append(not check.reject_reason(picture, face))
    if len(set(people)) < 2:
        raise DatasetError(f"{path}: fewer than two people with a usable face at {angle} degrees")
    return TurnedFaces(angle, people, np.stack(crops), np.array(is_upright, np.bool_))


def turn_picture(image: Image, angle: float) -> Image:
    """Turn a picture anticlockwise about its middle, in a square that holds all of it.

    The edge is repeated outwards.

    Args:
        image: ``(height, width, 3)`` uint8 BGR.
        angle: Degrees.
    """
    height, width = image.shape[:2]
    side = int(np.ceil(np.hypot(height, width)))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    matrix[:, 2] += np.array([(side - width) / 2, (side - height) / 2])
    turned = cv2.warpAffine(image, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8)


def _read(path: Path) -> Iterator[tuple[str, Image]]:
    """Read person and picture of each frame, in the order of the names."""
    with opened(path, "an archive of walks") as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".webp"):
                yield PurePosixPath(name).parts[0], decode_photo(read_member(archive, name))


def _middle_face(picture: Image, frame: tuple[int, ...], detector: Detector) -> Face | None:
    """Find the face whose middle is within a quarter of the frame of the picture's middle."""
    middle = np.array(picture.shape[1::-1]) / 2
    near = [
        face
        for face in detector.find(picture)
        if np.hypot(*(face.box[:2] + face.box[2:] / 2 - middle)) < min(frame) / 4
    ]
    return max(near, key=lambda face: face.score, default=None)


def _threshold(points: Sequence[OperatingPoint], gallery_size: int) -> float:
    """Return the threshold of the smallest FPIR for the next larger gallery measured."""
    fpir = min(point.fpir for point in points)
    sizes = sorted(point.gallery_size for point in points if point.fpir == fpir)
    chosen = next((size for size in sizes if size >= gallery_size), sizes[-1])
    return next(p.threshold for p in points if (p.fpir, p.gallery_size) == (fpir, chosen))


def _rate(
    cohort: Cohort, faces: TurnedFaces, embeddings: Floats, size: int, threshold: float
) -> TurnedRate:
    """Measure one turn and gallery size over all draws; intervals are by person."""
    people = np.array(faces.people)
    own = {name: people == name for name in sorted(set(faces.people))}
    named: dict[str, list[Bools]] = {name: [] for name in own}
    for seed in range(DRAWS):
        drawn = np.random.default_rng(seed).choice(list(own), size, replace=False)
        gallery = Gallery("", {str(name): embeddings[own[str(name)]] for name in drawn})
        is_named = _is_named(Matcher(gallery, cohort).scores(embeddings), threshold)
        for name in set(own) - set(gallery.templates):
            named[name].append(is_named[own[name]])
    strangers = {name: np.stack(draws) for name, draws in named.items() if draws}
    accepted = {name: faces.is_upright[is_own] for name, is_own in own.items()}
    return TurnedRate(
        angle=faces.angle,
        gallery_size=size,
        named_unchecked=bootstrap([draws.ravel() for draws in strangers.values()]),
        named=bootstrap([(draws & accepted[name]).ravel() for name, draws in strangers.items()]),
        accepted=bootstrap(list(accepted.values())),
    )


def _is_named(scores: Floats, threshold: float) -> Bools:
    """Return which rows of ``(n, people)`` scores reach the threshold and the kiosk's margin."""
    ordered = np.sort(scores, axis=1)
    is_named: Bools = ordered[:, -1] >= threshold
    if scores.shape[1] > 1:
        is_named &= ordered[:, -1] - ordered[:, -2] >= DecisionSection().margin_min
    return is_named
