"""Read a photo and find the one face in it."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from kiosk import PIXELS_MAX
from kiosk.errors import NoFaceError, PhotoError, SeveralFacesError
from kiosk.recognition.detect import Detector
from kiosk.records import Face, Image

SECOND_FACE_AREA_MAX: Final = 0.35
"""A second face with this share of the largest face's area makes a photo ambiguous."""


def read_photo(path: Path) -> Image:
    """Read a photo file, ``(height, width, 3)`` uint8 BGR.

    Raises:
        PhotoError: The file is absent, not a picture that OpenCV can read, or has more than
            :data:`~kiosk.PIXELS_MAX` pixels.
    """
    try:
        return decode_photo(path.read_bytes())
    except OSError as exc:
        raise PhotoError(f"{path}: cannot be read ({exc.strerror})") from exc
    except PhotoError as exc:
        most = f"of at most {PIXELS_MAX // 1_000_000} million pixels"
        raise PhotoError(f"{path}: {exc}; expected a JPEG or PNG picture {most}") from exc


def decode_photo(data: bytes) -> Image:
    """Decode a picture, ``(height, width, 3)`` uint8 BGR.

    Raises:
        PhotoError: The bytes are not a picture, or it is too large; the text is the reason alone.
    """
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error as exc:  # the header claims more pixels than OpenCV may decode
        raise PhotoError("too many pixels") from exc
    if image is None:
        raise PhotoError("unreadable")
    return np.asarray(image, np.uint8)


def find_single_face(image: Image, detector: Detector) -> Face:
    """Find the one face in a picture, ignoring much smaller faces behind it.

    Args:
        image: ``(height, width, 3)`` uint8 BGR.
        detector: Finds the faces.

    Raises:
        NoFaceError: There is none; the text is the reason alone.
        SeveralFacesError: Two faces have a similar size; the text is the reason alone.
    """
    faces = detector.find(image)
    if not faces:
        raise NoFaceError("no face")
    areas = [float(face.box[2] * face.box[3]) for face in faces]
    if len(areas) > 1 and areas[1] >= SECOND_FACE_AREA_MAX * areas[0]:
        raise SeveralFacesError("several faces")
    return faces[0]
