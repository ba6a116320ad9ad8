"""Score every video for every video as a template, at each moment of a second."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from kiosk.contract import CROP_PX
from kiosk.recognition.match import Cohort
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from train.evaluation.recogniser import Embed
from train.evaluation.videos import Videos, shrink
from train.metrics import Ints

FRAMES_OF_A_SECOND: Final = 15
_BATCH: Final = 512


@dataclass(frozen=True, slots=True, eq=False)
class WalkTables:
    """Scores of every video for every video as a template, at each moment of the walk.

    Attributes:
        people: ``(v,)`` who is in each video.
        frames: ``(f, v, v)`` score of each frame alone.
        means: ``(FRAMES_OF_A_SECOND, v, v)`` score of the mean of the first frames of a second.
        mean: ``(v, v)`` score of the mean of all frames.
        shown: ``(FRAMES_OF_A_SECOND,)`` which frame the camera sees.
    """

    people: npt.NDArray[np.str_]
    frames: Floats
    means: Floats
    mean: Floats
    shown: Ints


def tables_of(embed: Embed, videos: Videos, cohort: Cohort, width_px: int = CROP_PX) -> WalkTables:
    """Embed and score all videos; templates come from frames as they are.

    Args:
        embed: Embeds crops; one that stores its results embeds each frame once for all calls.
        videos: The videos.
        cohort: Normalises the scores.
        width_px: Width that the frames which walk past are shrunk to.
    """
    mirrored = np.ascontiguousarray(videos.crops[:, :, ::-1])
    crops = (videos.crops, mirrored, shrink(videos.crops, width_px))
    embeddings, mirrors, probes = (_embed_frames(embed, one) for one in crops)
    return score_videos(videos, embeddings, mirrors, probes, cohort)


def _embed_frames(embed: Embed, crops: Image) -> Floats:
    starts = range(0, len(crops), _BATCH)
    return np.concatenate([embed(crops[start : start + _BATCH]) for start in starts])


def score_videos(
    videos: Videos, embeddings: Floats, mirrored: Floats, probes: Floats, cohort: Cohort
) -> WalkTables:
    """Score all videos.

    Args:
        videos: The videos.
        embeddings: ``(n, dim)`` of the frames as they are, for templates.
        mirrored: The same of their mirror images.
        probes: The same of the frames that walk past.
        cohort: Normalises the scores.
    """
    both = unit(embeddings + mirrored)
    templates = unit(np.stack([both[list(frames)].mean(axis=0) for frames in videos.frames]))
    count = max(map(len, videos.frames))
    # A video with fewer frames shows its last one for longer.
    walks = np.stack([probes[[*one, *[one[-1]] * (count - len(one))]] for one in videos.frames])
    shown = np.arange(FRAMES_OF_A_SECOND) * count // FRAMES_OF_A_SECOND
    sums = np.cumsum(walks[:, shown], axis=1)
    means = [cohort.scores(unit(sums[:, n]), templates) for n in range(FRAMES_OF_A_SECOND)]
    return WalkTables(
        np.array(videos.people),
        np.stack([cohort.scores(walks[:, n], templates) for n in range(count)]),
        np.stack(means),
        cohort.scores(unit(walks.sum(axis=1)), templates),
        shown.astype(np.int64),
    )
