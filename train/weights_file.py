"""Write the weights of a network as a file."""

import io
from pathlib import Path

import keras

from kiosk.files.atomic_file import atomic_write


class _Memory(io.BytesIO):
    """A file in memory, with a name that Keras takes for one of weights."""

    def __str__(self) -> str:
        return "memory.weights.h5"


def save_weights(model: keras.Model, path: Path) -> None:
    """Write the weights of a model, and of its optimiser if it has one, atomically.

    HDF5 writes to memory: where a disk fails under it, the process ends with a segmentation fault.

    Raises:
        OSError: The file cannot be written.
    """
    packed = _Memory()
    model.save_weights(packed)
    with atomic_write(path) as partial:
        partial.write_bytes(packed.getbuffer())
