"""The hyperparameters of a run: written, read back and changed."""

import json
from pathlib import Path

import msgspec
import pytest

import train
from kiosk.contract import fingerprint
from kiosk.errors import DatasetError
from train.network import NetworkConfig
from train.recipe import (
    FitConfig,
    parse_config,
    photos_of,
    read_config,
    read_recipe,
    write_config,
)

CONFIG = FitConfig(network=NetworkConfig(stem=16, channels=(16, 24), blocks=(1, 2)), rate=0.01)


def test_the_hyperparameters_are_read_back(tmp_path: Path) -> None:
    """A new folder gets the hyperparameters and the contract's fingerprint; both are read back."""
    write_config(tmp_path / "a" / "run", CONFIG)
    assert read_config(tmp_path / "a" / "run") == CONFIG
    facts = msgspec.json.decode((tmp_path / "a" / "run" / "config.json").read_bytes())
    assert (facts["recipe"], facts["contract"]) == ("embedding", fingerprint())


def test_a_run_that_starts_from_sface_is_read_back(tmp_path: Path) -> None:
    """The word ``sface`` stands for the network in the run folder."""
    write_config(tmp_path, FitConfig(network="sface"))
    assert read_config(tmp_path).network == "sface"


def test_the_same_hyperparameters_are_accepted(tmp_path: Path) -> None:
    """A folder with the same hyperparameters stays unchanged."""
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
def test_a_folder_of_another_run_is_rejected(tmp_path: Path, other: dict[str, object]) -> None:
    """The error names the file and what to do, and the folder stays unchanged."""
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
def test_a_folder_that_is_no_run_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    """The error names a file that is absent, damaged or of another recipe."""
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(DatasetError, match=r"config\.json: not a run of recipe `embedding`"):
        read_config(tmp_path)


def test_a_run_of_the_other_recipe_is_told_by_what_it_lacks(tmp_path: Path) -> None:
    """The key alone would say nothing."""
    (tmp_path / "config.json").write_text('{"recipe": "report"}')
    with pytest.raises(DatasetError, match=r"recipe `embedding` \(it has no 'fit'\)"):
        read_config(tmp_path)


def test_a_recipe_tells_the_photos_of_every_step(tmp_path: Path) -> None:
    """Those of the run itself, and of the runs that it was made of."""
    write_config(tmp_path / "one", CONFIG, photos="a")
    write_config(tmp_path / "two", CONFIG)
    made = {"runs": [read_recipe(tmp_path / "one"), read_recipe(tmp_path / "two")]}
    write_config(tmp_path / "mean", CONFIG, photos="b", average=made)
    assert photos_of(read_recipe(tmp_path / "one")) == {"a"}
    assert photos_of(read_recipe(tmp_path / "two")) == set()
    assert photos_of(read_recipe(tmp_path / "mean")) == {"a", "b"}
    assert photos_of("none: the published weights") == set()


def test_settings_change_the_hyperparameters() -> None:
    """Each KEY=VALUE is converted to the type of its key; all other keys keep their defaults."""
    found = parse_config(["images=100000", "rate=1e-3", "start=a=b.h5", "blends=0"])
    assert found == FitConfig(images=100_000, rate=1e-3, start="a=b.h5", blends=0)
    assert parse_config([]) == FitConfig()
    found = parse_config(['network={"stem": 16, "channels": [24], "blocks": [1]}'])
    assert found.network == NetworkConfig(stem=16, channels=(24,), blocks=(1,))
    found = parse_config(["network=sface", "layers=affine", "share=0.5", "pictures=door"])
    assert (found.network, found.layers, found.share, found.pictures) == (
        "sface", "affine", 0.5, "door"
    )  # fmt: skip


@pytest.mark.parametrize(
    "setting",
    [
        "batch=0", "batch=-3", "epoch_images=0", "images=-5", "blends=-1", "blend_share=2",
        "seed=-1", "precision=foo", "rate=0", "rate=nan", "decay=inf", "margin=2",
    ],
)  # fmt: skip
def test_a_number_that_nothing_can_be_trained_with_is_an_error(setting: str) -> None:
    """The error names the key; nothing fails minutes later, or trains on NaN."""
    key = setting.partition("=")[0]
    with pytest.raises(DatasetError, match=rf"--set: expected KEY=VALUE .*\({key}: expected"):
        parse_config([setting])


@pytest.mark.parametrize(
    ("name", "layers", "share"),
    [
        ("tune_free_all", "all", 1.0),
        ("tune_free_features", "convolutions", 1.0),
        ("tune_free_first", "first", 1.0),
        ("tune_photos", "all", 0.5),
    ],
)
def test_the_recipes_that_come_along_start_from_sface(name: str, layers: str, share: float) -> None:
    """Each file is read; a setting changes one of its keys."""
    path = Path(train.__file__).with_name(f"{name}.toml")
    found = parse_config(["images=640"], path)
    assert (found.network, found.layers, found.share) == ("sface", layers, share)
    assert (found.pictures, found.images) == ("door", 640)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("colour = 1", "colour: unknown key; expected network, "),
        ("images = 'many'", "images: expected a whole number"),
        ("images = many", "not valid TOML: "),
        ("\xff", "not valid TOML: "),
    ],
)
def test_a_wrong_recipe_is_an_error(tmp_path: Path, content: str, said: str) -> None:
    """The error names the file and the key."""
    path = tmp_path / "recipe.toml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(DatasetError, match=rf"recipe\.toml: {said}"):
        parse_config([], path)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("images", ""),
        ("colour=1", "colour"),
        ("images=many", "images"),
        ("rate=x", "rate"),
        ("optimizer=sgd", "optimizer"),
        ('network={"stem": 15}', "network.stem: .*>= 16"),
        ('network={"stems": 16}', "stems"),
        ("network=wide", "network: expected sface or JSON"),
        ("turned=0.5", "turned: expected 0, because pictures is not door"),
        ("layers=affine", "layers: expected all, because network is not sface"),
        ("front=short", "front: expected own, because network is not sface"),
        ("features=1", "features: expected 0, because network is not sface"),
        ("features=-1", "features"),
        ("share=0", "share"),
        ("clip_norm=-1", "clip_norm"),
        ("average=1", "average"),
        ("pictures=bad", "pictures"),
    ],
)
def test_a_wrong_setting_is_an_error(setting: str, said: str) -> None:
    """The error states the expected form and the wrong key."""
    with pytest.raises(DatasetError, match=rf"--set: expected KEY=VALUE of the recipe \(.*{said}"):
        parse_config([setting])


@pytest.mark.parametrize(
    ("images", "epoch_images", "batch", "epochs", "steps"),
    [(96, 24, 8, 4, 3), (100, 24, 8, 4, 3), (10, 24, 8, 1, 3), (24, 24, 100, 1, 1)],
)
def test_images_make_epochs_and_steps(
    images: int, epoch_images: int, batch: int, epochs: int, steps: int
) -> None:
    """Epochs are rounded, batches are whole, and there is one at least; all images are counted."""
    config = FitConfig(images=images, epoch_images=epoch_images, batch=batch)
    assert (config.epochs, config.steps) == (epochs, steps)
    assert config.images_seen == epochs * steps * batch


def test_a_setting_without_a_value_is_an_error() -> None:
    """The error names it."""
    with pytest.raises(DatasetError, match=r"KEY=VALUE of the recipe \(rate: no value\)$"):
        parse_config(["batch=8", "rate"])


def test_features_need_pictures_of_the_door() -> None:
    """The usual pictures are not seen well in the same pose and place."""
    with pytest.raises(DatasetError, match="features: expected 0, because pictures is not door"):
        parse_config(["network=sface", "features=1"])


def test_a_mean_says_how_its_runs_were_made(tmp_path: Path) -> None:
    """For the model card: a run has its hyperparameters, a mean those of its runs."""
    config = FitConfig(images=640)
    write_config(tmp_path / "run", config)
    assert read_recipe(tmp_path / "run")["images"] == 640
    made = {"share": 0.5, "runs": [{"images": 640}]}
    facts = {"fit": msgspec.to_builtins(FitConfig(network="sface")), "average": made}
    (tmp_path / "config.json").write_text(json.dumps(facts))
    assert read_recipe(tmp_path) == {"average": made}
