"""One figure of several recognisers that are compared."""

import msgspec

from kiosk.contract import CROP_PX
from train.metrics import Rate


class ComparedFigure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One figure of all recognisers: a share of misses, so less is better.

    Attributes:
        label: For people.
        rates: The share of each recogniser, in the order of the comparison.
        changes: The share of each less that of the first.
    """

    label: str
    rates: tuple[Rate, ...]
    changes: tuple[Rate, ...]


def figure_label(what: str, width_px: int, scoring: str) -> str:
    """Name a figure by what is compared, the width of the shrunk probes, and the scoring."""
    shrunk = "" if width_px == CROP_PX else f", {width_px} px"
    return f"{what}{shrunk}, by {scoring}"
