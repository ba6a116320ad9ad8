"""A second teacher: it was trained apart from SFace, and so makes other mistakes.

It is face-reidentification-retail-0095 of Open Model Zoo (Intel; Apache-2.0): a MobileNetV2 of 1.1
million weights. The kiosk contains no part of it.
"""

import hashlib
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import openvino

from kiosk.errors import ModelError, reason_of
from kiosk.files.bounded_file import read_file, require_file
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from train.full_batches import in_full_batches

_BATCH: Final = 16
_SIDE_PX: Final = 128
_DIM: Final = 256
_LEFT, _RIGHT = 8, 104
"""Columns of the contract's crop that it takes: it was trained on faces of 96 by 112 pixels, drawn
out to a square (the reference points in its description)."""
_SHAPES: Final = ["[1,3,128,128]", "[1,256,1,1]"]
"""Of its input and its output, as OpenVINO writes them."""
_BYTES_MAX: Final = 64_000_000


class SecondTeacher:
    """The recogniser, run by OpenVINO.

    Args:
        path: Its ``.xml`` file, with the ``.bin`` file of the same name beside it.

    Raises:
        ModelError: The files cannot be read as that recogniser.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        weights = path.with_suffix(".bin")
        for file in (path, weights):
            _require(file)
        try:
            model = openvino.Core().read_model(path)
            found = [str(one.get_partial_shape()) for one in (model.input(0), model.output(0))]
            if found == _SHAPES:
                model.reshape([_BATCH, 3, _SIDE_PX, _SIDE_PX])
                settings = {"INFERENCE_PRECISION_HINT": "f32"}
                self._run = openvino.Core().compile_model(model, "CPU", settings)
        except Exception as exc:  # OpenVINO's errors have no class of their own
            said = " ".join(reason_of(exc).split())
            raise ModelError(f"{path}: not a network of OpenVINO ({said})") from exc
        if found != _SHAPES:
            raise ModelError(
                f"{path}: expected face-reidentification-retail-0095 of Open Model Zoo, input and "
                f"output {' and '.join(_SHAPES)}, found {' and '.join(found)}"
            )
        self.sha256 = hashlib.sha256(read_file(weights, _BYTES_MAX)).hexdigest()

    def embed_with_mirror(self, crops: Image) -> Floats:
        """Embed crops and their mirror images, and average them.

        Args:
            crops: ``(n, 112, 112, 3)`` uint8 RGB.

        Returns:
            ``(n, 256)`` float32 of length 1.
        """
        return unit(self._embed(crops) + self._embed(crops[:, :, ::-1]))

    def _embed(self, crops: Image) -> Floats:
        faces = np.stack([_draw_out(crop) for crop in crops])
        return unit(in_full_batches(self._embed_batch, faces, _BATCH))

    def _embed_batch(self, batch: Floats) -> Any:  # noqa: ANN401  # OpenVINO carries no types
        found = self._run(np.ascontiguousarray(batch.transpose(0, 3, 1, 2)))[0]
        return found.reshape(_BATCH, _DIM)


def _require(file: Path) -> None:
    try:
        require_file(file, _BYTES_MAX)
    except OSError as exc:
        message = (
            f"{file}: cannot be read ({exc.strerror}); expected an .xml file and its .bin file"
        )
        raise ModelError(message) from exc


def _draw_out(crop: Image) -> Image:
    """Return a crop as the network takes it, ``(128, 128, 3)`` uint8 BGR."""
    face = np.ascontiguousarray(crop[:, _LEFT:_RIGHT, ::-1])
    return np.asarray(cv2.resize(face, (_SIDE_PX, _SIDE_PX)), np.uint8)
