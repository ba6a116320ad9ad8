"""Compare recognisers on development people, to choose one before test people are looked at.

Test people are looked at if this is asked for (:mod:`train.evaluation.compare_walks`).

Each walk is compared with each other walk: a person's mean template of it (frames and their mirror
images), with the mean of the other's frames. The frames of the second are used as they are and
shrunk. A photo is a walk of one frame. FRR is the mean of those at three FARs, each at the lowest
threshold for the recogniser's own impostors. Intervals are over people, at fixed thresholds.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from kiosk.contract import CROP_PX
from kiosk.errors import DatasetError
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from kiosk.text_table import aligned
from train.dataset.crop_set import CropSet
from train.dataset.sources import Split
from train.evaluation.compare_walks import compare_walks
from train.evaluation.compared_figure import ComparedFigure, figure_label
from train.evaluation.recogniser import PLAIN_COSINE, RecogniserUnderTest
from train.evaluation.side_by_side import side_by_side
from train.evaluation.videos import Videos, read_videos, shrink
from train.evaluation.walks import FACE_WIDTHS_PX
from train.group_sums import sum_groups
from train.metrics import Ints, Rate, bootstrap, quantile_threshold

FARS: Final = (0.001, 0.003, 0.01)
PHOTOS_EACH: Final = 4
"""Photos of a development person, at most; of a training person it is two."""
_SEED: Final = 1

_NOTES: Final = (
    "FRR, mean of those at a FAR of 0.1, 0.3 and 1 %: less is better. In brackets: the change",
    "beside the first, with its 95 % interval by person. Probes are shrunk to the width, templates",
    "are not. Scores are cosines that a cohort of training people normalises.",
)
_TRAINING_NOTE: Final = (
    "Training people say nothing of a network that learnt from their photos; the cohort is made of",
    "them, too.",
)
_LAST_LOOK_NOTES: Final = (
    "FNIR of the mean of a walk's frames, mean of those at an FPIR of 0.3, 1 and 3 %. These",
    "strangers set the thresholds. Half of all people are development people. Look only once.",
)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Walks that are compared with one another.

    Attributes:
        label: What they are, for people.
        people: ``(w,)`` who is in each walk.
        walks: ``(n,)`` the walk of each crop.
        crops: ``(n, 112, 112, 3)`` uint8 RGB.
    """

    label: str
    people: Sequence[str]
    walks: Ints
    crops: Image


class Comparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All figures of some recognisers.

    Attributes:
        recognisers: Their names.
        figures: FRR of development people, and of training people if they were asked for.
        means: The mean of all these figures of each recogniser.
        has_training_people: Whether training people are among those measured.
        last_look: FNIR of walks of test people and of all people; empty if not asked for.
    """

    recognisers: tuple[str, ...]
    figures: tuple[ComparedFigure, ...]
    means: tuple[float, ...]
    has_training_people: bool
    last_look: tuple[ComparedFigure, ...] = ()


def compare(
    recognisers: Mapping[str, RecogniserUnderTest],
    crop_set: CropSet,
    walks: Path | None = None,
    training_people: int | None = None,
    *,
    test_people: bool = False,
) -> Comparison:
    """Compare recognisers.

    Args:
        recognisers: By name; the changes are beside the first.
        crop_set: Its development people are compared; `kiosk-train teach` was run on it.
        walks: Archive of walks; of its people, those of the development half.
        training_people: How many people of the training split to compare, too; ``None``: none.
        test_people: Whether the walks of test people in the archive are compared, too.

    Raises:
        DatasetError: Nobody has two photos; or the archive cannot be read, or has too few people.
    """
    samples = [_photos("photos", crop_set, "dev", PHOTOS_EACH)]
    if training_people is not None:
        label = f"photos of {training_people:,} training people"
        samples.append(_photos(label, crop_set, "train", 2, training_people))
    if walks is not None:
        samples.insert(0, _walks(read_videos(walks, "dev")))
    columns = side_by_side(
        lambda name: dict(found for one in samples for found in _measure(recognisers[name], one)),
        [*recognisers],
        "recognisers",
    )
    figures = tuple(_figure(label, [column[label] for column in columns]) for label in columns[0])
    means = tuple(
        float(np.mean([figure.rates[at].value for figure in figures]))
        for at in range(len(recognisers))
    )
    last_look: tuple[ComparedFigure, ...] = ()
    if test_people and walks is not None:
        last_look = compare_walks(recognisers, read_videos(walks))
    return Comparison((*recognisers,), figures, means, training_people is not None, last_look)


def render_comparison(found: Comparison) -> str:
    """Return a comparison as a text table, one column for each recogniser."""
    rows = [["", *found.recognisers], *map(_row, found.figures)]
    rows.append(["mean", *(f"{100 * mean:.2f}" for mean in found.means)])
    notes = [*_NOTES, *(_TRAINING_NOTE if found.has_training_people else ())]
    lines = [*aligned(rows), "", *notes]
    if found.last_look:
        lines += ["", *aligned([rows[0], *map(_row, found.last_look)]), "", *_LAST_LOOK_NOTES]
    return "\n".join(lines)


def _row(figure: ComparedFigure) -> list[str]:
    changes = ["", *(f" ({_points(change)})" for change in figure.changes[1:])]
    cells = zip(figure.rates, changes, strict=True)
    return [figure.label, *(f"{100 * rate.value:.1f}{change}" for rate, change in cells)]


def _points(change: Rate) -> str:
    # Rounded before 0 is added, which makes -0.0 positive.
    value, low, high = (
        round(100 * number, 1) + 0.0 for number in (change.value, change.low, change.high)
    )
    return f"{value:+.1f}: {low:+.1f} to {high:+.1f}"


def _walks(videos: Videos) -> Sample:
    order = np.concatenate([np.array(frames) for frames in videos.frames])
    walks = np.repeat(np.arange(len(videos.frames)), [len(frames) for frames in videos.frames])
    return Sample("walks", videos.people, walks, videos.crops[order])


def _photos(
    label: str, crop_set: CropSet, split: Split, each: int, people: int | None = None
) -> Sample:
    """Choose photos at random, of everybody or of some people, who have two or more."""
    rng = np.random.default_rng(_SEED)
    own: defaultdict[str, list[int]] = defaultdict(list)
    for index in crop_set.indices_of(split):
        if crop_set.photos[index].person:
            own[crop_set.photos[index].identity].append(int(index))
    names = sorted(name for name, indices in own.items() if len(indices) > 1)
    if not names:
        raise DatasetError(
            f"{crop_set.folder}: nobody of the {split!r} split has two photos; prepare with more"
        )
    chosen = rng.permutation(names)[:people]
    indices = np.concatenate([rng.permutation(own[name])[:each] for name in chosen])
    crops = np.concatenate([*crop_set.contract_crops(indices)])
    shown = [crop_set.photos[index].identity for index in indices]
    return Sample(label, shown, np.arange(len(indices)), crops)


def _measure(found: RecogniserUnderTest, sample: Sample) -> Iterator[tuple[str, list[Floats]]]:
    """Yield the label of each figure of a recogniser, and the misses of each person."""
    native = found.embed(sample.crops)
    mirrored = found.embed(np.ascontiguousarray(sample.crops[:, :, ::-1]))
    count = len(sample.people)
    templates = unit(sum_groups(native + mirrored, sample.walks, count))
    for width in FACE_WIDTHS_PX:
        seen = native if width == CROP_PX else found.embed(shrink(sample.crops, width))
        probes = unit(sum_groups(seen, sample.walks, count))
        for scoring, cohort in (("cosine", PLAIN_COSINE), ("score", found.cohort)):
            scores = cohort.scores(probes, templates)
            label = figure_label(sample.label, width, scoring)
            yield label, _misses(scores, np.array(sample.people))


def _misses(scores: Floats, people: np.ndarray) -> list[Floats]:
    """Return, of each person, at what share of the FARs each pair of walks is missed."""
    impostors = np.sort(scores[people[:, None] != people])
    thresholds = np.array([quantile_threshold(impostors, far) for far in FARS])
    found = []
    for person in np.unique(people):
        own = np.flatnonzero(people == person)
        pairs = scores[np.ix_(own, own)][~np.eye(len(own), dtype=bool)]
        found.append((pairs[:, None] < thresholds).mean(axis=1))
    return found


def _figure(label: str, misses: Sequence[list[Floats]]) -> ComparedFigure:
    rates = tuple(bootstrap(one) for one in misses)
    changes = tuple(
        bootstrap([new - old for new, old in zip(one, misses[0], strict=True)]) for one in misses
    )
    return ComparedFigure(label, rates, changes)
