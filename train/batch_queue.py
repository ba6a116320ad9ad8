"""Give Keras the batches of a run in their order, made ahead by other processes."""

from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from types import TracebackType
from typing import Final, Self

import keras

from kiosk.errors import DatasetError
from train.batches import Batch
from train.workers import Maker, keep_maker, make_batch

_AHEAD: Final = 2
"""Batches that are asked for before they are needed, for each process."""


class BatchQueue(keras.utils.PyDataset):
    """The batches of a run, a context manager: on leaving it, the processes end.

    Threads would hinder one another, because Python lets one compute at a time: eight made little
    more than half as many pictures a second as one. The processes are new ones, not copies of this
    one (Keras would copy it): JAX and TensorFlow have threads of their own, whose locks a copy
    may wait for without end.

    Args:
        maker: Makes each batch.
        steps: Batches per epoch.
        workers: How many processes make them; with one, this process does, when it needs them.

    Attributes:
        epoch: Of the batches that are given; to be set before each epoch.
    """

    def __init__(self, maker: Maker, steps: int, workers: int = 1) -> None:
        super().__init__()
        self.epoch = 0
        self._maker = maker
        self._steps = steps
        self._ahead = _AHEAD * workers
        self._asked: dict[tuple[int, int], Future[Batch]] = {}
        self._failure: Exception | None = None
        self._pool: ProcessPoolExecutor | None = None
        if workers > 1:
            self._pool = ProcessPoolExecutor(
                workers, get_context("spawn"), initializer=keep_maker, initargs=(maker,)
            )

    def __enter__(self) -> Self:
        """Do nothing: the processes start with the first batch that is asked for."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes; batches that nobody has begun are given up.

        Raises:
            Exception: What a batch could not be made for.
        """
        del kind, error, trace
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        if self._failure is not None:
            raise self._failure  # without what TensorFlow makes of it

    def __len__(self) -> int:
        """Return the number of batches per epoch."""
        return self._steps

    def __getitem__(self, number: int) -> Batch:
        """Return one batch of this epoch, and ask for those after it.

        Raises:
            DatasetError: The system ended a process that makes batches.
            Exception: What the process that made it raised; on leaving the queue it is raised
                again.
        """
        try:
            return self._wait_for(number)
        except BrokenProcessPool as exc:
            self._failure = DatasetError(
                "the system ended a process that makes training pictures (too little memory?); "
                "the same command with fewer --workers goes on"
            )
            raise self._failure from exc
        except Exception as exc:
            self._failure = exc
            raise

    def _wait_for(self, number: int) -> Batch:
        if self._pool is None:
            return self._maker.make(self.epoch, number)
        for at in range(number, min(number + self._ahead, self._steps)):
            if (self.epoch, at) not in self._asked:
                self._asked[self.epoch, at] = self._pool.submit(make_batch, self.epoch, at)
        return self._asked.pop((self.epoch, number)).result()
