"""Read a photo and find the one face in it."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from kiosk import PIXELS_MAX
from kiosk.errors import NoFaceError, PhotoError, SeveralFacesError
from kiosk.files.bounded_file import read_file
from kiosk.files.heif import avif_turns, decode_heic, has_heic, is_heic
from kiosk.recognition.detect import Detector
from kiosk.records import Face, Image

PHOTO_BYTES_MAX: Final = 200_000_000
"""Bytes of the largest photo file; a TIFF of 50 million pixels has 150 million."""
SECOND_FACE_AREA_MAX: Final = 0.35
"""A second face with this share of the largest face's area makes a photo ambiguous."""
SEARCH_WIDTHS_PX: Final = (640, 1280)
"""Where a photo shows no face at the detector's width, it is searched at these, too. A face 190
pixels wide in a photo of 4000 is 15 pixels wide at 320, which is too small to be certain of."""


def read_photo(path: Path) -> Image:
    """Read a photo file, ``(height, width, 3)`` uint8 BGR.

    Raises:
        PhotoError: The file is absent, of a format that cannot be read here, or has more than
            :data:`~kiosk.PIXELS_MAX` pixels.
    """
    try:
        return decode_photo(read_file(path, PHOTO_BYTES_MAX))
    except OSError as exc:
        raise PhotoError(f"{path}: cannot be read ({exc.strerror})") from exc
    except PhotoError as exc:
        most = f"of at most {PIXELS_MAX // 1_000_000} million pixels"
        raise PhotoError(
            f"{path}: {exc}; expected a picture ({supported_formats()}) {most}"
        ) from exc


def supported_formats() -> str:
    """Return the formats of photos that can be read on this machine."""
    formats = ["JPEG", "PNG", "WebP", "TIFF", "BMP", "GIF"]
    formats += ["AVIF"] if cv2.haveImageWriter(".avif") else []
    return ", ".join([*formats, "HEIC"] if has_heic() else formats)


def decode_photo(data: bytes) -> Image:
    """Decode a picture as it is shown upright, ``(height, width, 3)`` uint8 BGR.

    Raises:
        PhotoError: The bytes are not a picture, or it is too large; the text is the reason alone.
    """
    if is_heic(data):
        return decode_heic(data)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error as exc:  # the header claims more pixels than OpenCV may decode
        raise PhotoError("too many pixels") from exc
    if image is None:
        raise PhotoError("unreadable")
    picture = np.asarray(image, np.uint8)
    for turn in avif_turns(data):
        picture = turn(picture)
    return np.ascontiguousarray(picture)


def find_face_to_enrol(image: Image, detector: Detector) -> Face:
    """Find the one face in a photo, at larger scales, too, where there is none at the detector's.

    Args:
        image: ``(height, width, 3)`` uint8 BGR.
        detector: Finds the faces.

    Raises:
        NoFaceError: There is none at any scale; the text is the reason alone.
        SeveralFacesError: Two faces have a similar size; the text is the reason alone.
    """
    width_px = detector.width_px
    while True:
        try:
            return find_single_face(image, detector, width_px)
        except NoFaceError:
            larger = [width for width in SEARCH_WIDTHS_PX if width > width_px]
            if not larger or max(image.shape[:2]) <= width_px:
                raise
            width_px = larger[0]


def find_single_face(image: Image, detector: Detector, width_px: int | None = None) -> Face:
    """Find the one face in a picture, ignoring much smaller faces behind it.

    Args:
        image: ``(height, width, 3)`` uint8 BGR.
        detector: Finds the faces.
        width_px: Search at this scale, as :meth:`Detector.find`.

    Raises:
        NoFaceError: There is none; the text is the reason alone.
        SeveralFacesError: Two faces have a similar size; the text is the reason alone.
    """
    faces = detector.find(image, width_px)
    if not faces:
        raise NoFaceError("no face")
    areas = [float(face.box[2] * face.box[3]) for face in faces]
    if len(areas) > 1 and areas[1] >= SECOND_FACE_AREA_MAX * areas[0]:
        raise SeveralFacesError("several faces")
    return faces[0]
