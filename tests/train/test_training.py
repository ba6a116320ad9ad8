"""What all trainings do alike."""

from pathlib import Path

import keras
import numpy as np
import pytest

from kiosk.errors import DatasetError
from train.training import Backup, restore, warm_cosine


def a_model() -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.AdamW(1e-2), loss="mse")
    return model


def test_a_backup_tells_how_many_epochs_it_has(tmp_path: Path) -> None:
    """It has the weights of the last epoch; without one, training begins."""
    model, other = a_model(), a_model()
    assert restore(other, tmp_path, 4) == 0
    pictures, aims = np.ones((8, 4)), np.ones((8, 3))
    model.fit(pictures, aims, batch_size=2, epochs=3, callbacks=[Backup(tmp_path)], verbose=0)
    assert restore(other, tmp_path, 4) == 3
    assert (model.get_weights()[0] == other.get_weights()[0]).all()


@pytest.mark.parametrize("content", [b"", b"x", b"\x89HDF\r\n\x1a\n"])
def test_a_damaged_backup_is_an_error(tmp_path: Path, content: bytes) -> None:
    """It names the file and the way out; a kill does not damage it, but a disk may."""
    path = tmp_path / "backup" / "latest.weights.h5"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=rf"^{path}: cannot be read \(.*\); delete it, and the"):
        restore(a_model(), tmp_path, 4)


def test_the_rate_rises_and_falls() -> None:
    """It begins and ends low, and is highest after the warm-up; without steps it is defined."""
    schedule = warm_cosine(0.5, 10, 100)
    rates = [float(schedule(step)) for step in (0, 10, 100)]
    assert rates == pytest.approx([0.005, 0.5, 0.0005])
    assert float(warm_cosine(0.5, 10, 1)(0)) == pytest.approx(0.005)
