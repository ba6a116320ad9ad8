"""Walks: enrol people from one video each, and identify them in their other videos.

The protocol: every frame of a video is one of a walk past a camera. In each of :data:`DRAWS` random
galleries people are enrolled from one video, as the mean of its frames and their mirror images.
Each other video of theirs is a walk, and the videos of all people who are not enrolled are
strangers' walks. Each video is scored

- by its first frame alone, and by the mean of its frames, at the lowest threshold at which at most
  the FPIR asked for of these strangers get a name, and
- as the kiosk decides within a second: each frame stands for a third of 15 frames per second, and
  from ``votes_min`` frames on the kiosk decides at each of them on the mean so far, with margin and
  agreement. The strangers can get a name at each of them, too. This is also measured at the
  operating points, which come from other people.

Frames are used as they are and shrunk: the aligned crop is scaled down to 40 or 24 pixels and up
again. Templates always come from frames as they are. All people are used together, and the two
halves apart (a hash of the person decides), so that a choice made on one can be checked on the
other. Intervals are over people.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import msgspec
import numpy as np
import numpy.typing as npt

from kiosk.config import DecisionSection
from kiosk.contract import CROP_PX
from kiosk.errors import DatasetError
from kiosk.recognition.match import Cohort
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from train.evaluation.metrics import Bools, Ints, Rate, bootstrap, quantile_threshold
from train.evaluation.recogniser import RecogniserUnderTest
from train.evaluation.videos import Half, Videos, half_of, shrink

Probe: TypeAlias = Literal["one frame", "mean", "one second"]

GALLERY_SIZES: Final[Mapping[Half, int]] = {"all": 100, "dev": 40, "test": 40}
FACE_WIDTHS_PX: Final = (CROP_PX, 40, 24)
"""The first is the frame as it is."""
DRAWS: Final = 20
FPIRS: Final = (0.01, 0.003)
FRAMES_OF_A_SECOND: Final = 15
_RULE: Final = DecisionSection()


class WalkRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Error rates of one way to score walks.

    Attributes:
        half: Which people.
        face_px: Width that the aligned crops were shrunk to; 112 is the frame as it is.
        probe: What was scored.
        fpir_asked: The FPIR that the threshold was set for.
        threshold: Score; set on these strangers, or that of the operating point.
        is_operating_point: Which of the two.
        fpir: Share of strangers' walks that got a name.
        fnir: Share of enrolled people's walks that did not get their own name.
    """

    half: Half
    face_px: int
    probe: Probe
    fpir_asked: float
    threshold: float
    is_operating_point: bool
    fpir: Rate
    fnir: Rate


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


def _best(scores: Floats) -> tuple[Floats, Ints]:
    return scores.max(axis=1), scores.argmax(axis=1).astype(np.int64)


def _within_a_second(tables: WalkTables, walks: Ints, gallery: Ints) -> tuple[Floats, Ints]:
    """Score walks as the kiosk decides: the highest score at which it would give a name.

    Returns:
        ``(w,)`` score, -1 where margin or agreement fail all the time; ``(w,)`` who is named.
    """
    votes = tables.frames[:, walks][:, :, gallery].argmax(axis=2)[tables.shown]
    best = np.full(len(walks), -1.0, np.float32)
    who = np.zeros(len(walks), np.int64)
    for count in range(_RULE.votes_min, FRAMES_OF_A_SECOND + 1):
        scores = tables.means[count - 1][np.ix_(walks, gallery)]
        score, first = _best(scores)
        second = np.partition(scores, -2, axis=1)[:, -2]
        own = (votes[:count] == first).sum(axis=0)
        is_agreed = (own >= _RULE.votes_min) & (own >= _RULE.agreement_min * count)
        is_better = is_agreed & (score - second >= _RULE.margin_min) & (score > best)
        best, who = np.where(is_better, score, best), np.where(is_better, first, who)
    return best, who


@dataclass(slots=True)
class _Outcomes:
    """Scores over all galleries, with the person of each walk; -1 for a wrong name."""

    mated: list[Floats]
    mated_people: list[npt.NDArray[np.str_]]
    strangers: list[Floats]
    stranger_people: list[npt.NDArray[np.str_]]

    def rates(self, threshold: float) -> tuple[Rate, Rate]:
        """Return FPIR and FNIR."""
        named, missed = np.concatenate(self.strangers), np.concatenate(self.mated)
        return (
            bootstrap(_by_person(named >= threshold, np.concatenate(self.stranger_people))),
            bootstrap(_by_person(missed < threshold, np.concatenate(self.mated_people))),
        )


def _by_person(hits: Bools, people: npt.NDArray[np.str_]) -> list[Bools]:
    return [hits[people == person] for person in np.unique(people)]


def _draw(people: npt.NDArray[np.str_], half: Half, seed: int) -> tuple[Ints, Ints]:
    """Enrol people at random; return the videos that enrol them, and all videos that walk past.

    Raises:
        DatasetError: Too few people have two videos.
    """
    inside = [i for i, one in enumerate(people) if half in ("all", half_of(str(one)))]
    videos: defaultdict[str, list[int]] = defaultdict(list)
    for index in inside:
        videos[str(people[index])].append(index)
    fit = sorted(person for person, own in videos.items() if len(own) > 1)
    size = GALLERY_SIZES[half]
    if len(fit) < size or len(videos) == size:
        raise DatasetError(f"walks: {len(fit)} people have two videos, expected more than {size}")
    rng = np.random.default_rng(seed)
    chosen = [videos[str(person)] for person in rng.choice(fit, size, replace=False)]
    gallery = np.array([own[int(rng.integers(len(own)))] for own in chosen], np.int64)
    return gallery, np.setdiff1d(np.array(inside, np.int64), gallery)


def _outcomes(tables: WalkTables, half: Half, probe: Probe) -> _Outcomes:
    found = _Outcomes([], [], [], [])
    for seed in range(DRAWS):
        gallery, walks = _draw(tables.people, half, seed)
        if probe == "one second":
            scores, who = _within_a_second(tables, walks, gallery)
        else:
            table = tables.mean if probe == "mean" else tables.frames[0]
            scores, who = _best(table[np.ix_(walks, gallery)])
        people, enrolled = tables.people[walks], tables.people[gallery]
        is_mated = np.isin(people, enrolled)
        is_right = enrolled[who] == people
        found.mated.append(np.where(is_right, scores, -1.0)[is_mated].astype(np.float32))
        found.mated_people.append(people[is_mated])
        found.strangers.append(scores[~is_mated].astype(np.float32))
        found.stranger_people.append(people[~is_mated])
    return found


def evaluate_walks(
    recogniser: RecogniserUnderTest, videos: Videos, thresholds: Mapping[tuple[float, int], float]
) -> tuple[WalkRate, ...]:
    """Measure a recogniser on walks.

    Args:
        recogniser: The recogniser.
        videos: From :func:`.videos.read_videos`.
        thresholds: The operating points: thresholds by FPIR and gallery size.

    Raises:
        DatasetError: Too few people have two videos.
    """

    def embed(crops: Image) -> Floats:
        starts = range(0, len(crops), 512)
        return np.concatenate([recogniser.embed(crops[start : start + 512]) for start in starts])

    embeddings = embed(videos.crops)
    mirrored = embed(np.ascontiguousarray(videos.crops[:, :, ::-1]))
    rates: list[WalkRate] = []
    for width_px in FACE_WIDTHS_PX:
        probes = embeddings if width_px == CROP_PX else embed(shrink(videos.crops, width_px))
        tables = score_videos(videos, embeddings, mirrored, probes, recogniser.cohort)
        for half in GALLERY_SIZES:
            for probe in get_args(Probe):
                rates += _rates(tables, half, width_px, probe, thresholds)
    return tuple(rates)


def _rates(
    tables: WalkTables,
    half: Half,
    face_px: int,
    probe: Probe,
    thresholds: Mapping[tuple[float, int], float],
) -> Iterator[WalkRate]:
    found = _outcomes(tables, half, probe)
    strangers = np.concatenate(found.strangers)
    for fpir in FPIRS:
        threshold = quantile_threshold(strangers, fpir)
        yield WalkRate(half, face_px, probe, fpir, threshold, False, *found.rates(threshold))
        point = thresholds.get((fpir, GALLERY_SIZES[half]))
        if point is not None and probe == "one second":
            yield WalkRate(half, face_px, probe, fpir, point, True, *found.rates(point))
