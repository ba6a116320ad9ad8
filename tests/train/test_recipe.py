"""The recipe of a run: how it is written down, read back and changed."""

from pathlib import Path

import msgspec
import pytest

from kiosk.contract import fingerprint
from kiosk.errors import DatasetError
from train.network import NetworkConfig
from train.recipe import FitConfig, parse_config, read_config, write_config

CONFIG = FitConfig(network=NetworkConfig(stem=16, channels=(16, 24), blocks=(1, 2)), rate=0.01)


def test_a_recipe_comes_back(tmp_path: Path) -> None:
    """A new folder gets the recipe and the contract's fingerprint; reading gives it again."""
    write_config(tmp_path / "a" / "run", CONFIG)
    assert read_config(tmp_path / "a" / "run") == CONFIG
    facts = msgspec.json.decode((tmp_path / "a" / "run" / "config.json").read_bytes())
    assert (facts["recipe"], facts["contract"]) == ("embedding", fingerprint())


def test_the_same_recipe_is_taken_up(tmp_path: Path) -> None:
    """A folder that holds the recipe is left as it is."""
    write_config(tmp_path, CONFIG)
    before = (tmp_path / "config.json").stat()
    write_config(tmp_path, read_config(tmp_path))
    assert (tmp_path / "config.json").stat() == before
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    "other",
    [{"rate": 0.5}, {"seed": 4}, {"network": {"stem": 32}}, {"start": "w.h5"}],
    ids=lambda change: next(iter(change)),
)
def test_a_folder_of_another_recipe_is_refused(tmp_path: Path, other: dict[str, object]) -> None:
    """The error names the file and what to do, and the folder is left as it was."""
    write_config(tmp_path, CONFIG)
    before = (tmp_path / "config.json").read_bytes()
    changed = msgspec.convert(msgspec.to_builtins(CONFIG) | other, FitConfig)
    with pytest.raises(DatasetError, match=r"config\.json: another run .*choose a new run folder"):
        write_config(tmp_path, changed)
    assert (tmp_path / "config.json").read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [None, b"", b"{", b"[]", b'{"recipe": "report"}', b'{"fit": {"colour": 1}}', b'{"fit": null}'],
)
def test_a_folder_that_is_no_run_is_named(tmp_path: Path, content: bytes | None) -> None:
    """Absent, damaged or of another recipe: the error names the file."""
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(DatasetError, match=r"config\.json: not a run of recipe `embedding`"):
        read_config(tmp_path)


def test_settings_change_the_recipe() -> None:
    """Each KEY=VALUE is read as its key's kind; the rest stays as it is."""
    found = parse_config(["images=100000", "rate=1e-3", "start=a=b.h5", "blends=0"])
    assert found == FitConfig(images=100_000, rate=1e-3, start="a=b.h5", blends=0)
    assert parse_config([]) == FitConfig()
    found = parse_config(['network={"stem": 16, "channels": [24], "blocks": [1]}'])
    assert found.network == NetworkConfig(stem=16, channels=(24,), blocks=(1,))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("images", ""),
        ("colour=1", "colour"),
        ("images=many", "images"),
        ("rate=x", "rate"),
        ("optimizer=sgd", "optimizer"),
        ('network={"stem": 15}', r">= 16 - at `\$\.network\.stem"),
        ('network={"stems": 16}', "stems"),
        ("network=wide", "network: expected JSON"),
    ],
)
def test_a_setting_that_is_none_is_named(setting: str, said: str) -> None:
    """The error says what form was expected, and which key is wrong."""
    with pytest.raises(DatasetError, match=rf"--set: expected KEY=VALUE of the recipe \(.*{said}"):
        parse_config([setting])


@pytest.mark.parametrize(
    ("images", "epoch_images", "batch", "epochs", "steps"),
    [(96, 24, 8, 4, 3), (100, 24, 8, 4, 3), (10, 24, 8, 1, 3), (24, 24, 100, 1, 1)],
)
def test_images_make_epochs_and_steps(
    images: int, epoch_images: int, batch: int, epochs: int, steps: int
) -> None:
    """Epochs to the nearest, steps in whole batches, one of each at least."""
    config = FitConfig(images=images, epoch_images=epoch_images, batch=batch)
    assert (config.epochs, config.steps) == (epochs, steps)
