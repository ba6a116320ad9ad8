"""One figure of several recognisers that are compared."""

import msgspec

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
