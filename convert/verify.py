"""Hold the int8 model against the float model, crop by crop."""

import math

import msgspec
import numpy as np

from kiosk.errors import ModelError
from kiosk.records import Floats
from train.evaluation.evaluate import Report
from train.evaluation.peers import figures as all_figures


class Loss(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What quantisation cost.

    Attributes:
        crops: On how many crops it was measured.
        cosine_mean: Mean cosine of int8 to float embeddings.
        cosine_p1: The cosine that 1 % of the crops fall below.
        cosine_min: The worst.
        accuracy: Pair-verification accuracy on development people, float less int8.
        figures: By how much each figure of the report is worse as int8 (below 0: better).
    """

    crops: int
    cosine_mean: float
    cosine_p1: float
    cosine_min: float
    accuracy: float
    figures: dict[str, float]


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What quantisation may cost before the converter refuses to write a model.

    Attributes:
        cosine_mean: Least mean cosine.
        cosine_p1: Least first percentile.
        accuracy: Greatest loss of verification accuracy on development people.
        figure: Most that any figure of the report may be worse by.
        false_match: The same for a share of strangers taken for somebody, the worst error.
    """

    cosine_mean: float = 0.99
    cosine_p1: float = 0.97
    accuracy: float = 0.005
    figure: float = 0.05
    false_match: float = 0.01

    def of(self, label: str) -> float:
        """Tell how much a figure of the report may be worse."""
        is_false_match = "FPIR in truth" in label or "false match" in label
        return self.false_match if is_false_match else self.figure


def measure(
    float_embeddings: Floats,
    int8_embeddings: Floats,
    accuracy: float,
    figures: dict[str, float],
) -> Loss:
    """Compare ``(n, 128)`` embeddings of length 1 of the same crops; the rest as in the record."""
    cosines = np.sum(float_embeddings * int8_embeddings, axis=1)
    return Loss(
        crops=len(cosines),
        cosine_mean=float(cosines.mean()),
        cosine_p1=float(np.percentile(cosines, 1)),
        cosine_min=float(cosines.min()),
        accuracy=accuracy,
        figures=figures,
    )


def figure_losses(before: Report, after: Report) -> dict[str, float]:
    """Tell by how much each figure of a report is worse than another's; the same figures."""
    found = {}
    for old, new in zip(all_figures(before), all_figures(after), strict=True):
        difference = old.rate.value - new.rate.value
        if not math.isnan(difference):
            found[old.label] = difference if old.more_is_better else -difference
    return found


def refuse(loss: Loss, limit: Limit) -> None:
    """Refuse a model that lost too much.

    Raises:
        ModelError: Names each figure that is beyond its limit.
    """
    problems = [
        f"{name} is {found:.4f}, expected at {least} {bound:.4f}"
        for name, found, least, bound, bad in (
            ("cosine_mean", loss.cosine_mean, "least", limit.cosine_mean,
             loss.cosine_mean < limit.cosine_mean),
            ("cosine_p1", loss.cosine_p1, "least", limit.cosine_p1,
             loss.cosine_p1 < limit.cosine_p1),
            ("accuracy loss", loss.accuracy, "most", limit.accuracy,
             loss.accuracy > limit.accuracy),
            *((f"loss of {label!r}", worse, "most", limit.of(label), worse > limit.of(label))
              for label, worse in loss.figures.items()),
        )
        if bad
    ]  # fmt: skip
    if problems:
        raise ModelError("quantisation lost too much: " + "; ".join(problems))
