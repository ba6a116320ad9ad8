"""Prepare the processes of a pool, which work for another process."""

import signal
from typing import Protocol

import cv2

from kiosk.cli import end_with_parent
from train.batches import Batch


class Maker(Protocol):
    """Makes the batches of a run, each determined by its epoch and number."""

    def make(self, epoch: int, number: int) -> Batch:
        """Make one batch: the inputs of the model, and the target of each of its outputs."""


_kept: list[Maker] = []
"""In a process that makes batches: its maker."""


def prepare_worker() -> None:
    """Make this process a good worker: one thread, no answer to Control-C, no life of its own.

    The process that it works for answers Control-C, and ends it.
    """
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def keep_maker(maker: Maker) -> None:
    """Begin to make batches in this process."""
    prepare_worker()
    _kept[:] = [maker]


def make_batch(epoch: int, number: int) -> Batch:
    """Make one batch in a process that has a maker."""
    (maker,) = _kept
    return maker.make(epoch, number)
