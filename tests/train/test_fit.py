"""Recipe ``embedding``: a run can be interrupted at any time, resumed and finished."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
import pytest

from kiosk.contract import fingerprint
from kiosk.errors import DatasetError
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from tests.support_recognition import embedding
from tests.support_train import EACH, TINY, DrawnTeacher, draw_crop, make_crop_set, read_csv
from train.batch_queue import BatchQueue
from train.batches import Batch, BatchMaker
from train.dataset.crop_set import CropSet, Photo
from train.dataset.sources import Split
from train.embedder import build_embedder, embed_all, load_embedder
from train.fit import _directions, _EpochEnd, _with_heads, fit, number_people
from train.optimizer import averaged_weights
from train.recipe import FitConfig, read_config
from train.teacher import load_targets

pytestmark = pytest.mark.slow  # nearly all of it trains
CONFIG = FitConfig(
    network=TINY, images=4 * 24, epoch_images=24, batch=8, rate=1e-2, warmup=4, blends=6, seed=3,
    clip_norm=1.0, average=0.4,
)  # fmt: skip
ONE_STEP = msgspec.structs.replace(
    CONFIG, network=msgspec.structs.replace(TINY, blocks=(0,)), images=8, epoch_images=8
)
"""Without a residual block, Keras builds the training in half the time."""
EPOCHS = [0.0, 1.0, 2.0, 3.0]


@pytest.fixture(scope="module")
def crop_set(tmp_path_factory: pytest.TempPathFactory) -> CropSet:
    return make_crop_set(tmp_path_factory.mktemp("crops"), {"train": 4, "dev": 3})


@pytest.fixture(scope="module")
def seen() -> list[tuple[int, int]]:
    """Epoch and number of each batch that :func:`run` asked for."""
    return []


@pytest.fixture(scope="module")
def run(
    crop_set: CropSet, seen: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        spy(patch, seen)
        train(crop_set, folder)
    return folder


def spy(patch: pytest.MonkeyPatch, seen: list[tuple[int, int]]) -> None:
    """Collect epoch and number of each batch that is read."""
    make = BatchQueue.__getitem__

    def record(self: BatchQueue, number: int) -> Batch:
        seen.append((self.epoch, number))
        return make(self, number)

    patch.setattr(BatchQueue, "__getitem__", record)


def train(
    crop_set: CropSet,
    folder: Path,
    config: FitConfig = CONFIG,
    teacher: Callable[[], DrawnTeacher] = DrawnTeacher,
    workers: int = 1,
) -> keras.Model:
    return fit(crop_set, folder, config, teacher, workers=workers)  # type: ignore[arg-type]  # replaces one


def history(folder: Path) -> list[dict[str, float]]:
    return [{k: float(v) for k, v in row.items()} for row in read_csv(folder / "history.csv")]


def batches_of(crop_set: CropSet, config: FitConfig) -> BatchMaker:
    indices, targets = crop_set.indices_of("train"), load_targets(crop_set)
    return BatchMaker.of_run(config, crop_set, indices, targets, number_people(crop_set)[0])


def crops_of(crop_set: CropSet) -> Image:
    return np.concatenate([*crop_set.contract_crops(np.arange(len(crop_set)))])


def test_a_run_leaves_recipe_history_and_weights(run: Path) -> None:
    """A run folder holds configuration, history, weights and backup, and no partial file."""
    names = {path.name for path in run.iterdir()}
    assert names == {"backup", "blends.npz", "config.json", "embedder.weights.h5", "history.csv"}
    assert read_config(run) == CONFIG
    assert msgspec.json.decode((run / "config.json").read_bytes())["contract"] == fingerprint()


def test_every_epoch_has_its_line(run: Path) -> None:
    """Each line has the training losses and the figures on development people, all finite."""
    rows = history(run)
    assert [row["epoch"] for row in rows] == EPOCHS
    assert list(rows[0]) == [
        "epoch", "embedding_loss", "identity_loss", "loss",
        "dev_cosine", "dev_tar_at_far_0.001", "dev_tar_at_far_0.0001",
    ]  # fmt: skip
    assert all(np.isfinite(value) for row in rows for value in row.values())


def test_training_learns(run: Path) -> None:
    """The distillation loss falls."""
    rows = history(run)
    assert rows[-1]["embedding_loss"] < rows[0]["embedding_loss"]


def test_each_epoch_is_trained_on_batches_of_its_own(
    run: Path, seen: list[tuple[int, int]]
) -> None:
    """Keras reads ahead within an epoch but never beyond it, and in a fixed order."""
    assert run.is_dir()
    assert {epoch for epoch, _ in seen} == {0, 1, 2, 3}
    for epoch in range(1, 4):
        assert [number for at, number in seen if at == epoch] == [0, 1, 2]


def test_several_processes_train_the_same_run(run: Path, crop_set: CropSet, tmp_path: Path) -> None:
    """Every epoch has the same batches in the same order, whoever makes them."""
    embedder = train(crop_set, tmp_path / "run", workers=2)
    for row, alone in zip(history(tmp_path / "run"), history(run), strict=True):
        assert row == pytest.approx(alone, rel=1e-3)
    crops = crops_of(crop_set)
    found, expected = embed_all(embedder, crops), embed_all(load_embedder(run), crops)
    assert np.sum(found * expected, axis=1).min() > 0.9999


def test_a_run_of_other_photos_is_not_gone_on_with(run: Path, tmp_path: Path) -> None:
    """They would be ignored in silence."""
    other = make_crop_set(tmp_path / "others", {"train": 4}, 2)
    with pytest.raises(DatasetError, match=r"config\.json: another run .*photos"):
        train(other, run)


def test_a_command_that_fails_does_not_keep_its_folder(tmp_path: Path) -> None:
    """After `kiosk-train teach` the same command, or another one, can use it."""
    untaught = make_crop_set(tmp_path / "untaught", {"train": 2}, 2)
    (untaught.folder / "teacher.npy").unlink()
    with pytest.raises(DatasetError, match="run `kiosk-train teach` first"):
        train(untaught, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_error_in_a_process_ends_the_run(
    crop_set: CropSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for, and its reason is not lost."""
    make = BatchMaker.of_run

    def faulty(*facts: Any) -> BatchMaker:  # noqa: ANN401  # whatever it takes
        return replace(make(*facts), indices=np.array([99]))

    monkeypatch.setattr(BatchMaker, "of_run", faulty)
    with pytest.raises(IndexError, match="index 99 is out of bounds"):
        train(crop_set, tmp_path / "run", workers=2)


def test_the_embedder_can_be_loaded(run: Path, crop_set: CropSet) -> None:
    """The stored weights are those of the last epoch, and embeddings have length 1."""
    embedder = load_embedder(run)
    found = embed_all(embedder, crops_of(crop_set), batch=7)
    assert found.shape == (len(crop_set), 128)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0, abs=1e-5)
    dev = crop_set.indices_of("dev")
    cosines = np.sum(found[dev] * load_targets(crop_set)[dev], axis=1)
    assert np.mean(cosines) == pytest.approx(history(run)[-1]["dev_cosine"], abs=1e-4)


def test_a_run_ends_with_its_averaged_weights(run: Path, crop_set: CropSet) -> None:
    """The backup has the last weights, to go on from, and their average, which the run stores."""
    labels, people = number_people(crop_set)
    embedder = build_embedder(CONFIG)
    model = _with_heads(embedder, CONFIG, _directions(load_targets(crop_set), labels, people))
    model.optimizer.build(model.trainable_variables)
    model.load_weights(run / "backup" / "latest.weights.h5")
    last, stored = embedder.get_weights(), load_embedder(run).get_weights()
    assert not np.allclose(last[0], stored[0], rtol=1e-2)
    with averaged_weights(model):
        for mine, kept in zip(embedder.get_weights(), stored, strict=True):
            assert mine == pytest.approx(kept, abs=1e-7)


def test_a_finished_run_stays_finished(run: Path, crop_set: CropSet, tmp_path: Path) -> None:
    """A second call trains nothing, uses no teacher and returns the same embedder."""
    again = shutil.copytree(run, tmp_path / "again")
    embedder = train(crop_set, again, teacher=lambda: pytest.fail("the teacher was asked again"))
    assert history(again) == history(run)
    crops = crops_of(crop_set)
    assert embed_all(embedder, crops) == pytest.approx(
        embed_all(load_embedder(run), crops), abs=1e-5
    )


@pytest.mark.parametrize("change", [{"rate": 0.5}, {"seed": 4}, {"network": {"stem": 32}}])
def test_a_folder_of_another_run_is_rejected(
    run: Path, crop_set: CropSet, change: dict[str, object]
) -> None:
    """The error names the file, and the folder stays unchanged."""
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    other = msgspec.convert(msgspec.to_builtins(CONFIG) | change, FitConfig)
    with pytest.raises(DatasetError, match=r"config\.json: another run .*choose a new run folder"):
        train(crop_set, run, other)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


# Trains in another process and blocks in the middle of epoch 2.
INTERRUPTED = """
import sys
import threading
from pathlib import Path
from tests.train.test_fit import CONFIG, train
from train.batch_queue import BatchQueue
from train.dataset.crop_set import CropSet

make = BatchQueue.__getitem__

def stop_in_epoch_2(self, number):
    if self.epoch == 2 and number == 2:
        print("in the middle of epoch 2", flush=True)
        threading.Event().wait()
    return make(self, number)

BatchQueue.__getitem__ = stop_in_epoch_2
train(CropSet.load(Path(sys.argv[1])), Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def killed(crop_set: CropSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose process was killed in its third epoch."""
    folder = tmp_path_factory.mktemp("runs") / "killed"
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, crop_set.folder, folder],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2], env=os.environ,
    )  # fmt: skip
    assert process.stdout is not None
    reached = any("in the middle of epoch 2" in line for line in process.stdout)
    process.kill()
    process.wait()
    assert reached, "the run ended by itself"
    assert [row["epoch"] for row in history(folder)] == EPOCHS[:2]
    return folder


def test_a_killed_run_resumes(
    killed: Path, run: Path, crop_set: CropSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run resumes at the next epoch and ends with the same weights as without the kill."""
    folder = shutil.copytree(killed, tmp_path / "resumed")
    seen: list[tuple[int, int]] = []
    spy(monkeypatch, seen)
    embedder = train(crop_set, folder)
    # Keras reads one batch of epoch 0 for its shape.
    assert {epoch for epoch, _ in seen} - {0} == {2, 3}
    rows, expected = history(folder), history(run)
    assert [row["epoch"] for row in rows] == EPOCHS
    for row, whole in zip(rows, expected, strict=True):
        assert row == pytest.approx(whole, rel=1e-3)
    crops = crops_of(crop_set)
    found, whole_run = embed_all(embedder, crops), embed_all(load_embedder(run), crops)
    assert np.sum(found * whole_run, axis=1).min() > 0.9999


def _cut(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return spoil


def _write_epoch_2(folder: Path) -> None:
    with (folder / "history.csv").open("a") as file:
        file.write("2.0,9,9,9,9,9,9\n")


@pytest.mark.parametrize(
    "spoil",
    [_write_epoch_2, _cut("embedder.weights.h5")],
    ids=["epoch written but not backed up", "weights cut short"],
)
def test_a_run_resumes_wherever_it_was_killed(
    killed: Path, crop_set: CropSet, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    """After a kill between history and backup, or during a write, each epoch has one line."""
    folder = shutil.copytree(killed, tmp_path / "resumed")
    spoil(folder)
    train(crop_set, folder)
    rows = history(folder)
    assert [row["epoch"] for row in rows] == EPOCHS
    assert all(row["loss"] < 9 for row in rows)
    load_embedder(folder)


def test_the_teacher_embeds_the_blends_once(crop_set: CropSet, tmp_path: Path) -> None:
    """The teacher's embeddings are stored in the run folder; without blends it is not used."""
    teacher = DrawnTeacher()
    train(crop_set, tmp_path / "run", ONE_STEP, lambda: teacher)
    assert teacher.asked == CONFIG.blends
    without = msgspec.structs.replace(ONE_STEP, blends=0)
    train(crop_set, tmp_path / "none", without, lambda: pytest.fail("the teacher was asked"))
    assert not (tmp_path / "none" / "blends.npz").exists()


def test_a_run_may_start_from_another(run: Path, crop_set: CropSet, tmp_path: Path) -> None:
    """With a learning rate near 0, the weights stay those of the start."""
    config = msgspec.structs.replace(CONFIG, images=8, epoch_images=8, rate=1e-9, start=str(run))
    train(crop_set, tmp_path / "run", config)
    trained, started = load_embedder(tmp_path / "run"), load_embedder(run)
    for mine, theirs in zip(trained.trainable_weights, started.trainable_weights, strict=True):
        assert keras.ops.convert_to_numpy(mine) == pytest.approx(
            keras.ops.convert_to_numpy(theirs), abs=1e-5
        )


def test_a_share_of_the_trained_weights_is_kept(
    run: Path, crop_set: CropSet, tmp_path: Path
) -> None:
    """With ``share=0.25`` the embedder has a quarter of the way from the weights of the start."""
    config = msgspec.structs.replace(CONFIG, images=8, epoch_images=8, start=str(run))
    train(crop_set, tmp_path / "whole", config)
    quarter = train(crop_set, tmp_path / "quarter", msgspec.structs.replace(config, share=0.25))
    old, new = load_embedder(run).get_weights(), load_embedder(tmp_path / "whole").get_weights()
    for mine, one, other in zip(quarter.get_weights(), old, new, strict=True):
        assert mine == pytest.approx(one + 0.25 * (other - one), abs=1e-4)


def test_crops_are_degraded_as_the_recipe_says(
    crop_set: CropSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``pictures=door`` makes crops worse in another way than the usual one."""
    black = np.zeros((112, 112, 3), np.uint8)
    monkeypatch.setattr("train.batches.degrade", lambda *_, **__: (black, black))
    found = [
        batches_of(crop_set, msgspec.structs.replace(CONFIG, pictures=pictures))
        .make(0, 0)[0]["crop"]
        .max()
        for pictures in ("usual", "door")
    ]
    assert found[0] > 0 == found[1]


@pytest.mark.parametrize(
    ("people", "each"),
    [({"train": 4}, 2), ({"train": 4, "dev": 1}, 2), ({"train": 5, "dev": 2}, 1)],
    ids=["nobody held out", "one person held out", "one photo of each"],
)
def test_a_small_set_can_be_trained_on(tmp_path: Path, people: dict[Split, int], each: int) -> None:
    """Figures that cannot be measured on development people are left out, and the run finishes."""
    small = make_crop_set(tmp_path / "crops", people, each)
    train(small, tmp_path / "run", ONE_STEP)
    (row,) = history(tmp_path / "run")
    assert ("dev_cosine" in row) == ("dev" in people)
    assert "dev_tar_at_far_0.001" not in row
    assert np.isfinite(row["loss"])


def test_an_empty_training_split_is_an_error(tmp_path: Path) -> None:
    """An empty training split is an error that names the crop set."""
    held_out = make_crop_set(tmp_path / "crops", {"dev": 2}, 2)
    with pytest.raises(DatasetError, match="crops: the training split is empty"):
        train(held_out, tmp_path / "run")


def test_teacher_embeddings_are_needed(tmp_path: Path) -> None:
    """Without teacher embeddings the error names the command that computes them."""
    untaught = make_crop_set(tmp_path / "crops", {"train": 2}, 2)
    (tmp_path / "crops" / "teacher.npy").unlink()
    with pytest.raises(DatasetError, match="run `kiosk-train teach` first"):
        train(untaught, tmp_path / "run")


def test_training_people_with_two_photos_are_numbered(tmp_path: Path) -> None:
    """People with one photo, held-out people and unnamed photos are -1."""
    rows: list[tuple[str, str, Split]] = [
        ("s", "b", "train"), ("s", "a", "train"), ("s", "b", "train"), ("t", "b", "train"),
        ("s", "", "train"), ("s", "", "train"), ("s", "c", "dev"), ("s", "c", "dev"),
        ("t", "d", "train"), ("t", "d", "train"), ("s", "a", "none"),
    ]  # fmt: skip
    photos = [Photo(source, who, f"{n}", "g") for n, (source, who, _) in enumerate(rows)]
    crops = np.stack([draw_crop(n, n) for n in range(len(rows))])
    CropSet.write(tmp_path, crops, photos, [split for *_, split in rows])
    numbers, people = number_people(CropSet.load(tmp_path))
    assert people == ["s/b", "t/d"]
    assert numbers.tolist() == [0, -1, 0, -1, -1, -1, -1, -1, 1, 1, -1]


def test_people_start_at_their_mean_embedding() -> None:
    """A direction is the mean of a person's teacher embeddings, of length 1."""
    targets = np.stack([embedding(seed) for seed in range(5)])
    found = _directions(targets, np.array([1, 0, -1, 1, 0]), ["a", "b"])
    expected = [unit(targets[[1, 4]].mean(axis=0)), unit(targets[[0, 3]].mean(axis=0))]
    assert found == pytest.approx(np.stack(expected), abs=1e-6)


def measured(crop_set: CropSet, vectors: Floats) -> dict[str, float]:
    """The history figures of an embedder that returns ``vectors`` for development people."""

    def embedder(crops: Image, *, training: bool) -> Floats:
        assert not training
        assert np.array_equal(
            crops, np.concatenate([*crop_set.contract_crops(crop_set.indices_of("dev"))])
        )
        return 3 * vectors

    targets = load_targets(crop_set)
    return _EpochEnd(None, crop_set, targets, embedder, crop_set.folder)._measure()


def test_development_people_are_measured(crop_set: CropSet) -> None:
    """The history has the mean cosine to the teacher and the TAR at two FARs."""
    rng = np.random.default_rng(6)
    who = np.repeat(np.arange(3), EACH)
    vectors = unit(np.eye(128)[who] + 0.12 * rng.normal(size=(3 * EACH, 128)))
    scores = vectors @ vectors.T
    i, j = np.triu_indices(3 * EACH, 1)
    above = scores[i, j][who[i] == who[j]] > scores[i, j][who[i] != who[j]].max()
    assert 0 < above.mean() < 1
    found = measured(crop_set, vectors)
    targets = load_targets(crop_set)[crop_set.indices_of("dev")]
    assert found["dev_cosine"] == pytest.approx(np.mean(np.sum(vectors * targets, axis=1)))
    assert found["dev_tar_at_far_0.001"] == pytest.approx(above.mean())
    assert found["dev_tar_at_far_0.0001"] == pytest.approx(above.mean())


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"x")])
def test_weights_that_cannot_be_loaded_are_an_error(
    run: Path, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    """Absent or damaged weights are an error that names the file."""
    folder = shutil.copytree(run, tmp_path / "run")
    spoil(folder / "embedder.weights.h5")
    with pytest.raises(DatasetError, match=r"embedder\.weights\.h5"):
        load_embedder(folder)
