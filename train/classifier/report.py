"""What recipe ``report`` amounts to, said without flattery: text, JSON and CSV.

Three failings are measured: photos it has never seen, strangers, and the price of a new student.
"""

import math
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from kiosk.errors import DatasetError
from kiosk.records import Floats, Image
from train.classifier.fit import LabelledPhotos, Run, predict, score
from train.evaluation.metrics import Bools, Ints, Rate, wilson
from train.plots import save_grid
from train.tables import cells, write_report

KEEP: Final = 0.9
"""Share of the held-out photos of known people that the threshold lets through."""
GRID_PHOTOS: Final = 25
"""Photos in the picture grid."""


class Strangers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What photos of people who are not among the names are given.

    Attributes:
        named_at_threshold: Photos that get somebody's name at the threshold (FPIR).
        named_without: Photos that get a name when the highest softmax always wins.
        score_median: Median of their highest softmax.
    """

    named_at_threshold: Rate
    named_without: Rate
    score_median: float


class ClassifierReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The figures. Intervals are Wilson's, 95 %, as if the photos were independent.

    Attributes:
        people: How many names there are.
        train: Photos it was trained on that are given the right name.
        held_out: Held-out photos that are given the right name.
        chance: Share of right names that guessing gives: one in ``people``.
        commonest: Share that always naming the commonest person gives on held-out photos.
        threshold: Softmax that at least :data:`KEEP` of the held-out photos reach; it is set on
            those very photos, which favours the classifier.
        kept: Held-out photos that reach it.
        kept_right: Held-out photos that reach it and are given the right name.
        strangers: What strangers get; ``None`` where no photos of strangers were given.
        epochs: Epochs of the training, which a new student repeats.
        training_s: Their time, seconds.
        backend: The library that Keras trained with.
        enrolment_s: Time to enrol one student in the kiosk instead, seconds; ``None`` where it
            was not measured.
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
    """Measure a finished run and write what came out into its folder.

    The files are ``report.txt``, ``report.json``, ``report.csv`` and the picture grid ``grid.png``.

    Args:
        run: A finished run.
        labelled: The photos it was made from.
        strangers: ``(m, size, size, 3)`` uint8 RGB, photos of nobody among the names.
        enrolment_s: What enrolling one student takes in the kiosk, seconds, where measured.

    Raises:
        DatasetError: The labelled is not the run's, or the photos have another size.
    """
    if len(labelled.images) != len(run.held_out) or labelled.names != run.names:
        raise DatasetError(f"{run.folder}: made from other photos or names than those given")
    found = score(run, labelled.images)
    apart = None if strangers is None else score(run, strangers)
    report = measure(run, found, labelled.labels, apart, enrolment_s)
    write_report(run.folder, "report", as_text(report), report, _table(report))
    _draw_grid(run, labelled)
    return report


def measure(
    run: Run, found: Floats, labels: Ints, apart: Floats | None, enrolment_s: float | None
) -> ClassifierReport:
    """Turn scores into figures.

    Args:
        run: A finished run.
        found: ``(n, names)`` softmax of all its photos, trained on or held out.
        labels: ``(n,)`` who is on them.
        apart: ``(m, names)`` softmax of strangers' photos, or ``None``.
        enrolment_s: As in :class:`ClassifierReport`.
    """
    held = run.held_out
    right = found.argmax(axis=1) == labels
    best = found.max(axis=1)
    threshold = threshold_that_keeps(best[held], KEEP)
    kept = best[held] >= threshold
    return ClassifierReport(
        people=len(run.names),
        train=_rate(right[~held]),
        held_out=_rate(right[held]),
        chance=1 / len(run.names),
        commonest=_share_of_commonest(labels, held),
        threshold=threshold,
        kept=_rate(kept),
        kept_right=_rate(kept & right[held]),
        strangers=_strangers(apart, threshold),
        epochs=len(run.history),
        training_s=run.training_s,
        backend=run.backend,
        enrolment_s=enrolment_s,
    )


def threshold_that_keeps(best: Floats, keep: float) -> float:
    """Find the highest threshold that at least a share ``keep`` of the scores reaches."""
    return float(np.sort(best)[::-1][math.ceil(keep * len(best) - 1e-9) - 1])


def as_text(report: ClassifierReport) -> str:
    """Say the figures in plain sentences."""
    return "\n".join([*_accuracy_lines(report), *_stranger_lines(report), *_cost_lines(report)])


def _accuracy_lines(report: ClassifierReport) -> list[str]:
    return [
        f"The classifier of the report, {report.people} people, {report.epochs} epochs",
        "",
        "1. Photos it has never seen",
        f"   right on the photos it was trained on: {_in_words(report.train)}",
        f"   right on held-out photos:              {_in_words(report.held_out)}",
        f"   guessing: {report.chance:.1%}; always the commonest person: {report.commonest:.1%}",
        "",
    ]


def _stranger_lines(report: ClassifierReport) -> list[str]:
    lines = [
        "2. Strangers",
        f"   softmax threshold: {report.threshold:.4f}, set on the held-out photos",
        f"   held-out photos that reach it:         {_in_words(report.kept)}",
        f"   ... and are given the right name:      {_in_words(report.kept_right)}",
    ]
    found = report.strangers
    if found is None:
        return [*lines, "   strangers: not measured, no photos of strangers were given", ""]
    return [
        *lines,
        f"   strangers given a name at it:          {_in_words(found.named_at_threshold)}",
        f"   strangers given a name without it:     {_in_words(found.named_without)}",
        f"   median of their highest softmax: {found.score_median:.3f}",
        "",
    ]


def _cost_lines(report: ClassifierReport) -> list[str]:
    enrolment = "not measured" if report.enrolment_s is None else f"{report.enrolment_s:.2f} s"
    return [
        "3. A new student",
        f"   the whole training again: {report.training_s:.0f} s (Keras on {report.backend})",
        f"   enrolment in the kiosk:   {enrolment}",
        "",
        "In brackets: 95 % intervals (Wilson), as if the photos were independent.",
        "",
    ]


def _in_words(rate: Rate) -> str:
    return f"{rate.value:.1%} of {rate.n} ({rate.low:.1%} to {rate.high:.1%})"


def _rate(hits: Bools) -> Rate:
    return wilson(int(hits.sum()), len(hits))


def _strangers(apart: Floats | None, threshold: float) -> Strangers | None:
    if apart is None or len(apart) == 0:
        return None
    best = apart.max(axis=1)
    # The highest softmax names somebody whatever is shown: the second rate is 1 by construction.
    return Strangers(_rate(best >= threshold), wilson(len(best), len(best)), float(np.median(best)))


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
            yield [prefix + name, *cells(value)]


def _draw_grid(run: Run, labelled: LabelledPhotos) -> None:
    """Draw held-out photos, as many as there is room for, in an order that the seed decides."""
    held_out = np.flatnonzero(run.held_out)
    shown = np.random.default_rng(run.config.seed).permutation(held_out)[:GRID_PHOTOS]
    photos = labelled.images[shown]
    actual = [labelled.names[label] for label in labelled.labels[shown]]
    save_grid(photos, predict(run, photos, actual), run.folder / "grid.png")
