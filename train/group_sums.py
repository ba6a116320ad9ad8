"""Sum the embeddings of a person's photos, or of a walk's frames."""

import numpy as np

from kiosk.records import Floats
from train.metrics import Ints


def sum_groups(embeddings: Floats, groups: Ints, count: int) -> Floats:
    """Sum embeddings by group.

    Args:
        embeddings: ``(n, dim)``.
        groups: ``(n,)`` number of the group of each; -1 for none.
        count: How many groups there are.

    Returns:
        ``(count, dim)`` float32; zeros for an empty group.
    """
    sums = np.zeros((count, embeddings.shape[1]), np.float32)
    np.add.at(sums, groups[groups >= 0], embeddings[groups >= 0])
    return sums
