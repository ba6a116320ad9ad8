"""Files of weights on a disk that is full."""

from pathlib import Path

import keras
import pytest

from kiosk.errors import described, exit_code_of
from tests.support_train import full_disk, make_crop_set
from train.__main__ import main
from train.training import Backup
from train.weights_file import save_weights


def a_model() -> keras.Model:
    return keras.Sequential([keras.Input((64,)), keras.layers.Dense(64)])


def test_weights_are_stored(tmp_path: Path) -> None:
    """Keras reads them back."""
    model, other = a_model(), a_model()
    save_weights(model, tmp_path / "a.weights.h5")
    other.load_weights(tmp_path / "a.weights.h5")
    assert (model.get_weights()[0] == other.get_weights()[0]).all()


def test_a_full_disk_is_one_error(tmp_path: Path) -> None:
    """It names the file, of which nothing is left; HDF5 would end the process."""
    path = tmp_path / "a.weights.h5"
    with full_disk(), pytest.raises(OSError, match="File too large") as found:
        save_weights(a_model(), path)
    assert described(found.value) == f"{path}: File too large"
    assert exit_code_of(found.value) == 74
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_backup_before(tmp_path: Path) -> None:
    """An interrupted training goes on from that."""
    backup = Backup(tmp_path)
    backup.set_model(a_model())
    backup.on_epoch_end(0)
    before = (tmp_path / "backup" / "latest.weights.h5").read_bytes()
    with full_disk(), pytest.raises(OSError, match="File too large"):
        backup.on_epoch_end(1)
    (path,) = (tmp_path / "backup").iterdir()
    assert path.read_bytes() == before


@pytest.mark.slow
def test_a_training_ends_on_a_full_disk_and_goes_on_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says which file it could not write (74); with more space it ends well."""
    crops, run = make_crop_set(tmp_path / "crops", {"train": 2}, 2).folder, tmp_path / "run"
    network = '{"stem": 16, "channels": [16], "blocks": [0], "head": 16}'
    settings = (f"network={network}", "images=8", "epoch_images=8", "batch=8", "blends=0")
    words = ["fit", str(crops), "--run", str(run), "--workers", "1"]
    words += [word for setting in settings for word in ("--set", setting)]
    with full_disk():
        assert main(words) == 74
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"kiosk-train: {run}/embedder.weights.h5: File too large"
    assert {path.name for path in run.iterdir()} == {"config.json", "history.csv"}
    assert main(words) == 0
    assert capsys.readouterr().out.startswith(f"{run}: to learn from 8 pictures\n")
