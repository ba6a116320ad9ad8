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
from itertools import product
from typing import Final, Literal, TypeAlias, get_args

import msgspec
import numpy as np
import numpy.typing as npt

from kiosk.config.keys import DecisionSection
from kiosk.contract import CROP_PX
from kiosk.errors import DatasetError
from kiosk.records import Floats
from train.evaluation.recogniser import PLAIN_COSINE, RecogniserUnderTest
from train.evaluation.video_scores import FRAMES_OF_A_SECOND, WalkTables, tables_of
from train.evaluation.videos import Half, Videos, half_of
from train.metrics import Bools, Ints, Rate, bootstrap, quantile_threshold

Probe: TypeAlias = Literal["one frame", "mean", "one second"]

_Case: TypeAlias = tuple[Half, int, Probe, bool]
"""Half, width of the faces, probe, and whether scores are plain cosines."""

GALLERY_SIZES: Final[Mapping[Half, int]] = {"all": 100, "dev": 40, "test": 40}
FACE_WIDTHS_PX: Final = (CROP_PX, 40, 24)
"""The first is the frame as it is."""
DRAWS: Final = 20
FPIRS: Final = (0.01, 0.003)
_RULE: Final = DecisionSection()


class WalkRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Error rates of one way to score walks.

    Attributes:
        half: Which people.
        face_px: Width that the aligned crops were shrunk to; 112 is the frame as it is.
        probe: What was scored.
        is_cosine: Scored by plain cosines, without a cohort.
        fpir_asked: The FPIR that the threshold was set for.
        threshold: Score; set on these strangers, or that of the operating point.
        is_operating_point: Which of the two.
        fpir: Share of strangers' walks that got a name.
        fnir: Share of enrolled people's walks that did not get their own name.
    """

    half: Half
    face_px: int
    probe: Probe
    is_cosine: bool
    fpir_asked: float
    threshold: float
    is_operating_point: bool
    fpir: Rate
    fnir: Rate


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
class Outcomes:
    """Scores over all galleries, with the person of each walk.

    Attributes:
        mated: Of the walks of enrolled people, ``(m,)`` for each gallery; -1 for a wrong name.
        mated_people: Whose walks these are.
        strangers: Of the walks of strangers, ``(s,)`` for each gallery.
        stranger_people: Whose walks these are.
    """

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


def outcomes_of(tables: WalkTables, half: Half, probe: Probe) -> Outcomes:
    """Score the walks past all galleries.

    Raises:
        DatasetError: Too few people have two videos.
    """
    found = Outcomes([], [], [], [])
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
    rates: list[WalkRate] = []
    for width_px in FACE_WIDTHS_PX:
        for is_cosine, cohort in enumerate((recogniser.cohort, PLAIN_COSINE)):
            tables = tables_of(recogniser.embed, videos, cohort, width_px)
            points = {} if is_cosine else thresholds
            for half, probe in product(GALLERY_SIZES, get_args(Probe)):
                rates += _rates(tables, (half, width_px, probe, bool(is_cosine)), points)
    return tuple(rates)


def _rates(
    tables: WalkTables, case: _Case, thresholds: Mapping[tuple[float, int], float]
) -> Iterator[WalkRate]:
    half, _, probe, _ = case
    found = outcomes_of(tables, half, probe)
    strangers = np.concatenate(found.strangers)
    for fpir in FPIRS:
        threshold = quantile_threshold(strangers, fpir)
        yield WalkRate(*case, fpir, threshold, False, *found.rates(threshold))
        point = thresholds.get((fpir, GALLERY_SIZES[half]))
        if point is not None and probe == "one second":
            yield WalkRate(*case, fpir, point, True, *found.rates(point))
