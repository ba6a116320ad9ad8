"""From a detected face to a probe: the step that enrolment and the door share."""

from dataclasses import dataclass

from kiosk.recognition.align import align
from kiosk.recognition.embed import Embedder
from kiosk.recognition.quality import QualityLimits, check_quality
from kiosk.recognition.upright import UprightCheck
from kiosk.records import Face, Floats, Image, Quality


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """An embedded face.

    Attributes:
        quality: The face's quality.
        embedding: ``(128,)`` float32 of length 1; ``None`` when the quality is too low to use.
    """

    quality: Quality
    embedding: Floats | None


def make_probe(
    image: Image, face: Face, limits: QualityLimits, upright: UprightCheck, embedder: Embedder
) -> Probe:
    """Align a face, check its quality, and embed it if it is usable.

    Args:
        image: ``(height, width, 3)`` uint8 BGR, in which the face was found.
        face: The face.
        limits: The quality limits.
        upright: Rejects turned faces; it takes longer than the limits and is asked last.
        embedder: Embeds the crop.

    Raises:
        ValueError: The landmarks coincide or are not finite.
    """
    crop = align(image, face.landmarks)
    quality = check_quality(face, crop, limits)
    if quality.weight > 0.0 and (reason := upright.reject_reason(image, face)):
        quality = Quality(0.0, reason)
    return Probe(quality, embedder.embed(crop) if quality.weight > 0.0 else None)
