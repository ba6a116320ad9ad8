"""Photos for enrolment: a picture with one person in it."""

import contextlib
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.demo.sample_people import enrolment_photos
from kiosk.errors import NoFaceError, PhotoError, SeveralFacesError
from kiosk.recognition.detect import Detector
from kiosk.recognition.photo import decode_photo, find_face_to_enrol, find_single_face, read_photo
from kiosk.records import Face, Image
from tests.support import needs_photos
from tests.support_recognition import picture


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


def test_a_photo_is_blue_green_red(tmp_path: Path) -> None:
    """Grey, transparent and colour pictures all become (height, width, 3) uint8 BGR."""
    for index, shape in enumerate([(20, 30), (20, 30, 4), (20, 30, 3)]):
        path = tmp_path / f"{index}.png"
        cv2.imwrite(str(path), np.full(shape, 77, np.uint8))
        image = read_photo(path)
        assert image.shape == (20, 30, 3)
        assert image.dtype == np.uint8
        assert image[0, 0].tolist() == [77, 77, 77]


@pytest.mark.parametrize("content", [None, b"", b"GIF89a", b"\xff\xd8\xff\xe0 no JPEG"])
def test_a_file_that_is_not_a_picture_is_named(content: bytes | None, tmp_path: Path) -> None:
    """An absent, empty or broken file is an error that names it."""
    path = tmp_path / "ada.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PhotoError, match=str(path)):
        read_photo(path)


def test_bytes_that_are_not_a_picture_give_the_reason_alone() -> None:
    """Without a file the message has no file name."""
    with pytest.raises(PhotoError, match=r"^unreadable$"):
        decode_photo(b"no picture")


def png(width: int, height: int) -> bytes:
    """A complete PNG file whose header claims another size."""
    data = bytearray(encoded(".png"))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def jpeg(width: int, height: int) -> bytes:
    """A complete JPEG file whose header claims another size."""
    data = bytearray(encoded(".jpg"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def bmp(width: int, height: int) -> bytes:
    data = bytearray(encoded(".bmp"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def encoded(ending: str) -> bytes:
    """The file of a small picture."""
    return bytes(cv2.imencode(ending, np.full((8, 8, 3), 77, np.uint8))[1])


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (png, (100_000, 100_000)),
        # Less than OpenCV's own limit, and more than a Raspberry Pi has memory for.
        (png, (30_000, 30_000)),
        (jpeg, (30_000, 20_000)),
        (bmp, (30_000, 30_000)),
    ],
)
def test_a_picture_too_large_to_decode_is_named(
    make: Callable[[int, int], bytes], size: tuple[int, int], tmp_path: Path
) -> None:
    """The error has the file, the reason and what was expected; nothing is decoded."""
    path = tmp_path / "ada.jpg"
    path.write_bytes(make(*size))
    expected = r"expected a picture \(JPEG, PNG, .*\) of at most 100 million pixels"
    with pytest.raises(PhotoError, match=rf"^{path}: too many pixels; {expected}$"):
        read_photo(path)


def test_a_true_size_is_decoded() -> None:
    """The files of the test above can be read when their size is true."""
    for data in (jpeg(8, 8), bmp(8, 8), png(8, 8)):
        assert decode_photo(data).shape == (8, 8, 3)


@given(st.sampled_from([b"", encoded(".png")[:16], encoded(".jpg")[:2]]), st.binary(max_size=60))
def test_any_bytes_are_a_picture_or_a_photo_error(start: bytes, rest: bytes) -> None:
    """Any bytes, also a truncated or wrong header, raise nothing but PhotoError."""
    with contextlib.suppress(PhotoError):
        assert decode_photo(start + rest).ndim == 3


def test_a_picture_without_a_face_is_rejected(detector: Detector) -> None:
    """An empty room is a NoFaceError."""
    with pytest.raises(NoFaceError):
        find_single_face(np.full((240, 320, 3), 128, np.uint8), detector)


@needs_photos
def test_two_faces_of_similar_size_are_rejected(detector: Detector) -> None:
    """When two people could be meant, neither is chosen."""
    both = picture(enrolment_photos("orl-s08")[0], size=(400, 240))
    both[:, 200:] = picture(enrolment_photos("orl-s12")[0], size=(200, 240))
    with pytest.raises(SeveralFacesError):
        find_single_face(both, detector)


@needs_photos
def test_a_small_face_in_the_background_is_ignored(detector: Detector) -> None:
    """A face much smaller than the largest does not make the photo ambiguous."""
    scene = picture(enrolment_photos("orl-s08")[0])
    scene[60:172, 220:312] = enrolment_photos("orl-s12")[0]
    assert len(detector.find(scene)) == 2
    assert find_single_face(scene, detector).box[2] > 100


def large_photo(person: str) -> Image:
    """A photo of 12 million pixels in which a face is about 190 pixels wide."""
    photo = np.full((3000, 4000, 3), 128, np.uint8)
    face = cv2.resize(enrolment_photos(person)[0], None, fx=2.6, fy=2.6)
    photo[900 : 900 + face.shape[0], 1700 : 1700 + face.shape[1]] = face
    return photo


@needs_photos
def test_a_small_face_in_a_large_photo_is_found(detector: Detector) -> None:
    """A face 190 pixels wide in 12 million pixels is too small for the door's scale alone."""
    photo = large_photo("orl-s08")
    with pytest.raises(NoFaceError):
        find_single_face(photo, detector)
    face = find_face_to_enrol(photo, detector)
    assert 120 < face.box[2] < 260
    assert 1700 < face.box[0] < 1940


@needs_photos
def test_two_faces_at_a_larger_scale_are_rejected(detector: Detector) -> None:
    """The larger scale has the same rule for two people of similar size."""
    photo = large_photo("orl-s08")
    photo[:, :1600] = large_photo("orl-s12")[:, 1500:3100]
    with pytest.raises(SeveralFacesError):
        find_face_to_enrol(photo, detector)


def test_the_search_ends_when_no_scale_shows_a_face(detector: Detector) -> None:
    """A small empty picture is searched once, a large one at each scale."""
    searched: list[int | None] = []

    class Counted(Detector):
        def find(self, image: Image, width_px: int | None = None) -> tuple[Face, ...]:
            searched.append(width_px)
            return super().find(image, width_px)

    counted = Counted()
    for size in ((240, 320, 3), (600, 800, 3), (3000, 4000, 3)):
        with pytest.raises(NoFaceError):
            find_face_to_enrol(np.full(size, 128, np.uint8), counted)
    assert searched == [320, 320, 640, 1280, 320, 640, 1280]
    assert detector.width_px == 320
