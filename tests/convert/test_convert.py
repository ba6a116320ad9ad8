"""Conversion: it writes a complete int8 bundle, or nothing."""

import dataclasses
import hashlib
import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
import pytest

from convert.__main__ import _LIMITS, main
from convert.card import CardFacts
from convert.convert import Converted, Int8Embedder, convert, measure_again
from convert.float_model import load_run
from convert.golden import golden_crops
from convert.quantise import REPRESENTATIVE, check_all_integer, quantise
from convert.verify import FigureLoss, Limits, Loss, check_loss, figure_losses, measure_loss
from kiosk.contract import COHORT_NEAREST, EMBEDDING_DIM, fingerprint
from kiosk.errors import ConfigError, DatasetError, ModelError
from kiosk.recognition.bundle import Bundle, default_bundle, load_bundle, write_bundle
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.vectors import unit
from tests.support_train import TINY, draw_crop, make_crop_set
from tests.tflite_file import patch_model
from train.dataset.crop_set import CropSet
from train.dataset.sources import Split
from train.embedder import embed_all, load_embedder
from train.evaluation.cohort import make_cohort
from train.evaluation.figures import Figure, FigureKind, figures
from train.evaluation.lfw import Lfw
from train.evaluation.turned import TurnedFaces
from train.metrics import Rate, TenFold
from train.network import build_network
from train.recipe import FitConfig, write_config

pytestmark = [
    pytest.mark.slow,  # nearly all of it trains or converts
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="conversion runs under TensorFlow alone"
    ),
]
CONFIG = FitConfig(network=TINY)
FACTS = CardFacts(name="tiny", licence="none", data=("drawn",), tried=("nothing",))
# The network is untrained: it hardly tells people apart, and quantisation costs more.
LENIENT = Limits(cosine_mean=0.9, cosine_p1=0.8, accuracy=0.5, figure=1.0, false_match=1.0)


def make_run(folder: Path) -> Path:
    """A run folder with random weights that give each crop its own embedding."""
    write_config(folder, CONFIG)
    keras.utils.set_random_seed(1)
    network = build_network(TINY)
    rng = np.random.default_rng(1)
    for weight in network.weights:
        if weight.path.endswith("moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    network.save_weights(folder / "embedder.weights.h5")
    return folder


@pytest.fixture(scope="module")
def crop_set(tmp_path_factory: pytest.TempPathFactory) -> CropSet:
    people: dict[Split, int] = {"train": 240, "dev": 5, "test": 5}  # enough for a cohort
    return make_crop_set(tmp_path_factory.mktemp("crops"), people)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out") / "tiny.kiosk-model"


@pytest.fixture(scope="module")
def converted(run: Path, crop_set: CropSet, out: Path) -> Iterator[Converted]:
    people = [f"p{who}" for who in range(7)]
    crops = np.stack([draw_crop(who, 0, 112) for who in range(7)])
    turned = TurnedFaces(180, people, crops, np.zeros(7, np.bool_))
    with pytest.MonkeyPatch.context() as patch:
        # Walks need more people; the faces are drawn, and no detector finds one.
        patch.setattr("train.evaluation.archives.read_videos", lambda _: None)
        patch.setattr("train.evaluation.archives.read_turned_faces", lambda _: (turned,))
        yield convert(load_run(run), crop_set, FACTS, out, limits=LENIENT, walks=Path("w.zip"))


@pytest.fixture(scope="module")
def bundle(converted: Converted, out: Path) -> Bundle:
    """The converted bundle, read back as the kiosk reads it."""
    found = load_bundle(out)
    assert found.card.model_id == converted.bundle.card.model_id
    return found


def test_the_bundle_is_complete(bundle: Bundle, converted: Converted, out: Path) -> None:
    """The bundle is one file that the kiosk loads, equal to the returned bundle."""
    # As JSON, where tuples are lists.
    assert msgspec.json.encode(bundle.card) == msgspec.json.encode(converted.bundle.card)
    assert bundle.model == converted.bundle.model
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    with zipfile.ZipFile(out) as archive:
        parts = {"card.json", "cohort.npy", "golden.npz", "model.tflite"}
        assert set(archive.namelist()) == parts


def test_the_card_has_the_turned_faces(bundle: Bundle) -> None:
    """The card says at each turn how many strangers get a name, with and without the check."""
    rows = bundle.card.evaluation["turned"]
    assert [(row["angle"], row["gallery_size"]) for row in rows] == [(180, 1), (180, 5)]
    assert {row["named"]["value"] for row in rows} == {0.0}  # the check accepts none of them
    assert rows[0]["named_unchecked"]["n"] > 0


def test_the_golden_vectors_are_reproduced(bundle: Bundle) -> None:
    """On the machine that converted, the kiosk's own check finds no difference."""
    assert TfliteEmbedder(bundle).check() == 0
    assert np.array_equal(bundle.golden_crops, golden_crops())


def test_the_kiosk_s_embeddings_are_the_measured_ones(bundle: Bundle, crop_set: CropSet) -> None:
    """The figures of the card are those of the kiosk's embedder."""
    (crops,) = crop_set.contract_crops(crop_set.indices_of("test")[:5])
    measured, kiosk = Int8Embedder(bundle.model)(crops), TfliteEmbedder(bundle)
    assert measured == pytest.approx(np.stack([kiosk.embed(crop) for crop in crops]), abs=1e-6)


def test_the_int8_model_is_near_the_float_one(bundle: Bundle, run: Path) -> None:
    """Crops that were not used for calibration get nearly the float network's embedding."""
    crops = np.stack([draw_crop(seed, seed, 112) for seed in range(500, 510)])
    found, expected = Int8Embedder(bundle.model)(crops), embed_all(load_embedder(run), crops)
    assert np.sum(found * expected, axis=1).min() > 0.98


def test_the_input_is_the_pixel_minus_128(bundle: Bundle) -> None:
    """Scale 1 and zero point -128: the kiosk flips one bit and does no arithmetic."""
    model = Int8Embedder(bundle.model).model
    assert model.input_quantisation == (pytest.approx(1.0, abs=1e-6), -128)
    assert model.input_shape == (1, 112, 112, 3)
    assert bundle.card.quantisation["input"] == list(model.input_quantisation)
    assert bundle.card.quantisation["output"] == list(model.output_quantisation)


def test_no_float_is_left(bundle: Bundle) -> None:
    """The written file passes the check for float tensors and other ops."""
    check_all_integer(bundle.model)


def test_the_card_describes_the_model(bundle: Bundle, converted: Converted) -> None:
    """The card has checksum, contract, recipe, data, losses and figures of this conversion."""
    card = bundle.card
    assert card.sha256 == hashlib.sha256(bundle.model).hexdigest()
    assert card.model_id == f"tiny-{card.sha256[:12]}"
    assert card.contract == fingerprint()
    assert card.quantisation["calibration_crops"] == REPRESENTATIVE + 2
    assert converted.loss is not None
    assert card.quantisation["loss"]["cosine_mean"] == converted.loss.cosine_mean
    by_label = {loss.label: loss.worse_by for loss in converted.loss.figures}
    assert card.quantisation["loss"]["figures"] == by_label
    assert card.training["recipe"]["network"]["stem"] == TINY.stem
    assert (card.licence, card.training["data"]) == ("none", ["drawn"])
    assert card.training["tried"] == ["nothing"]
    assert f"{build_network(TINY).count_params():,} weights" in card.architecture


def test_the_card_has_thresholds_with_their_figures(bundle: Bundle, converted: Converted) -> None:
    """Each operating point was measured on development people."""
    assert bundle.card.operating_points == converted.report.operating_points
    for point, found in zip(
        bundle.card.operating_points, converted.report.development, strict=True
    ):
        assert found.fpir.value == pytest.approx(point.fpir, abs=0.01)
        assert bundle.card.operating_point(point.fpir, point.gallery_size) == point


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (
            Limits(cosine_mean=1.1, cosine_p1=0, accuracy=1, figure=1, false_match=1),
            "cosine_mean is .*, expected at least 1.1",
        ),
        (
            Limits(cosine_mean=0, cosine_p1=1.1, accuracy=1, figure=1, false_match=1),
            "cosine_p1 is .*, expected at least 1.1",
        ),
        (
            Limits(cosine_mean=0, cosine_p1=0, accuracy=-2, figure=1, false_match=1),
            "accuracy loss is .*, expected at most -2",
        ),
        (
            Limits(cosine_mean=0, cosine_p1=0, accuracy=1, figure=-2, false_match=1),
            r"loss of '2 enrolled, FPIR 1 %: FNIR \(development\)' is .*, expected at most -2",
        ),
    ],
    ids=["mean", "worst percent", "accuracy", "report"],
)
def test_a_model_that_lost_too_much_is_not_written(
    run: Path, crop_set: CropSet, converted: Converted, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, limits: Limits, said: str,
) -> None:  # fmt: skip
    """The error names the value and its limit, and no file is written."""
    # The file itself was made above.
    monkeypatch.setattr("convert.convert.quantise", lambda *_: converted.bundle.model)
    # Of so few people, every interval would hold everything.
    monkeypatch.setattr(Figure, "interval", (math.inf, math.inf))
    with pytest.raises(ModelError, match=rf"^quantisation lost too much: {said}"):
        convert(load_run(run), crop_set, FACTS, tmp_path / "tiny.kiosk-model", limits=limits)
    assert list(tmp_path.iterdir()) == []


def a_loss(cosine_mean: float, cosine_p1: float, accuracy: float, figure: float = 0.05) -> Loss:
    return Loss(
        crops=10,
        cosine_mean=cosine_mean,
        cosine_p1=cosine_p1,
        cosine_min=-1.0,
        accuracy=accuracy,
        figures=(FigureLoss("relatives", FigureKind.MISS, figure, within_interval=False),),
    )


@pytest.mark.parametrize(
    ("cosine_mean", "cosine_p1", "accuracy"),
    [(0.995, 0.98, 0.001), (0.99, 0.97, 0.005), (1.0, 1.0, -0.1)],
    ids=["good", "at the limit", "better than float"],
)
def test_a_model_within_the_limits_is_accepted(
    cosine_mean: float, cosine_p1: float, accuracy: float
) -> None:
    """A value at its limit passes, and the lowest single cosine has no limit."""
    check_loss(a_loss(cosine_mean, cosine_p1, accuracy), Limits())


@pytest.mark.parametrize(
    ("cosine_mean", "cosine_p1", "accuracy", "named"),
    [
        (0.989, 0.98, 0.001, ["cosine_mean"]),
        (0.995, 0.969, 0.001, ["cosine_p1"]),
        (0.995, 0.98, 0.006, ["accuracy loss"]),
        (0.5, 0.5, 0.5, ["cosine_mean", "cosine_p1", "accuracy loss"]),
    ],
)
def test_beyond_a_limit_each_figure_is_named(
    cosine_mean: float, cosine_p1: float, accuracy: float, named: list[str]
) -> None:
    """The error names the values beyond their limits, and no others."""
    with pytest.raises(ModelError) as caught:
        check_loss(a_loss(cosine_mean, cosine_p1, accuracy), Limits())
    figures = ("cosine_mean", "cosine_p1", "accuracy loss")
    assert [name for name in figures if name in str(caught.value)] == named


def test_a_figure_that_is_far_worse_is_named() -> None:
    """A figure that is worse by more than five points is an error."""
    with pytest.raises(ModelError, match=r"loss of 'relatives' is 0\.0510, expected at most 0\.05"):
        check_loss(a_loss(1.0, 1.0, 0.0, figure=0.051), Limits())


@pytest.mark.parametrize("label", ["measured FPIR", "strangers named", "FNIR", ""])
def test_the_kind_of_a_figure_decides_its_limit_and_the_label_does_not(label: str) -> None:
    """A false match may be worse by one point and a miss by five, whatever their labels say."""
    figures = (
        FigureLoss(label, FigureKind.FALSE_MATCH, 0.011, within_interval=False),
        FigureLoss(label, FigureKind.MISS, 0.05, within_interval=False),
    )
    loss = msgspec.structs.replace(a_loss(1.0, 1.0, 0.0), figures=figures)
    with pytest.raises(ModelError, match=r"lost too much: loss of .* is 0\.0110, [^;]* 0\.0100$"):
        check_loss(loss, Limits())


@pytest.mark.parametrize("kind", list(FigureKind))
def test_what_may_be_chance_is_no_loss(kind: FigureKind) -> None:
    """A figure may differ by more than its limit if its interval holds that of the float model."""
    figures = (FigureLoss("strangers named", kind, 0.2, within_interval=True),)
    check_loss(msgspec.structs.replace(a_loss(1.0, 1.0, 0.0), figures=figures), Limits())


def test_rewording_the_labels_of_a_report_changes_no_limit(
    converted: Converted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every label replaced, each figure of a report still has the limit of its kind."""
    before = figure_losses(converted.report, converted.report)
    reworded = [dataclasses.replace(found, label="x") for found in figures(converted.report)]
    monkeypatch.setattr("convert.verify.figures", lambda _: reworded)
    after = figure_losses(converted.report, converted.report)
    assert {loss.label for loss in after} == {"x"}
    limits = [Limits().for_figure(loss.kind) for loss in before]
    assert [Limits().for_figure(loss.kind) for loss in after] == limits
    assert set(limits) == {Limits().false_match, Limits().figure}


def test_less_accuracy_and_more_errors_are_losses(converted: Converted) -> None:
    """Less accuracy and more errors are losses; a figure that was not measured is left out."""
    rate = Rate(0.9, 0.8, 0.95, 100)
    lfw = Lfw(TenFold(0.9, 0.01, 6000), rate, rate, 0)
    before = msgspec.structs.replace(converted.report, lfw=lfw, groups=(), relatives=None)
    found = before.test[0]
    more = msgspec.structs.replace(found.fnir, value=found.fnir.value + 0.25)
    after = msgspec.structs.replace(
        before,
        lfw=msgspec.structs.replace(lfw, verification=TenFold(0.8, 0.01, 6000)),
        test=(msgspec.structs.replace(found, fnir=more), *before.test[1:]),
    )
    losses = figure_losses(before, after)
    worse = {loss.label: loss.worse_by for loss in losses if loss.worse_by}
    assert worse == {
        "LFW, ten folds: accuracy ± standard error": pytest.approx(0.1),
        "2 enrolled, FPIR 1 %: FNIR (test)": pytest.approx(0.25),
    }
    assert not any("group" in loss.label for loss in losses)
    outside = {loss.label for loss in losses if not loss.within_interval}
    assert outside == {"LFW, ten folds: accuracy ± standard error"}


@pytest.mark.parametrize(
    ("before", "after", "within"),
    [
        (Rate(0.0, 0.0, 0.2, 100), Rate(0.024, 0.0003, 0.08, 100), True),  # none and one of 76
        (Rate(0.02, 0.01, 0.03, 100), Rate(0.024, 0.0003, 0.08, 100), True),
        (Rate(0.0, 0.0, 0.02, 100), Rate(0.024, 0.0003, 0.08, 100), False),
        (Rate(0.01, 0.005, 0.02, 9000), Rate(0.03, 0.025, 0.04, 9000), False),
    ],
)
def test_either_interval_may_hold_the_other_figure(
    before: Rate,
    after: Rate,
    converted: Converted,
    monkeypatch: pytest.MonkeyPatch,
    *,
    within: bool,
) -> None:
    """Two figures differ where neither is within the interval of the other."""
    found = iter([Figure("x", FigureKind.FALSE_MATCH, rate)] for rate in (before, after))
    monkeypatch.setattr("convert.verify.figures", lambda _: next(found))
    (loss,) = figure_losses(converted.report, converted.report)
    assert loss.within_interval is within


@pytest.mark.parametrize(
    ("measured", "interval"),
    [
        (Rate(0.9, 0.8, 0.95, 100), (0.8, 0.95)),
        (TenFold(0.9, 0.01, 6000), (0.8804, 0.9196)),
        (None, (-math.inf, math.inf)),
    ],
)
def test_each_figure_has_an_interval(
    measured: Rate | TenFold | None, interval: tuple[float, float]
) -> None:
    """Of ten folds it is that of a normal distribution; without a measurement it has no end."""
    figure = Figure("x", FigureKind.ACCURACY, measured)
    assert figure.interval == pytest.approx(interval)


@pytest.mark.skipif(not default_bundle().exists(), reason="no default model bundle yet")
def test_the_shipped_model_is_fully_int8() -> None:
    """The default model has no float tensor and no Flex op."""
    check_all_integer(load_bundle(default_bundle()).model)


def test_the_loss_is_measured_crop_by_crop() -> None:
    """The loss has mean, first percentile and minimum of the cosines of equal crops."""
    rng = np.random.default_rng(3)
    one, other = (unit(rng.normal(size=(300, 128)) + 2) for _ in range(2))
    cosines = [float(a @ b) for a, b in zip(one, other, strict=True)]
    found = measure_loss(one, other, accuracy=0.25, figures=())
    assert (found.crops, found.accuracy) == (300, 0.25)
    assert found.cosine_mean == pytest.approx(np.mean(cosines), abs=1e-6)
    assert found.cosine_p1 == pytest.approx(np.percentile(cosines, 1), abs=1e-6)
    assert found.cosine_min == pytest.approx(min(cosines), abs=1e-6)


def test_a_float_model_is_rejected() -> None:
    """A file with a float tensor between input and output is rejected."""
    check_all_integer(patch_model())
    with pytest.raises(ModelError, match=r"^tensor .* is float32, not int8$"):
        check_all_integer(patch_model(is_int8=False))


@pytest.mark.parametrize("op", ["FlexErf", "QUANTIZE", "DEQUANTIZE", "CUSTOM"])
def test_an_op_that_is_no_int8_kernel_is_rejected(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow ops, and ops that only change the scale, are named in the error."""
    monkeypatch.setattr("convert.quantise.parts_of", lambda _: ({}, {"CONV_2D", op}))
    with pytest.raises(ModelError, match=rf"^op {op} is left in the model"):
        check_all_integer(patch_model())


class _Strange(keras.layers.Layer):  # type: ignore[misc]  # Keras carries no types
    """A layer that no int8 kernel computes."""

    def call(self, crop: Any) -> Any:  # noqa: ANN401  # a tensor
        return keras.ops.erfinv(crop / 256)


def test_a_network_without_int8_kernels_is_an_error() -> None:
    """An error of TensorFlow's converter, or a remaining float op, is a ``ModelError``."""
    crop = keras.Input(batch_shape=(1, 112, 112, 3))
    network = keras.Model(crop, keras.layers.Flatten()(_Strange()(crop)))
    with pytest.raises(ModelError):
        quantise(network, golden_crops())


def test_low_contrast_crops_calibrate_the_full_range(run: Path) -> None:
    """With crops of few grey levels the input's scale is 1, because black and white are added."""
    dull = np.stack([draw_crop(seed, 0, 112) // 4 + 90 for seed in range(4)])
    assert np.ptp(dull) < 64
    model = Int8Embedder(quantise(load_embedder(run), dull)).model
    assert model.input_quantisation == (pytest.approx(1.0, abs=1e-6), -128)


def test_conversion_needs_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under another backend the error names the variable to unset."""
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ModelError, match="unset KERAS_BACKEND"):
        quantise(keras.Model(), golden_crops())


@pytest.mark.parametrize(
    ("people", "split"), [({"dev": 2, "test": 2}, "train"), ({"train": 2, "test": 2}, "dev")]
)
def test_a_split_without_people_is_an_error(
    run: Path, converted: Converted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    people: dict[Split, int], split: str,
) -> None:  # fmt: skip
    """Without people for calibration or thresholds, nothing is written."""
    monkeypatch.setattr("convert.convert.quantise", lambda *_: converted.bundle.model)
    few = make_crop_set(tmp_path / "crops", people)
    with pytest.raises(
        DatasetError, match=rf"crops: the '{split}' split is empty; prepare with more"
    ):
        convert(load_run(run), few, FACTS, tmp_path / "tiny.kiosk-model", limits=LENIENT)
    assert not (tmp_path / "tiny.kiosk-model").exists()


def test_the_cohort_comes_from_the_int8_model(bundle: Bundle, crop_set: CropSet) -> None:
    """The cohort has the int8 model's own embeddings of training people."""
    expected = make_cohort(Int8Embedder(bundle.model), crop_set)
    assert len(expected.embeddings) >= COHORT_NEAREST
    assert np.array_equal(bundle.cohort, expected.embeddings)


def test_a_collapsed_network_is_not_written(
    run: Path, crop_set: CropSet, converted: Converted, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A network with one embedding for everybody has no usable threshold."""
    monkeypatch.setattr("convert.convert.quantise", lambda *_: converted.bundle.model)
    one = np.tile(np.eye(1, EMBEDDING_DIM, dtype=np.float32), (len(crop_set), 1))
    monkeypatch.setattr(Int8Embedder, "__call__", lambda _, crops: one[: len(crops)])
    with pytest.raises(
        ModelError, match="no threshold keeps strangers out and names enrolled people"
    ):
        convert(load_run(run), crop_set, FACTS, tmp_path / "tiny.kiosk-model", limits=LENIENT)
    assert list(tmp_path.iterdir()) == []


def test_a_card_that_no_kiosk_can_read_is_not_written(
    run: Path, crop_set: CropSet, converted: Converted, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A threshold that a model card does not allow is an error before the bundle is written."""
    points = tuple(
        msgspec.structs.replace(point, threshold=1.0000001)
        for point in converted.report.operating_points
    )
    # Without an archive of walks there are no turned faces.
    report = msgspec.structs.replace(converted.report, operating_points=points, turned=())
    monkeypatch.setattr("convert.convert.quantise", lambda *_: converted.bundle.model)
    monkeypatch.setattr("convert.convert.evaluate", lambda *_: report)
    with pytest.raises(ModelError, match=r"^the model card cannot be read back: .*threshold"):
        convert(load_run(run), crop_set, FACTS, tmp_path / "tiny.kiosk-model", limits=LENIENT)
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_is_measured_again_on_other_people(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Model and identity stay, so galleries do, too; cohort, thresholds and figures are new."""
    monkeypatch.setattr("convert.convert.quantise", None)  # nothing is quantised
    others = make_crop_set(tmp_path / "crops", {"train": 200, "dev": 6, "test": 5})
    facts = CardFacts(name="tiny", licence="theirs", data=("others",))
    done = measure_again(bundle, others, facts, tmp_path / "again.kiosk-model")
    again = load_bundle(tmp_path / "again.kiosk-model")
    assert (again.model, again.card.model_id) == (bundle.model, bundle.card.model_id)
    assert np.array_equal(again.golden_outputs, bundle.golden_outputs)
    assert again.card.quantisation == bundle.card.quantisation
    assert again.card.training["recipe"] == bundle.card.training["recipe"]
    assert (again.card.licence, again.card.training["data"]) == ("theirs", ["others"])
    assert done.loss is None
    assert again.card.operating_points == done.report.operating_points
    assert again.card.operating_points != bundle.card.operating_points
    expected = make_cohort(Int8Embedder(bundle.model), others)
    assert np.array_equal(again.cohort, expected.embeddings)


def test_on_the_same_people_a_bundle_has_the_same_figures(
    bundle: Bundle, crop_set: CropSet, tmp_path: Path
) -> None:
    """Measuring again finds what the conversion found."""
    again = measure_again(bundle, crop_set, FACTS, tmp_path / "again.kiosk-model").bundle
    assert again.card.operating_points == bundle.card.operating_points
    assert np.array_equal(again.cohort, bundle.cohort)


@pytest.mark.parametrize("learnt_from", ["these", "others", "nobody knows"])
def test_figures_of_other_photos_than_those_learnt_from_are_marked(
    bundle: Bundle, crop_set: CropSet, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    learnt_from: str,
) -> None:  # fmt: skip
    """Their test people may have trained the network: the command and the card say so."""
    steps: dict[str, list[dict[str, str]]] = {
        "these": [{"photos_sha256": crop_set.digest()}],
        "others": [{"photos_sha256": crop_set.digest()}, {"photos_sha256": "another"}],
        "nobody knows": [{}],
    }
    out, facts, again = (tmp_path / name for name in ("a.kiosk-model", "f.toml", "b.kiosk-model"))
    recipe = {"average": {"runs": steps[learnt_from]}}
    card = msgspec.structs.replace(bundle.card, training={"recipe": recipe})
    write_bundle(out, dataclasses.replace(bundle, card=card))
    facts.write_text('name = "other"\nlicence = "none"\ndata = []\n')
    options = ["--crops", str(crop_set.folder), "--facts", str(facts), "--out", str(again)]
    assert main([str(out), *options]) == 0
    is_marked = learnt_from == "others"
    assert ("warning: the model learnt from other photos" in capsys.readouterr().out) == is_marked
    training = load_bundle(again).card.training
    assert training["recipe"] == recipe
    assert training["note"].startswith("the model learnt from other photos") == is_marked


def test_people_under_two_names_must_have_been_looked_for(
    run: Path, bundle: Bundle, tmp_path: Path
) -> None:
    """Thresholds from a crop set without `kiosk-train teach` would be too high; none is written."""
    untaught = make_crop_set(tmp_path / "crops")
    (tmp_path / "crops" / "teacher.npy").unlink()
    out = tmp_path / "x.kiosk-model"
    with pytest.raises(DatasetError, match=r"run `kiosk-train teach .*crops` first"):
        convert(load_run(run), untaught, FACTS, out)
    with pytest.raises(DatasetError, match=r"run `kiosk-train teach .*crops` first"):
        measure_again(bundle, untaught, FACTS, out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--cosine-mean", "0.9"), ("--false-match", "0")],
)
def test_a_bundle_takes_nothing_that_is_for_quantisation(
    bundle: Bundle, crop_set: CropSet, out: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], option: str, value: str,
) -> None:  # fmt: skip
    """It has been quantised already; the error says so, and nothing is written."""
    del bundle  # written to out
    facts = tmp_path / "facts.toml"
    facts.write_text('name = "tiny"\nlicence = "none"\ndata = []\n')
    options = ["--crops", str(crop_set.folder), "--facts", str(facts), option, value]
    assert main([str(out), *options, "--out", str(tmp_path / "x.kiosk-model")]) == 78
    assert f"{option}: the model of {out} is not quantised again" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["facts.toml"]


def test_a_bundle_that_is_not_sface_is_not_quantised_again(
    bundle: Bundle, crop_set: CropSet, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the bundle, and nothing is written."""
    del bundle  # written to out
    facts, again = tmp_path / "facts.toml", tmp_path / "x.kiosk-model"
    facts.write_text('name = "tiny"\nlicence = "none"\ndata = []\n')
    options = ["--crops", str(crop_set.folder), "--facts", str(facts), "--calibration", "photos"]
    assert main([str(out), *options, "--out", str(again)]) == 65
    assert f"{out}: not SFace with its own front" in capsys.readouterr().err
    assert not again.exists()


def test_the_options_of_the_limits_say_their_defaults() -> None:
    """Each limit has an option, whose help gives the value that it has without it."""
    limits = msgspec.to_builtins(Limits())
    assert [*_LIMITS] == [*limits]
    assert all(f"(default: {limits[name]})" in text for name, text in _LIMITS.items())


def test_the_command_measures_a_bundle_again(
    bundle: Bundle, crop_set: CropSet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one for other scores, which no kiosk takes; no loss is printed that was not measured."""
    out, facts, again = (tmp_path / name for name in ("old.kiosk-model", "f.toml", "a.kiosk-model"))
    card = msgspec.structs.replace(bundle.card, cohort_nearest=20)
    write_bundle(out, dataclasses.replace(bundle, card=card))
    with pytest.raises(ModelError, match="measures it again"):
        load_bundle(out)
    facts.write_text('name = "other"\nlicence = "none"\ndata = []\n')
    options = ["--crops", str(crop_set.folder), "--facts", str(facts), "--out", str(again)]
    assert main([str(out), *options]) == 0
    said = capsys.readouterr().out
    assert f"other-{bundle.card.sha256[:12]}" in said
    assert "int8 against float" not in said
    assert "rest on 5 walks of development people; an FPIR of 0.3% needs 334 or more" in said
    assert main([str(out), *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["loss"] is None
    assert load_bundle(again).card.cohort_nearest == COHORT_NEAREST


def test_a_model_alone_is_the_bundle_s(
    run: Path, crop_set: CropSet, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that ends in .tflite gets the int8 model that a bundle would have, not measured.

    Its bytes may differ: Keras numbers the layers of one process.
    """
    out = tmp_path / "alone.tflite"
    arguments = [str(run), "--crops", str(crop_set.folder), "--out", str(out)]
    assert main([*arguments, "--json"]) == 0
    made = {"model": str(out), "bytes": out.stat().st_size}
    assert json.loads(capsys.readouterr().out) == made
    alone, measured = (Int8Embedder(model) for model in (out.read_bytes(), bundle.model))
    assert np.array_equal(alone(golden_crops()), measured(golden_crops()))
    assert main(arguments) == 0
    assert "next: kiosk-train compare" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--out", "x.tflite", "--walks", "w.zip"], "--walks: x.tflite is a model alone"),
        (["run", "--out", "x.tflite", "--cosine-p1", "0"], "--cosine-p1: x.tflite is a model"),
        (["a.kiosk-model", "--out", "x.tflite"], "a.kiosk-model: a bundle has an int8 model"),
        (["sface", "--out", "x.tflite"], "--calibration: expected photos, or a crop set"),
        (["run", "--out", "x.kiosk-model", "--crops", "c"], "--facts: expected a TOML file"),
        (["run", "--out", "x.kiosk-model", "--facts", "f"], "--crops: expected a crop set"),
        (["run", "--out", "absent/x.tflite"], "--out: absent/x.tflite cannot be written; its"),
        (["run", "--out", "/"], "--out: / is a folder, expected a file in it"),
    ],
)
def test_options_that_do_not_fit_are_named(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What would be ignored, and what is missing, is an error that names the option."""
    assert main(arguments) == ConfigError.exit_code
    assert said in capsys.readouterr().err


def test_a_folder_without_a_run_is_an_error(crop_set: CropSet, tmp_path: Path) -> None:
    """A folder that is no run of `kiosk-train fit` is an error."""
    with pytest.raises(DatasetError, match=r"config\.json: not a run of recipe `embedding`"):
        convert(load_run(tmp_path), crop_set, FACTS, tmp_path / "tiny.kiosk-model")


def test_golden_crops_stay_the_same() -> None:
    """There are six crops, the last two black and white, equal on every machine."""
    crops = golden_crops()
    assert (crops.shape, crops.dtype) == ((6, 112, 112, 3), np.uint8)
    assert (crops[4].max(), crops[5].min()) == (0, 255)
    assert hashlib.sha256(crops.tobytes()).hexdigest()[:16] == "d2ebead2b60e537f"
