"""Recipe ``report``: the network, its training, interruption and prediction."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import keras
import numpy as np
import numpy.typing as npt
import pytest

from kiosk.errors import ConfigError, DatasetError
from kiosk.records import Image
from train.classifier import fit as classifier_fit
from train.classifier.fit import build_classifier, fit_classifier, predict, score
from train.classifier.photos import LabelledPhotos
from train.classifier.run import ClassifierConfig, Run, history_callback, load_run
from train.run_folder import read_history

pytestmark = pytest.mark.slow  # nearly all of it trains
NAMES = ("Ada", "Bo", "Cy")
TINY = ClassifierConfig(size_px=24, epochs=3, batch=4, widths=(4, 4), learning_rate=3e-3, seed=5)


def draw_face(person: int, seed: int, side: int = 24) -> Image:
    """A face of ellipses; the person is in its colours, the photo in its place and light."""
    looks, light = np.random.default_rng(person), np.random.default_rng((person, seed))
    scale = side / 24
    image = np.full((side, side, 3), light.integers(0, 256, 3), np.uint8)
    x, y = (int(v) for v in (light.integers(10, 15, 2) * scale))
    skin, hair = (tuple(int(v) for v in looks.integers(40, 256, 3)) for _ in range(2))
    cv2.ellipse(image, (x, y), (int(7 * scale), int(9 * scale)), 0, 0, 360, hair, -1)
    cv2.ellipse(image, (x, y + 2), (int(5 * scale), int(7 * scale)), 0, 0, 360, skin, -1)
    for eye in (-2, 2):
        cv2.circle(image, (x + int(eye * scale), y), max(1, int(scale)), (20, 20, 20), -1)
    return image


def make_labelled(photos_each: int = 10) -> LabelledPhotos:
    """Photos of three people, in groups of two."""
    labels = np.repeat(np.arange(len(NAMES)), photos_each)
    photos = np.stack([draw_face(int(who), seed) for seed, who in enumerate(labels)])
    return LabelledPhotos(photos, labels, NAMES, np.arange(len(labels)) // 2)


@pytest.fixture(scope="module")
def labelled() -> LabelledPhotos:
    return make_labelled()


@pytest.fixture(scope="module")
def run(labelled: LabelledPhotos, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return fit_classifier(tmp_path_factory.mktemp("run"), labelled, TINY, progress=False)


@pytest.fixture(autouse=True)
def _clear_graphs() -> Iterator[None]:
    yield
    keras.utils.clear_session()


def test_the_network_is_the_report_s() -> None:
    """The layers are convolution, pooling, normalisation and dropout, then flatten and softmax."""
    model = build_classifier(31, ClassifierConfig())
    kinds = [type(layer).__name__ for layer in model.layers]
    block = ["Conv2D", "MaxPooling2D", "BatchNormalization", "Dropout"]
    assert kinds == ["Rescaling", *block * 3, "Flatten", "Dense"]
    assert model.input_shape == (None, 224, 224, 3)
    assert model.output_shape == (None, 31)


def test_bytes_are_scaled_inside_the_graph() -> None:
    """The network takes uint8 and scales to 0 to 1, so no caller can forget it."""
    model = build_classifier(2, TINY)
    assert model.inputs[0].dtype == "uint8"
    white = np.full((1, 24, 24, 3), 255, np.uint8)
    assert keras.ops.convert_to_numpy(model.layers[0](white)).max() == pytest.approx(1.0)


def test_the_smallest_allowed_photo_fits() -> None:
    """The smallest allowed size leaves one pixel for the last pooling."""
    model = build_classifier(2, replace(TINY, size_px=10, widths=(2, 2)))
    assert model.layers[-2].output.shape == (None, 2)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size_px", 9), ("epochs", 0), ("batch", 0), ("learning_rate", 0.0), ("widths", ()),
        ("widths", (4, 0)), ("dropout", 1.0), ("held_out", 0.0), ("held_out", 1.0),
    ],
)  # fmt: skip
def test_values_out_of_range_are_errors(key: str, value: object) -> None:
    """The error names the key and the value."""
    with pytest.raises(ConfigError, match=f"^{key}: expected"):
        replace(TINY, **{key: value})  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("labels", np.zeros(2, np.int64), "labels: expected \\(30,\\)"),
        ("groups", np.zeros(2, np.int64), "groups: expected \\(30,\\)"),
        ("labels", np.zeros(30, np.int64), "each of 0 to 2"),
        ("labels", np.full(30, 3), "each of 0 to 2"),
        ("names", ("Ada",), "at least two people"),
    ],
)
def test_images_labels_and_groups_must_fit_together(
    labelled: LabelledPhotos, part: str, value: object, said: str
) -> None:
    """Every name needs a photo, and each photo a label and a group."""
    with pytest.raises(DatasetError, match=said):
        replace(labelled, **{part: value})  # type: ignore[arg-type]  # wrong on purpose


def test_training_learns(run: Run) -> None:
    """The loss on the training photos falls."""
    assert run.history[-1]["loss"] < run.history[0]["loss"]


def test_every_epoch_is_trained(run: Run) -> None:
    """The training does not stop early, and the history has time and held-out figures per epoch."""
    assert [row["epoch"] for row in run.history] == [1.0, 2.0, 3.0]
    assert {"seconds", "accuracy", "val_accuracy", "loss", "val_loss"} <= set(run.history[0])
    assert run.training_s == sum(row["seconds"] for row in run.history) > 0


def test_a_group_is_held_out_completely(run: Run, labelled: LabelledPhotos) -> None:
    """Photos of one group are all held out or all trained on, and about a fifth is held out."""
    trained_on = set(labelled.groups[~run.held_out].tolist())
    assert trained_on.isdisjoint(labelled.groups[run.held_out].tolist())
    assert np.mean(run.held_out) == pytest.approx(0.2, abs=0.05)


def test_held_out_photos_do_not_train(run: Run, labelled: LabelledPhotos, tmp_path: Path) -> None:
    """Other held-out photos do not change the weights."""
    photos = labelled.images.copy()
    photos[run.held_out] = 255 - photos[run.held_out]
    other = fit_classifier(tmp_path, replace(labelled, images=photos), TINY, progress=False)
    for one, two in zip(run.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-4)


def test_the_run_folder_holds_its_files(run: Run) -> None:
    """A finished run holds configuration, history, curves and model, but no backup."""
    names = {path.name for path in run.folder.iterdir()}
    assert names == {"config.json", "history.csv", "curves.png", "model.keras"}


def test_a_finished_run_is_not_trained_again(
    run: Run, labelled: LabelledPhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second call with the same arguments returns the stored run."""
    monkeypatch.setattr(classifier_fit, "_train", lambda *_, **__: pytest.fail("trained again"))
    again = fit_classifier(run.folder, labelled, TINY, progress=False)
    assert again.history == run.history
    assert np.array_equal(score(again, labelled.images), score(run, labelled.images))


@pytest.mark.parametrize("change", ["config", "photos", "labels", "names"])
def test_a_folder_of_another_run_is_rejected(
    run: Run, labelled: LabelledPhotos, change: str
) -> None:
    """A run folder with another configuration or other photos is rejected."""
    config = replace(TINY, epochs=9) if change == "config" else TINY
    others: Mapping[str, LabelledPhotos] = {
        "photos": replace(labelled, images=255 - labelled.images),
        "labels": replace(labelled, labels=labelled.labels[::-1].copy()),
        "names": replace(labelled, names=("Ada", "Bo", "Di")),
    }
    with pytest.raises(DatasetError, match=r"config\.json: another run"):
        fit_classifier(run.folder, others.get(change, labelled), config, progress=False)


class PowerCutError(Exception):
    """Anything that interrupts a training."""


def cut(*_: object) -> None:
    raise PowerCutError


def cut_in_the_third(epoch: int) -> None:
    if epoch == 2:
        raise PowerCutError


def before_each_epoch(
    act: Callable[[int], None],
) -> Callable[[Path, list[dict[str, float]]], keras.callbacks.Callback]:
    """The real history_callback, with something that happens before it notes the epoch's begin."""

    def make(folder: Path, history: list[dict[str, float]]) -> keras.callbacks.Callback:
        callback = history_callback(folder, history)
        note = callback.on_epoch_begin

        def begin(epoch: int, logs: Mapping[str, float] | None) -> None:
            act(epoch)
            note(epoch, logs)

        callback.on_epoch_begin = begin
        return callback

    return make


def backup_of(folder: Path) -> list[npt.NDArray[np.float32]]:
    model = build_classifier(3, TINY)
    model.optimizer.build(model.trainable_variables)
    model.load_weights(folder / "backup" / "latest.weights.h5")
    return list(model.get_weights())


def test_an_interrupted_run_is_resumed(
    labelled: LabelledPhotos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut in the third epoch, only the third epoch is trained."""
    monkeypatch.setattr(classifier_fit, "history_callback", before_each_epoch(cut_in_the_third))
    with pytest.raises(PowerCutError):
        fit_classifier(tmp_path, labelled, TINY, progress=False)
    before = read_history(tmp_path)
    seen: list[int] = []
    monkeypatch.setattr(classifier_fit, "history_callback", before_each_epoch(seen.append))
    run = fit_classifier(tmp_path, labelled, TINY, progress=False)
    assert seen == [2]
    assert list(run.history[:2]) == before
    assert run.history[2]["loss"] < before[0]["loss"], "it did not start from the backup"


def test_a_repeated_epoch_replaces_its_row(tmp_path: Path) -> None:
    """A power cut between an epoch's row and its backup leaves one row, the second."""
    history = [
        {"epoch": 1.0, "seconds": 1.0, "loss": 2.0},
        {"epoch": 2.0, "seconds": 1.0, "loss": 9.0},
    ]
    callback = history_callback(tmp_path, history)
    callback.on_epoch_begin(1, None)
    callback.on_epoch_end(1, {"loss": 1.5})
    assert [(row["epoch"], row["loss"]) for row in read_history(tmp_path)] == [(1, 2.0), (2, 1.5)]


def test_a_cut_after_the_last_epoch_loses_nothing(
    labelled: LabelledPhotos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the model was trained but not stored, the next call stores it without training."""
    with monkeypatch.context() as patch:
        patch.setattr(classifier_fit, "save_curves", cut)
        with pytest.raises(PowerCutError):
            fit_classifier(tmp_path, labelled, TINY, progress=False)
    before, trained = read_history(tmp_path), backup_of(tmp_path)
    run = fit_classifier(tmp_path, labelled, TINY, progress=False)
    assert list(run.history) == before
    for one, other in zip(trained, run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_group_cannot_be_split(labelled: LabelledPhotos, tmp_path: Path) -> None:
    """If all photos are one burst, nothing can be held out, and the error says so."""
    one_group = replace(labelled, groups=np.zeros(len(labelled.labels), np.int64))
    with pytest.raises(DatasetError, match="the training or the held-out part is empty"):
        fit_classifier(tmp_path, one_group, TINY)


def test_photos_of_another_size_are_rejected(
    run: Run, labelled: LabelledPhotos, tmp_path: Path
) -> None:
    """The error names the expected and the given size."""
    with pytest.raises(DatasetError, match=r"expected \(n, 32, 32, 3\) uint8, got \(30, 24, 24"):
        fit_classifier(tmp_path, labelled, replace(TINY, size_px=32))
    with pytest.raises(DatasetError, match=r"got .* float32"):
        score(run, labelled.images.astype(np.float32))


@pytest.mark.parametrize("spoil", ["config.json", "model.keras", "history"])
def test_a_folder_without_a_finished_run_is_an_error(tmp_path: Path, spoil: str) -> None:
    """A folder with a malformed or missing file is an error that names the folder."""
    (tmp_path / spoil).write_text("{}")
    with pytest.raises(DatasetError, match="no finished run"):
        load_run(tmp_path)


def test_scores_are_a_softmax(run: Run, labelled: LabelledPhotos) -> None:
    """Each photo has one score per name, with the sum 1; no photos give no rows."""
    found = score(run, labelled.images)
    assert found.shape == (30, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-5)
    assert score(run, labelled.images[:0]).shape == (0, 3)


def test_predictions_name_the_highest_score(run: Run) -> None:
    """Even noise gets somebody's name, which is the weakness that the report shows."""
    noise = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 3), dtype=np.uint8)
    said, found = predict(run, noise), score(run, noise)
    assert [p.predicted for p in said] == [NAMES[best] for best in found.argmax(axis=1)]
    assert [p.score for p in said] == pytest.approx(found.max(axis=1).tolist())
    assert {p.actual for p in said} == {""}
    assert predict(run, noise[:1], ["Cy"])[0].actual == "Cy"


def test_the_stored_model_needs_only_keras(run: Run, labelled: LabelledPhotos) -> None:
    """Keras alone loads ``model.keras`` and returns the same scores."""
    model = keras.saving.load_model(run.folder / "model.keras")
    alone = model.predict(labelled.images, verbose=0)
    np.testing.assert_allclose(alone, score(run, labelled.images), atol=1e-6)
