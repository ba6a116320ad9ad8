"""Teachers: they are run as their authors run them, and their embeddings are stored."""

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from kiosk.bench.peers import sface
from kiosk.contract import EMBEDDING_DIM
from kiosk.errors import DatasetError, ModelError, described
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from tests.support import needs_photos
from tests.support_train import draw_crop, full_disk, make_crop_set, orl_crop
from train.dataset.crop_set import CropSet
from train.teacher import Teacher, fold_weights, load_targets, sface_weights, teach

PEOPLE = 4


@pytest.fixture(scope="module")
def faces() -> Image:
    """Two photos each of four ORL people, then the same in tinted light."""
    grey = np.stack([orl_crop(person, number) for person in range(1, 5) for number in (1, 6)])
    return np.concatenate([grey, (grey * [1.0, 0.8, 0.5]).astype(np.uint8)])


@pytest.fixture(scope="module")
def by_sface(faces: Image) -> Floats:
    return Teacher().embed(faces)


@needs_photos
def test_photos_of_one_person_are_nearer_than_those_of_two(by_sface: Floats) -> None:
    """SFace scores two photos of one ORL person higher than photos of any two people."""
    scores = by_sface[: 2 * PEOPLE] @ by_sface[: 2 * PEOPLE].T
    who = np.repeat(np.arange(PEOPLE), 2)
    same = who[:, None] == who[None]
    np.fill_diagonal(scores, 1.0)
    assert scores[same].min() > scores[~same].max() + 0.1


@needs_photos
def test_sface_agrees_with_opencv_s_recogniser(
    faces: Image, by_sface: Floats, tmp_path: Path
) -> None:
    """OpenCV's own FaceRecognizerSF, which orders and scales channels itself, agrees."""
    # OpenCV 5 cannot run the file with the weights among its inputs; the test below does.
    onnx.save(fold_weights(onnx.load(sface_weights())), tmp_path / "folded.onnx")
    recogniser = cv2.FaceRecognizerSF.create(str(tmp_path / "folded.onnx"), "")
    features = [recogniser.feature(np.ascontiguousarray(crop[..., ::-1])) for crop in faces]
    assert np.sum(by_sface * unit(np.concatenate(features)), axis=1).min() > 0.99


@needs_photos
def test_folding_does_not_change_sface_s_embeddings(faces: Image, by_sface: Floats) -> None:
    """OpenCV computes the same embeddings from the original file."""
    unfolded = sface()
    assert np.sum(by_sface * np.stack([unfolded(crop) for crop in faces]), axis=1).min() > 0.999


@needs_photos
def test_embeddings_have_length_1(by_sface: Floats) -> None:
    """SFace's embeddings have 128 numbers per crop."""
    assert (by_sface.shape, by_sface.dtype) == ((4 * PEOPLE, 128), np.float32)
    assert np.linalg.norm(by_sface, axis=1) == pytest.approx(1.0, abs=1e-5)


def save(path: Path, nodes: Sequence[Any], weights: Sequence[Any] = ()) -> Path:
    """Write an ONNX file from ``data`` (n, 3, 112, 112) to ``out``, filled up from ``seen``."""
    filled = np.array([0, 0, 0, EMBEDDING_DIM - 3])
    weights = [*weights, numpy_helper.from_array(filled, "filled")]
    nodes = [*nodes, helper.make_node("Pad", ["seen", "filled"], ["out"])]
    data = helper.make_tensor_value_info("data", TensorProto.FLOAT, ["n", 3, 112, 112])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", EMBEDDING_DIM])
    graph = helper.make_graph(nodes, "small", [data], [out], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), path)
    return path


def colour_teacher(folder: Path, *, is_for_one: bool = False) -> Path:
    """A teacher that sees the mean colour, of all crops together where it is for one alone."""
    shape = numpy_helper.from_array(np.array([1, -1] if is_for_one else [-1, 3]), "shape")
    nodes = [
        helper.make_node("GlobalAveragePool", ["data"], ["mean"]),
        helper.make_node("Reshape", ["mean", "shape"], ["seen"]),
    ]
    return save(folder / "colour.onnx", nodes, [shape])


def drawn(count: int) -> Image:
    return np.stack([draw_crop(seed, seed, 112) for seed in range(count)])


@pytest.mark.parametrize("count", [1, 64, 65, 130])
def test_any_number_of_crops_is_embedded_in_order(tmp_path: Path, count: int) -> None:
    """Batches are padded and cut, and the channel order is red, green, blue."""
    crops = drawn(count)
    expected = unit(crops.mean((1, 2)).astype(np.float32))
    found = Teacher(colour_teacher(tmp_path)).embed(crops)
    assert found.shape == (count, EMBEDDING_DIM)
    assert found[:, :3] == pytest.approx(expected, abs=1e-5)


def test_a_graph_for_one_crop_gets_one_crop_at_a_time(tmp_path: Path) -> None:
    """A file whose reshape would mix the crops of a batch is run with one crop at a time."""
    crops = drawn(3)
    expected = unit(crops.mean((1, 2)).astype(np.float32))
    found = Teacher(colour_teacher(tmp_path, is_for_one=True)).embed(crops)
    assert found[:, :3] == pytest.approx(expected, abs=1e-5)


def test_a_teacher_may_get_scaled_pixels(tmp_path: Path) -> None:
    """With ``scaled``, the teacher gets (pixel - 127.5) / 128."""
    crops = drawn(2)
    expected = unit(((crops.mean((1, 2)) - 127.5) / 128).astype(np.float32))
    found = Teacher(colour_teacher(tmp_path), scaled=True).embed(crops)
    assert found[:, :3] == pytest.approx(expected, abs=1e-4)


def test_a_target_is_the_mean_of_a_crop_and_its_mirror_image(tmp_path: Path) -> None:
    """A teacher that sees only the left half sees both halves in this way."""
    nodes = [
        helper.make_node("Slice", ["data", "start", "end", "axis"], ["left"]),
        helper.make_node("GlobalAveragePool", ["left"], ["mean"]),
        helper.make_node("Reshape", ["mean", "shape"], ["seen"]),
    ]
    numbers = {"start": [0], "end": [56], "axis": [3], "shape": [-1, 3]}
    weights = [numpy_helper.from_array(np.array(v), name) for name, v in numbers.items()]
    teacher = Teacher(save(tmp_path / "left.onnx", nodes, weights))
    crops = drawn(2)
    halves = [unit(half.mean((1, 2)).astype(np.float32)) for half in np.split(crops, 2, axis=2)]
    found = teacher.embed_with_mirror(crops)[:, :3]
    assert found == pytest.approx(unit(halves[0] + halves[1]), abs=1e-5)


def test_a_file_that_is_no_recogniser_is_an_error(tmp_path: Path) -> None:
    """The error names a file that is absent, no ONNX file, or without one embedding per crop."""
    (tmp_path / "text.onnx").write_text("no network")
    (tmp_path / "empty.onnx").touch()
    nodes = [helper.make_node("Identity", ["data"], ["seen"])]
    for path in (
        tmp_path / "absent.onnx",
        tmp_path / "text.onnx",
        tmp_path / "empty.onnx",
        save(tmp_path / "i.onnx", nodes),
    ):
        with pytest.raises(ModelError, match=rf"^{path}: not an ONNX face recogniser \(.*\)$"):
            Teacher(path)


def test_a_teacher_of_another_length_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error comes before the student is trained; it names the file and both lengths."""
    path = colour_teacher(tmp_path)
    monkeypatch.setattr("train.teacher.EMBEDDING_DIM", 512)
    with pytest.raises(ModelError, match=rf"^{path}: .*embeddings of 128 numbers, expected 512"):
        Teacher(path)


def quantised(shape: tuple[int, ...], parts: tuple[int, ...]) -> list[Any]:
    """Random int8 weights with scales and zero points."""
    rng = np.random.default_rng(4)
    values: dict[str, Any] = {
        "q": rng.integers(-128, 128, shape).astype(np.int8),
        "scale": rng.uniform(0.1, 2.0, parts).astype(np.float32),
        "zero": rng.integers(-9, 9, parts).astype(np.int8),
    }
    return [numpy_helper.from_array(value, name) for name, value in values.items()]


@pytest.mark.parametrize(
    ("shape", "parts", "options"),
    [
        ((2, 6), (2, 3), {"axis": 1, "block_size": 2}),
        ((4, 3), (2, 3), {"axis": 0, "block_size": 2}),
        ((2, 6), (2, 2), {"axis": -1, "block_size": 4}),
        ((12,), (2,), {"axis": 0, "block_size": 6}),
        ((4, 3), (4,), {"axis": 0}),
        ((4, 3), (3,), {}),
        ((4, 3), (), {}),
    ],
    ids=["block", "first axis", "short last block", "vector", "rows", "columns", "whole"],
)
def test_folding_agrees_with_onnx(
    shape: tuple[int, ...], parts: tuple[int, ...], options: dict[str, Any]
) -> None:
    """Weights equal those of ONNX's reference implementation, in blocks or otherwise."""
    weights = quantised(shape, parts)
    weights.append(numpy_helper.from_array(np.array([3, 4]), "shape"))
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["flat"], **options),
        helper.make_node("Reshape", ["flat", "shape"], ["weight"]),
        helper.make_node("MatMul", ["data", "weight"], ["out"]),
    ]
    # As in SFace's file: the weights are listed among the inputs, and so are their outputs.
    inputs = [("data", TensorProto.FLOAT, [2, 3]), ("weight", TensorProto.FLOAT, [3, 4])]
    inputs += [(w.name, w.data_type, list(w.dims)) for w in weights if w.name in {"q", "scale"}]
    graph = helper.make_graph(
        nodes, "small",
        [helper.make_tensor_value_info(*item) for item in inputs],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [2, 4])],
        weights,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    data = {"data": np.random.default_rng(5).normal(size=(2, 3)).astype(np.float32)}
    (expected,) = ReferenceEvaluator(model).run(None, data)
    folded = fold_weights(model)
    assert [item.name for item in folded.graph.input] == ["data"]
    if "block_size" in options:
        assert [node.op_type for node in folded.graph.node] == ["MatMul"]
    (found,) = ReferenceEvaluator(folded).run(None, data)
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-4)


def test_teacher_embeddings_are_stored(tmp_path: Path) -> None:
    """Every crop's embedding is computed once and read back in the order of the crops."""
    crop_set = make_crop_set(tmp_path, {"train": 3, "dev": 2}, each=2)
    (tmp_path / "teacher.npy").unlink()
    teacher = Teacher(colour_teacher(tmp_path))
    targets, _ = teach(crop_set, teacher, progress=False)
    (middle,) = crop_set.contract_crops(np.arange(len(crop_set)))
    assert np.array_equal(targets, teacher.embed_with_mirror(middle))
    assert np.array_equal(load_targets(CropSet.load(tmp_path)), targets)


def test_a_crop_set_is_taught_once_two_names_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that ends before, as on a full disk, leaves nothing that passes for it."""
    crop_set = make_crop_set(tmp_path, {"train": 3, "dev": 2}, each=2)
    (tmp_path / "teacher.npy").unlink()

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "photos.csv"))

    monkeypatch.setattr(CropSet, "write_photos", fail)
    with pytest.raises(OSError, match="No space left"):
        teach(crop_set, Teacher(colour_teacher(tmp_path)), progress=False)
    with pytest.raises(DatasetError, match="run `kiosk-train teach"):
        CropSet.load(tmp_path).require_taught()


def test_a_full_disk_is_one_error_of_the_file(tmp_path: Path) -> None:
    """It names the file; an error of numpy itself would name neither file nor reason."""
    crop_set = make_crop_set(tmp_path, {"train": 5, "dev": 2}, each=2)
    (tmp_path / "teacher.npy").unlink()
    with full_disk(), pytest.raises(OSError, match="File too large") as found:
        teach(crop_set, Teacher(colour_teacher(tmp_path)), progress=False)
    assert described(found.value) == f"{tmp_path}/teacher.npy: File too large"


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (None, "teach` first"),
        (b"x", "teach` first"),
        (np.zeros((3, 128)), "of another crop set"),
        (np.zeros((2, 512)), r"\(2, 512\) numbers, expected \(2, 128\)"),
        (np.zeros(2), r"\(2,\) numbers, expected \(2, 128\)"),
    ],
)
def test_teacher_embeddings_must_fit_the_crops(
    tmp_path: Path, kept: Floats | bytes | None, said: str
) -> None:
    """For an absent, damaged or foreign file the error names the file and what to do."""
    crop_set = make_crop_set(tmp_path, {"train": 2}, each=1)
    path = tmp_path / "teacher.npy"
    path.unlink()
    if isinstance(kept, bytes):
        path.write_bytes(kept)
    elif kept is not None:
        np.save(path, kept)
    with pytest.raises(DatasetError, match=rf"teacher\.npy: .*{said}"):
        load_targets(crop_set)
