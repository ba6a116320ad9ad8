"""Work on several recognisers at a time: the libraries that run them let go of Python's lock."""

import os
from collections.abc import Callable, Sequence
from multiprocessing.pool import ThreadPool
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Sequence[Item], what: str) -> list[Result]:
    """Work on each item, on as many at a time as there are processors.

    Args:
        work: Called once for each item, in some thread.
        items: The items.
        what: Names them in the progress bar.

    Returns:
        The results, in the order of the items.

    Raises:
        Exception: What ``work`` raised first, in the order of the items.
    """
    # Unlike an executor, this pool does not wait for other items after an error or Control-C.
    with ThreadPool(len(os.sched_getaffinity(0))) as pool:
        return [*tqdm(pool.imap(work, items), total=len(items), desc=what, disable=None)]
