"""The data of each stage, as frozen records.

::

    Frame → Face → Track → Crop → Embedding → Match → Decision → Event

Images are ``(height, width, 3)`` uint8 BGR, as OpenCV gives them, until the alignment cuts
the RGB crop of :mod:`kiosk.contract`. Coordinates are pixels of the frame, origin top left.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture from the camera.

    Attributes:
        image: ``(height, width, 3)`` uint8 BGR.
        index: Number of the frame since the camera opened, from 0.
        at_s: When it was captured, seconds of a monotonic clock.
    """

    image: Image
    index: int
    at_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face that the detector found.

    Attributes:
        box: ``(4,)`` float32: left, top, width, height, frame pixels.
        landmarks: ``(5, 2)`` float32, in the order of :data:`kiosk.contract.LANDMARKS`.
        score: The detector's confidence, 0 to 1.
    """

    box: Floats
    landmarks: Floats
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One walk past the camera, up to the newest frame.

    Attributes:
        track_id: The number of the track.
        first: Its first face.
        face: Its newest face.
        seen_s: When the newest face was captured, seconds.
    """

    track_id: int
    first: Face
    face: Face
    seen_s: float


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality of a face.

    Attributes:
        weight: 0 (unusable) to 1; the weight of this frame in the mean of its track.
        reason: Why the weight is 0; otherwise empty.
    """

    weight: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """The enrolled person nearest to a probe.

    Attributes:
        subject_id: That person, or ``None`` when nobody is enrolled.
        score: Cosine to that person, normalised by the cohort (AS-norm), -1 to 1.
        margin: Score less the score of the second nearest person (-1 when there is none), 0 to 2.
    """

    subject_id: str | None
    score: float
    margin: float


class Verdict(StrEnum):
    """The verdict on a track.

    ``KNOWN``: one enrolled person. ``UNSURE``: somebody who resembles an enrolled person.
    ``STRANGER``: nobody who is enrolled. ``UNDECIDED``: too few frames yet; no
    :class:`Decision` has it.
    """

    KNOWN = "known"
    UNSURE = "unsure"
    STRANGER = "stranger"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of the frames of one track, without any image.

    Attributes:
        verdict: Known, unsure or stranger.
        subject_id: The person, when known; otherwise ``None``.
        score: Score of the mean embedding of the frames for the nearest person.
        margin: Margin of that mean.
        threshold: The threshold of the rule that was used.
        votes: How many frames of the mean voted for the person; all frames of the mean when not
            known.
        frames: How many usable frames of the track were decided on, the mean's included.
        quality: Mean weight of these frames, 0 to 1.
        direction: "left", "right" or "toward" (:func:`kiosk.recognition.track.direction`);
            ``None`` when not known.
    """

    verdict: Verdict
    subject_id: str | None
    score: float
    margin: float
    threshold: float
    votes: int
    frames: int
    quality: float
    direction: str | None = None


@dataclass(frozen=True, slots=True)
class FrameResult:
    """The result of one frame, without any image.

    Attributes:
        decisions: The decisions that were made at this frame.
        qualities: The quality of each face in the frame, refused faces included.
        verdicts: The verdict on the track of each face as it stands now.
    """

    decisions: tuple[Decision, ...]
    qualities: tuple[Quality, ...]
    verdicts: tuple[Verdict, ...] = ()
