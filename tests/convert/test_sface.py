"""SFace written for int8: nearly the same function, in other operators."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import keras
import msgspec
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from convert.__main__ import main
from convert.calibration import photo_crops
from convert.convert import Int8Embedder
from convert.float_model import FloatModel, load_int8, load_run, load_sface
from convert.quantise import quantise
from convert.sface import channel_reaches, equalise, flip_steep, int8_form
from kiosk.errors import DatasetError, ModelError
from kiosk.recognition.bundle import write_bundle
from kiosk.recognition.tflite import parts_of
from kiosk.records import Image
from tests.support_recognition import small_bundle
from tests.support_train import make_crop_set, orl_photo, see
from train.embedder import build_embedder, embed_all, save_embedder
from train.recipe import FitConfig, write_config
from train.sface.network import build_sface
from train.sface.weights import Sface

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="conversion runs under TensorFlow alone"
)


def cosines(one: keras.Model, other: keras.Model, crops: Image) -> list[float]:
    return [float(x) for x in np.sum(embed_all(one, crops) * embed_all(other, crops), axis=1)]


def test_the_int8_form_hardly_changes_the_function(network: keras.Model, crops: Image) -> None:
    """With maxima, equalised and clipped, the embeddings are nearly the same."""
    assert np.median(cosines(network, int8_form(network, crops), crops)) > 0.98


def test_a_short_front_is_written_with_fast_operators(short: Sface, crops: Image) -> None:
    """Its PReLUs have one slope each; all others are multiplications and maxima."""
    plain = build_sface(short)
    form = int8_form(plain, crops)
    assert np.median(cosines(plain, form, crops)) > 0.98
    maxima = {layer.name for layer in form.layers if layer.name.endswith("_below")}
    assert len(maxima) == 27 - 7
    assert not maxima & {"conv_1_below", "conv_3_dw_below", "conv_4_below"}
    model = quantise(form, crops)
    assert "LEAKY_RELU" in parts_of(model)[1]
    assert delegates(model) == 1 + 20


def delegates(model: bytes) -> int:
    """Into how many parts XNNPACK's work falls: each maximum, and nothing else, parts it."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    return [op["op_name"] for op in interpreter._get_ops_details()].count("DELEGATE")


def test_the_terms_of_a_maximum_are_not_clipped(int8_sface: bytes) -> None:
    """Both reach from -1 to 1, although no result is as low as -1."""
    model = schema.ModelT.InitFromPackedBuf(int8_sface)
    (graph,) = model.subgraphs
    codes = [model.operatorCodes[operator.opcodeIndex].builtinCode for operator in graph.operators]
    maxima = [
        operator
        for operator, code in zip(graph.operators, codes, strict=True)
        if code == schema.BuiltinOperator.MAXIMUM
    ]
    terms = [graph.tensors[index].quantization for one in maxima for index in one.inputs]
    assert len(terms) == 2 * 27
    for term in terms:
        assert term.scale == pytest.approx([2 / 255], rel=0.02)
        assert term.zeroPoint == pytest.approx([0], abs=2)


def test_a_slope_of_zero_has_a_fast_operator(short: Sface, crops: Image) -> None:
    """It is moved a little away from 0, for which the runtime has no kernel."""
    form = int8_form(build_sface(with_slope(short, 0.0)), crops)
    assert delegates(quantise(form, crops)) == 1 + 20


def test_a_layer_with_one_slope_above_one_is_brought_below_it(short: Sface, crops: Image) -> None:
    """All its channels are negated."""
    steep = build_sface(with_slope(short, 1.25))
    assert np.median(cosines(steep, int8_form(steep, crops), crops)) > 0.98


def with_slope(short: Sface, slope: float) -> Sface:
    """Give the first layer one slope."""
    first, *rest = short.units
    first = replace(first, slope=np.full_like(first.slope, slope))
    return replace(short, units=(first, *rest))


def test_slopes_above_one_are_brought_below_it(
    weights: Sface, network: keras.Model, crops: Image
) -> None:
    """Channels with a slope above 1 are negated; the embeddings stay the same."""
    flat = flip_steep(weights)
    assert max(float(unit.slope.max()) for unit in weights.units) > 1
    assert max(float(unit.slope.max()) for unit in flat.units) <= 1
    assert min(cosines(network, build_sface(flat), crops)) > 0.99999


def test_a_steep_slope_in_the_last_layer_is_an_error(weights: Sface) -> None:
    """No convolution follows the last PReLU, so that a slope above 1 there is rejected."""
    last = weights.units[-1]
    steep = replace(last, slope=np.full_like(last.slope, 1.5))
    with pytest.raises(ModelError, match=r"a slope of conv_14 is 1\.500, above 1"):
        flip_steep(replace(weights, units=(*weights.units[:-1], steep)))


def test_equalised_channels_have_one_reach(weights: Sface, crops: Image) -> None:
    """After equalisation all channels that are used reach 1."""
    flat = flip_steep(weights)
    equal = equalise(flat, channel_reaches(build_sface(flat), flat, crops))
    reaches = channel_reaches(build_sface(equal), equal, crops)
    for reach in reaches:
        assert reach.max() == pytest.approx(1.0, abs=1e-3)
        assert np.mean(reach > 0.99) > 0.9


def test_the_published_network_is_converted_without_a_run(crops: Image) -> None:
    """Calibrated on a few crops, the int8 file is near the ONNX file on most of them."""
    model = load_sface()
    int8 = Int8Embedder(quantise(model.int8_network(crops), crops))
    near = np.sum(int8(crops) * model.embed(crops), axis=1)
    assert np.median(near) > 0.9
    assert "SFace" in model.architecture
    assert "published" in model.recipe


def test_a_run_from_sface_is_converted_in_the_same_form(
    network: keras.Model, crops: Image, tmp_path: Path
) -> None:
    """A run folder with ``network=sface`` is equalised and written with maxima, too."""
    config = FitConfig(network="sface")
    write_config(tmp_path, config)
    save_embedder(build_embedder(config), tmp_path)
    model = load_run(tmp_path)
    form = model.int8_network(crops)
    assert not [layer for layer in form.layers if isinstance(layer, keras.layers.PReLU)]
    assert np.median(cosines(network, form, crops)) > 0.98
    assert model.recipe["network"] == "sface"


def test_a_bundle_is_read_back_to_be_quantised_again(
    int8_sface: bytes, network: keras.Model, crops: Image, tmp_path: Path
) -> None:
    """It is near the network that it was made of, and says whose weights it has."""
    path, small = tmp_path / "sface.kiosk-model", small_bundle()
    facts: dict[str, Any] = {
        "sha256": hashlib.sha256(int8_sface).hexdigest(),
        "training": {"recipe": "SFace"},
    }
    facts["model_id"] = f"sface-{facts['sha256'][:12]}"
    card = msgspec.structs.replace(small.card, **facts)
    write_bundle(path, replace(small, card=card, model=int8_sface))
    model = load_int8(path)
    near = np.sum(model.embed(crops) * embed_all(network, crops), axis=1)
    assert np.median(near) > 0.99
    assert model.recipe == {"read_back": facts["model_id"], "recipe": "SFace"}
    form = model.int8_network(crops)
    assert np.median(cosines(network, form, crops)) > 0.98


def test_calibration_takes_photos_with_and_without_people(tmp_path: Path) -> None:
    """A folder of people and a folder of loose photos both give aligned crops."""
    photos = [cv2.imread(str(orl_photo(person, 1))) for person in (1, 2, 3)]
    (tmp_path / "people" / "ada").mkdir(parents=True)
    (tmp_path / "loose").mkdir()
    for path, photo in zip(("people/ada/1.png", "loose/1.png", "loose/2.png"), photos, strict=True):
        assert photo is not None
        cv2.imwrite(str(tmp_path / path), photo)
    found = photo_crops([tmp_path / "people", tmp_path / "loose"], seed=1)
    assert (found.shape, found.dtype) == ((3, 112, 112, 3), np.uint8)


def test_an_absent_calibration_folder_is_an_error(tmp_path: Path) -> None:
    """The error names the folder."""
    with pytest.raises(DatasetError, match=f"{tmp_path / 'absent'}"):
        photo_crops([tmp_path / "absent"], seed=1)


@pytest.mark.parametrize(
    ("given", "loaded"), [("sface", "SFace"), ("./sface", "run sface"), ("runs/one", "run one")]
)
def test_the_word_sface_takes_the_place_of_a_run(
    given: str, loaded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kiosk-convert sface` converts the published network; any other path is a run folder."""
    facts = tmp_path / "facts.toml"
    facts.write_text('name = "one"\nlicence = "none"\ndata = []\n')
    crop_set = make_crop_set(tmp_path / "crops", {"train": 1})
    seen: list[tuple[Any, Any]] = []

    def convert(model: object, _: object, *__: object, calibration: object, **___: object) -> None:
        seen.append((model, calibration))
        raise ModelError("seen")

    def loader(path: Path) -> FloatModel:
        return FloatModel(see, keras.Model, f"run {path.name}", "", seed=1)

    monkeypatch.setattr("convert.convert.convert", convert)
    monkeypatch.setattr("convert.float_model.load_run", loader)

    def load_published() -> FloatModel:
        return FloatModel(see, keras.Model, "SFace", "", seed=1)

    monkeypatch.setattr("convert.float_model.load_sface", load_published)
    monkeypatch.setattr("convert.calibration.photo_crops", lambda paths, _: paths)
    options = ["--crops", str(crop_set.folder), "--facts", str(facts), "--out", "x"]
    assert main([given, *options, "--calibration", "one", "two"]) != 0
    ((model, calibration),) = seen
    assert model.architecture == loaded
    assert calibration == [Path("one"), Path("two")]
