"""Measure a run of recipe ``report``, and write the figures as text, JSON and CSV.

Three weaknesses are measured: held-out photos, strangers, and the cost of a new student.
"""

import math
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from kiosk.errors import DatasetError
from kiosk.records import Floats, Image
from train.classifier.fit import predict, score
from train.classifier.photos import LabelledPhotos
from train.classifier.run import Run
from train.metrics import Bools, Ints, Rate, hit_rate, wilson
from train.plots import save_grid
from train.tables import figure_cells, write_report

KEPT_SHARE: Final = 0.9
"""Share of the held-out photos of known people that must reach the threshold."""
GRID_PHOTOS: Final = 25
"""Photos in the picture grid."""


class Strangers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The outcome on photos of people who are not among the names.

    Attributes:
        named_at_threshold: Photos that get somebody's name at the threshold (FPIR).
        named_without: Photos that get a name without a threshold, by the highest softmax.
        score_median: Median of their highest softmax.
    """

    named_at_threshold: Rate
    named_without: Rate
    score_median: float


class ClassifierReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The figures. Intervals are Wilson's, 95 %, as if the photos were independent.

    Attributes:
        people: How many names there are.
        train: Training photos with the right name.
        held_out: Held-out photos with the right name.
        chance: Share of right names by guessing: one in ``people``.
        commonest: Share of held-out photos of the person with most training photos.
        threshold: Softmax that at least :data:`KEPT_SHARE` of the held-out photos reach; it is set
            on the same photos, which favours the classifier.
        kept: Held-out photos that reach it.
        kept_right: Held-out photos that reach it and get the right name.
        strangers: The outcome on strangers; ``None`` if no photos of strangers were given.
        epochs: Epochs of the training, which a new student repeats.
        training_s: Duration of the training, seconds.
        backend: The library that Keras trained with.
        enrolment_s: Time to enrol one student in the kiosk instead, seconds; ``None``: not
            measured.
    """

    people: int
    train: Rate
    held_out: Rate
    chance: float
    commonest: float
    threshold: float
    kept: Rate
    kept_right: Rate
    strangers: Strangers | None
    epochs: int
    training_s: float
    backend: str
    enrolment_s: float | None


def report_classifier(
    run: Run,
    labelled: LabelledPhotos,
    strangers: Image | None = None,
    *,
    enrolment_s: float | None = None,
) -> ClassifierReport:
    """Measure a finished run and write the figures into its folder.

    The files are ``report.txt``, ``report.json``, ``report.csv`` and the picture grid ``grid.png``.

    Args:
        run: A finished run.
        labelled: The photos of that run.
        strangers: ``(m, size, size, 3)`` uint8 RGB, photos of people who are not among the names.
        enrolment_s: Time to enrol one student in the kiosk, seconds, if measured.

    Raises:
        DatasetError: The photos are not those of the run, or have another size.
    """
    if len(labelled.images) != len(run.held_out) or labelled.names != run.names:
        raise DatasetError(f"{run.folder}: trained on other photos or names than those given")
    scores = score(run, labelled.images)
    stranger_scores = None if strangers is None else score(run, strangers)
    report = compute_report(run, scores, labelled.labels, stranger_scores, enrolment_s)
    write_report(run.folder, "report", render_report(report), report, _table(report))
    _draw_grid(run, labelled)
    return report


def compute_report(
    run: Run,
    scores: Floats,
    labels: Ints,
    stranger_scores: Floats | None,
    enrolment_s: float | None,
) -> ClassifierReport:
    """Compute the figures from scores.

    Args:
        run: A finished run.
        scores: ``(n, names)`` softmax of all its photos, trained on or held out.
        labels: ``(n,)`` the person on each.
        stranger_scores: ``(m, names)`` softmax of strangers' photos, or ``None``.
        enrolment_s: As in :class:`ClassifierReport`.
    """
    held_out = run.held_out
    right = scores.argmax(axis=1) == labels
    best = scores.max(axis=1)
    threshold = threshold_that_keeps(best[held_out], KEPT_SHARE)
    kept = best[held_out] >= threshold
    return ClassifierReport(
        people=len(run.names),
        train=hit_rate(right[~held_out]),
        held_out=hit_rate(right[held_out]),
        chance=1 / len(run.names),
        commonest=_share_of_commonest(labels, held_out),
        threshold=threshold,
        kept=hit_rate(kept),
        kept_right=hit_rate(kept & right[held_out]),
        strangers=_strangers(stranger_scores, threshold),
        epochs=len(run.history),
        training_s=run.training_s,
        backend=run.backend,
        enrolment_s=enrolment_s,
    )


def threshold_that_keeps(best: Floats, share: float) -> float:
    """Compute the highest threshold that at least this share of the scores reaches."""
    return float(np.sort(best)[::-1][math.ceil(share * len(best) - 1e-9) - 1])


def render_report(report: ClassifierReport) -> str:
    """Return the figures as sentences."""
    return "\n".join([*_accuracy_lines(report), *_stranger_lines(report), *_cost_lines(report)])


def _accuracy_lines(report: ClassifierReport) -> list[str]:
    return [
        f"The classifier of the report, {report.people} people, {report.epochs} epochs",
        "",
        "1. Held-out photos",
        f"   right name on training photos: {_in_words(report.train)}",
        f"   right name on held-out photos: {_in_words(report.held_out)}",
        f"   guessing: {report.chance:.1%}; always the commonest person: {report.commonest:.1%}",
        "",
    ]


def _stranger_lines(report: ClassifierReport) -> list[str]:
    lines = [
        "2. Strangers",
        f"   softmax threshold: {report.threshold:.4f}, set on the held-out photos",
        f"   held-out photos that reach it:          {_in_words(report.kept)}",
        f"   ... and get the right name:             {_in_words(report.kept_right)}",
    ]
    found = report.strangers
    if found is None:
        return [*lines, "   strangers: not measured, no photos of strangers were given", ""]
    return [
        *lines,
        f"   strangers named at the threshold:       {_in_words(found.named_at_threshold)}",
        f"   strangers named without a threshold:    {_in_words(found.named_without)}",
        f"   median of their highest softmax: {found.score_median:.3f}",
        "",
    ]


def _cost_lines(report: ClassifierReport) -> list[str]:
    enrolment = "not measured" if report.enrolment_s is None else f"{report.enrolment_s:.2f} s"
    return [
        "3. A new student",
        f"   the training repeated:  {report.training_s:.0f} s (Keras on {report.backend})",
        f"   enrolment in the kiosk: {enrolment}",
        "",
        "In brackets: 95 % intervals (Wilson), as if the photos were independent.",
        "",
    ]


def _in_words(rate: Rate) -> str:
    return f"{rate.value:.1%} of {rate.n} ({rate.low:.1%} to {rate.high:.1%})"


def _strangers(scores: Floats | None, threshold: float) -> Strangers | None:
    if scores is None or len(scores) == 0:
        return None
    best = scores.max(axis=1)
    # The highest softmax always belongs to some name: the second rate is 1 by construction.
    return Strangers(
        hit_rate(best >= threshold), wilson(len(best), len(best)), float(np.median(best))
    )


def _share_of_commonest(labels: Ints, held_out: Bools) -> float:
    commonest = np.bincount(labels[~held_out]).argmax()
    return float(np.mean(labels[held_out] == commonest))


def _table(report: ClassifierReport) -> Iterator[list[object]]:
    yield ["figure", "value", "low", "high", "n"]
    yield from _lines(report)


def _lines(record: ClassifierReport | Strangers, prefix: str = "") -> Iterator[list[object]]:
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, Strangers):
            yield from _lines(value, f"{name}.")
        else:
            yield [prefix + name, *figure_cells(value)]


def _draw_grid(run: Run, labelled: LabelledPhotos) -> None:
    """Draw held-out photos, as many as fit, in an order that the seed decides."""
    held_out = np.flatnonzero(run.held_out)
    shown = np.random.default_rng(run.config.seed).permutation(held_out)[:GRID_PHOTOS]
    images = labelled.images[shown]
    actual = [labelled.names[label] for label in labelled.labels[shown]]
    save_grid(images, predict(run, images, actual), run.folder / "grid.png")
