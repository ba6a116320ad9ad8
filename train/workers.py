"""Prepare the processes of a pool, which work for another process."""

import os
import signal
import threading
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess

import cv2


def prepare_worker() -> None:
    """Make this process a good worker: one thread, no answer to Control-C, no life of its own.

    The process that it works for answers Control-C, and ends it. If that one is killed, as when
    memory runs out, this one ends, too; without that it would wait for work for ever.
    """
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
