"""Compare the int8 model with the float model, and reject it if it lost too much."""

from typing import Any

import msgspec
import numpy as np

from kiosk.errors import ModelError
from kiosk.records import Floats
from train.evaluation.evaluate import Report
from train.evaluation.figures import Figure, FigureKind, figures


class FigureLoss(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By how much quantisation made one figure of the report worse.

    Attributes:
        label: Of the figure, for people.
        kind: What the figure measures; it decides the limit.
        worse_by: Difference, positive if int8 is worse.
        within_interval: Whether one of both models' figures is within the 95 % interval of the
            other's.
    """

    label: str
    kind: FigureKind
    worse_by: float
    within_interval: bool


class Loss(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What quantisation cost.

    Attributes:
        crops: On how many crops it was measured.
        cosine_mean: Mean cosine between the int8 and the float embedding of a crop.
        cosine_p1: First percentile of these cosines.
        cosine_min: The lowest of them.
        accuracy: Pair-verification accuracy on development people, float minus int8.
        figures: The loss of each figure of the report.
    """

    crops: int
    cosine_mean: float
    cosine_p1: float
    cosine_min: float
    accuracy: float
    figures: tuple[FigureLoss, ...]

    def plain(self) -> dict[str, Any]:
        """Return plain values for the model card: ``figures`` maps label to difference."""
        by_label = {figure.label: figure.worse_by for figure in self.figures}
        return {**msgspec.to_builtins(self), "figures": by_label}


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What quantisation may cost; a model that loses more is not written.

    Attributes:
        cosine_mean: Least mean cosine.
        cosine_p1: Least first percentile of the cosines.
        accuracy: Greatest loss of verification accuracy on development people.
        figure: Greatest loss of a figure of the report. It counts where neither model's figure is
            within the interval of the other's: each has thresholds of its own, so figures of few
            people differ by more than this by chance. Both intervals count, because that of one
            named stranger never reaches 0: where the float model names none of 76 and int8 names
            one, the interval of none (the rule of three) says that this is chance.
        false_match: The same for a figure of kind :attr:`FigureKind.FALSE_MATCH`, which counts
            the worst error.
    """

    cosine_mean: float = 0.99
    cosine_p1: float = 0.97
    accuracy: float = 0.005
    figure: float = 0.05
    false_match: float = 0.01

    def for_figure(self, kind: FigureKind) -> float:
        """Return the greatest loss of a figure of this kind."""
        return self.false_match if kind is FigureKind.FALSE_MATCH else self.figure


def measure_loss(
    float_embeddings: Floats,
    int8_embeddings: Floats,
    accuracy: float,
    figures: tuple[FigureLoss, ...],
) -> Loss:
    """Compare the ``(n, 128)`` embeddings (length 1) of the same crops.

    Args:
        float_embeddings: Of the float model.
        int8_embeddings: Of the int8 model.
        accuracy: As in :class:`Loss`.
        figures: As in :class:`Loss`.
    """
    cosines = np.sum(float_embeddings * int8_embeddings, axis=1)
    return Loss(
        crops=len(cosines),
        cosine_mean=float(cosines.mean()),
        cosine_p1=float(np.percentile(cosines, 1)),
        cosine_min=float(cosines.min()),
        accuracy=accuracy,
        figures=figures,
    )


def figure_losses(before: Report, after: Report) -> tuple[FigureLoss, ...]:
    """Compute by how much each figure is worse in the second report; both have the same figures.

    A figure that was not measured is left out.
    """
    found = []
    for old, new in zip(figures(before), figures(after), strict=True):
        if old.value is not None and new.value is not None:
            lost = old.value - new.value
            worse_by = lost if old.kind is FigureKind.ACCURACY else -lost
            within = _holds(new, old.value) or _holds(old, new.value)
            found.append(FigureLoss(old.label, old.kind, worse_by, within_interval=within))
    return tuple(found)


def _holds(figure: Figure, value: float) -> bool:
    low, high = figure.interval
    return low <= value <= high


def check_loss(loss: Loss, limits: Limits) -> None:
    """Reject a model that lost too much.

    Raises:
        ModelError: Names each value beyond its limit.
    """
    least = (
        ("cosine_mean", loss.cosine_mean, limits.cosine_mean),
        ("cosine_p1", loss.cosine_p1, limits.cosine_p1),
    )
    most = (
        ("accuracy loss", loss.accuracy, limits.accuracy),
        *(
            (f"loss of {figure.label!r}", figure.worse_by, limits.for_figure(figure.kind))
            for figure in loss.figures
            if not figure.within_interval
        ),
    )
    problems = [
        *(f"{n} is {v:.4f}, expected at least {bound:.4f}" for n, v, bound in least if v < bound),
        *(f"{n} is {v:.4f}, expected at most {bound:.4f}" for n, v, bound in most if v > bound),
    ]
    if problems:
        raise ModelError("quantisation lost too much: " + "; ".join(problems))
