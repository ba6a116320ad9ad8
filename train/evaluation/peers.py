"""Recognisers of other projects, evaluated in one run with ours and put side by side."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
from tqdm import tqdm

from kiosk.bench.peers import EmbedOne, peer_embedders
from kiosk.recognition.bundle import Bundle
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.match import Cohort
from kiosk.records import Floats, Image
from train.dataset.crop_set import CropSet
from train.evaluation.cohort import Embed, RecogniserUnderTest, make_cohort
from train.evaluation.evaluate import Lfw, Report, evaluate
from train.evaluation.metrics import Rate


class CachedEmbedder:
    """Embeds, and remembers what it gave.

    The report and the DET curve ask for the same crops, and embedding is what takes the time.

    Args:
        embed: Embeds crops.
    """

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._known: dict[bytes, Floats] = {}

    def __call__(self, crops: Image) -> Floats:
        """Embed ``(n, 112, 112, 3)`` uint8 RGB; ``(n, dim)`` float32 of length 1."""
        key = hashlib.blake2b(crops.tobytes()).digest()
        if key not in self._known:
            self._known[key] = self._embed(crops)
        return self._known[key]


def load_peers(folder: Path) -> dict[str, Embed]:
    """Load the peers, each fed as its own project feeds it: the very ones that the benchmark times.

    Args:
        folder: Holds ``MobileFaceNet.onnx`` and ``mobilefacenet_int8_peer.tflite``.

    Returns:
        ``sface``, ``mobilefacenet`` and ``mobilefacenet-int8``.

    Raises:
        ModelError: A file is absent or cannot be run.
    """
    return {name: _one_by_one(embed) for name, embed in peer_embedders(folder).items()}


def bundle_embedder(bundle: Bundle) -> Embed:
    """Embed with a model bundle, as the kiosk does."""
    return _one_by_one(TfliteEmbedder(bundle).embed)


def _one_by_one(embed_one: EmbedOne) -> Embed:
    return lambda crops: np.stack([embed_one(crop) for crop in crops])


def bundle_recogniser(bundle: Bundle) -> RecogniserUnderTest:
    """Measure a model bundle, with the cohort that it ships."""
    return RecogniserUnderTest(CachedEmbedder(bundle_embedder(bundle)), Cohort(bundle.cohort))


def with_own_cohorts(
    embedders: Mapping[str, Embed], crop_set: CropSet
) -> dict[str, RecogniserUnderTest]:
    """Give each recogniser a cohort of its own, of the same training photos."""
    bar = tqdm(embedders.items(), desc="cohorts", disable=None)
    return {
        name: RecogniserUnderTest(CachedEmbedder(embed), make_cohort(embed, crop_set))
        for name, embed in bar
    }


def compare(
    found: Mapping[str, RecogniserUnderTest], crop_set: CropSet, lfw: Path | None
) -> list[Report]:
    """Evaluate recognisers on the same crops.

    Args:
        found: By name, in the order of the reports.
        crop_set: With development and test people.
        lfw: The archive of LFW's pairs; ``None`` leaves it alone.

    Raises:
        DatasetError: Too few people are held out, or the archive cannot be read.
    """
    bar = tqdm(found.items(), desc="recognisers", disable=None)
    return [evaluate(name, recogniser, crop_set, lfw) for name, recogniser in bar]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a report.

    Attributes:
        label: What it is.
        rate: The figure.
        error: Its standard error, where the figure is given with one instead of an interval.
        note: What it applies to.
        more_is_better: As of an accuracy; of an error rate less is.
    """

    label: str
    rate: Rate
    error: float | None = None
    note: str = ""
    more_is_better: bool = False

    def __str__(self) -> str:
        """Write it for a table."""
        if math.isnan(self.rate.value):
            return "not measured"
        value = f"{self.rate.value:.2%}"
        if self.error is not None:
            return f"{value} ± {self.error:.2%}"
        return f"{value} ({self.rate.low:.2%} to {self.rate.high:.2%})"


def figures(report: Report) -> list[Figure]:
    """List what is compared, in the order of the table."""
    worst = report.groups[0] if report.groups else None
    nothing = Rate(math.nan, 0.0, 1.0, 0)
    return [
        *_lfw_figures(report.lfw),
        *chain.from_iterable(_identification_figures(report)),
        Figure(
            "worst group, test: false match rate",
            worst.fmr if worst else nothing,
            note=worst.group if worst else "",
        ),
        Figure("relatives, test: false match rate", report.relatives or nothing),
    ]


def _lfw_figures(lfw: Lfw | None) -> Iterator[Figure]:
    if lfw is None:
        return
    found = lfw.verification
    own = Rate(found.accuracy, math.nan, math.nan, found.n)
    yield Figure(
        "LFW, ten folds: accuracy ± standard error", own, found.standard_error, more_is_better=True
    )
    yield Figure("LFW: TAR at FAR 1 %", lfw.tar_at_far_1, more_is_better=True)
    yield Figure("LFW: TAR at FAR 0.1 %", lfw.tar_at_far_01, more_is_better=True)


def _identification_figures(report: Report) -> Iterator[list[Figure]]:
    points = zip(
        report.operating_points, report.development, report.test, report.cosine, strict=True
    )
    for point, development, test, cosine in points:
        case = f"{point.gallery_size} enrolled, FPIR {point.fpir * 100:g} %"
        yield [
            Figure(f"{case}: FNIR, development", development.fnir),
            Figure(f"{case}: FNIR, test", test.fnir),
            Figure(f"{case}: FPIR in truth, test", test.fpir),
            Figure(f"{case}: FNIR by cosine alone, test", cosine.fnir),
            Figure(f"{case}: FPIR in truth by cosine alone, test", cosine.fpir),
        ]


def render_reports(reports: Sequence[Report]) -> str:
    """Write reports of one run side by side."""
    columns = [{figure.label: figure for figure in figures(report)} for report in reports]
    rows = [["", *(report.name for report in reports)]]
    for label in columns[0] if columns else ():
        found = [column.get(label) for column in columns]
        rows.append([label, *(str(figure or "not measured") for figure in found)])
        notes = [figure.note if figure else "" for figure in found]
        if any(notes):
            rows.append(["    which", *notes])
    return "\n".join([*_table(rows), "", *_NOTES])


_NOTES: Final = (
    "In brackets: 95 % intervals (LFW: Wilson's; else a bootstrap over people).",
    "Thresholds are set on development people, so that the upper end of the interval of FPIR there",
    "is no more than asked for; test people share nobody with them.",
    "Scores, except LFW's, are held against a cohort of training people, each recogniser's own.",
    "Worst group and relatives: at the threshold of the smallest FPIR and the largest gallery.",
)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
