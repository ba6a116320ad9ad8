"""Photos of the HEIF family: HEIC and AVIF."""

import contextlib
import importlib
import io
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.errors import PhotoError
from kiosk.files import heif
from kiosk.files.heif import avif_turns, is_heic
from kiosk.recognition.photo import decode_photo, read_photo, supported_formats
from kiosk.records import Image

needs_avif = pytest.mark.skipif(
    not cv2.haveImageWriter(".avif"), reason="this OpenCV was built without AVIF"
)
ORIENTATION = 0x0112


def flag() -> Image:
    """A picture whose four quarters differ, ``(40, 80, 3)`` uint8 RGB."""
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:20, :40], picture[:20, 40:], picture[20:, :40] = (200, 0, 0), (0, 200, 0), (0, 0, 200)
    return picture


def avif(orientation: int) -> tuple[bytes, Image]:
    """An AVIF file with an EXIF orientation, and its upright picture (BGR) as Pillow shows it."""
    from PIL import Image as Pillow
    from PIL import ImageOps

    exif = Pillow.Exif()
    exif[ORIENTATION] = orientation
    file = io.BytesIO()
    Pillow.fromarray(flag()).save(file, "AVIF", exif=exif, quality=90)
    upright = ImageOps.exif_transpose(Pillow.open(io.BytesIO(file.getvalue())))
    return file.getvalue(), np.asarray(upright, np.uint8)[:, :, ::-1]


def heic(picture: Image) -> bytes:
    """A HEIC file of an RGB picture."""
    library = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    size = picture.shape[1::-1]
    library.from_bytes("RGB", size, picture.tobytes()).save(file, quality=90)
    return file.getvalue()


def distance(one: Image, other: Image) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(float) - other).mean())


@needs_avif
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_photo_is_upright(orientation: int) -> None:
    """All eight orientations are decoded as another program (Pillow) shows them."""
    data, upright = avif(orientation)
    assert distance(decode_photo(data), upright) < 3


@needs_avif
@given(st.integers(0, 599), st.integers(0, 255), st.integers(0, 600))
def test_a_damaged_avif_header_ends_in_a_photo_error(at: int, value: int, cut: int) -> None:
    """A changed or cut file is decoded or rejected, and raises nothing else."""
    data = bytearray(_TURNED)
    data[at % len(data)] = value
    with contextlib.suppress(PhotoError):
        decode_photo(bytes(data))
    for part in (bytes(data), bytes(data[:cut])):
        assert len(avif_turns(part)) <= 255


_TURNED = avif(5)[0] if cv2.haveImageWriter(".avif") else b""


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n", b"\0\0\0\x10ftypisom\0\0\0\0mp42"])
def test_other_files_are_not_of_the_family(data: bytes) -> None:
    """A file of another family has no turn of this family, and is not HEIC."""
    assert not is_heic(data)
    assert avif_turns(data) == ()


def test_a_heic_photo_is_decoded() -> None:
    """With the extra "heic" the picture is BGR, and the format is named as supported."""
    data = heic(flag())
    assert is_heic(data)
    assert distance(decode_photo(data), flag()[:, :, ::-1]) < 6
    assert supported_formats().endswith("HEIC")


def test_a_damaged_or_huge_heic_photo_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both give the reason alone, as for other formats."""
    data = heic(flag())
    with pytest.raises(PhotoError, match=r"^unreadable$"):
        decode_photo(data[: len(data) // 2])
    monkeypatch.setattr(heif, "PIXELS_MAX", 1000)
    with pytest.raises(PhotoError, match=r"^too many pixels$"):
        decode_photo(data)


def test_a_heic_photo_needs_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the error names the file, the extra, and the formats that can be read."""

    def fail(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", fail)
    path = tmp_path / "ada.heic"
    path.write_bytes(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic")
    with pytest.raises(PhotoError) as caught:
        read_photo(path)
    assert str(caught.value).startswith(f'{path}: HEIC needs the extra "heic" (pip install')
    assert "expected a picture (JPEG, PNG, WebP, TIFF, BMP, GIF" in str(caught.value)
    assert "HEIC)" not in str(caught.value)


class FakeFile:
    """What pillow-heif gives for a picture with alpha, and for a grey one."""

    def __init__(self, picture: Image) -> None:
        self.size = picture.shape[1::-1]
        self._picture = picture

    def __array__(self, *_: object, **__: object) -> Image:
        return self._picture


@pytest.mark.parametrize("shape", [(4, 6, 4), (4, 6)])
def test_alpha_is_dropped_and_grey_becomes_colour(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every HEIC picture becomes (height, width, 3)."""
    library = ModuleType("pillow_heif")
    picture = np.full(shape, 77, np.uint8)
    library.open_heif = lambda *_args, **_options: FakeFile(picture)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", library)
    assert heif.decode_heic(b"").tolist() == np.full((4, 6, 3), 77).tolist()
