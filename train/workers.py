"""Prepare the processes of a pool, which work for another process."""

import signal

import cv2

from kiosk.cli import end_with_parent


def prepare_worker() -> None:
    """Make this process a good worker: one thread, no answer to Control-C, no life of its own.

    The process that it works for answers Control-C, and ends it.
    """
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
