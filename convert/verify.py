"""Hold the int8 model against the float model, crop by crop."""

import msgspec
import numpy as np

from kiosk.errors import ModelError
from kiosk.records import Floats


class Loss(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What quantisation cost.

    Attributes:
        crops: On how many crops it was measured.
        cosine_mean: Mean cosine of int8 to float embeddings.
        cosine_p1: The cosine that 1 % of the crops fall below.
        cosine_min: The worst.
        accuracy: Pair-verification accuracy on development people, float less int8.
    """

    crops: int
    cosine_mean: float
    cosine_p1: float
    cosine_min: float
    accuracy: float


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What quantisation may cost before the converter refuses to write a model.

    Attributes:
        cosine_mean: Least mean cosine.
        cosine_p1: Least first percentile.
        accuracy: Greatest loss of verification accuracy on development people.
    """

    cosine_mean: float = 0.99
    cosine_p1: float = 0.97
    accuracy: float = 0.005


def measure(float_embeddings: Floats, int8_embeddings: Floats, accuracy: float) -> Loss:
    """Compare ``(n, 128)`` embeddings of length 1 of the same crops."""
    cosines = np.sum(float_embeddings * int8_embeddings, axis=1)
    return Loss(
        crops=len(cosines),
        cosine_mean=float(cosines.mean()),
        cosine_p1=float(np.percentile(cosines, 1)),
        cosine_min=float(cosines.min()),
        accuracy=accuracy,
    )


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
        )
        if bad
    ]  # fmt: skip
    if problems:
        raise ModelError("quantisation lost too much: " + "; ".join(problems))
