"""The second teacher, with a network of its shapes in place of its weights."""

from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from kiosk.errors import ModelError
from kiosk.recognition.vectors import unit
from kiosk.records import Image
from train.second_teacher import SecondTeacher


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_network(tmp_path / "face.xml")


def write_network(path: Path, side: int = 128) -> Path:
    """Write a network that gives the sums of blue, green and red, and of the left half's red."""
    crop = ops.parameter([1, 3, side, side], np.float32)
    left = np.zeros((1, 1, side, side), np.float32)
    left[..., : side // 2] = 1
    both = ops.concat([crop, ops.multiply(crop, ops.constant(left))], axis=1)
    sums = ops.reduce_mean(both, np.array([2, 3]), keep_dims=True)
    kernel = np.zeros((256, 6, 1, 1), np.float32)
    for at, channel in enumerate((0, 1, 2, 5)):
        kernel[at, channel] = 1
    found = ops.convolution(sums, ops.constant(kernel), [1, 1], [0, 0], [0, 0], [1, 1])
    openvino.save_model(openvino.Model([found], [crop]), path)
    return path


def crop_of(colour: tuple[int, int, int]) -> Image:
    return np.full((112, 112, 3), colour, np.uint8)


def test_it_takes_blue_first(path: Path) -> None:
    """The contract's crops are RGB."""
    found = SecondTeacher(path).embed_with_mirror(crop_of((30, 20, 10))[None])
    assert np.allclose(found[0, :3], unit([10, 20, 30, 15])[:3], atol=1e-3)


def test_it_sees_nothing_of_the_outer_columns(path: Path) -> None:
    """It takes 96 of the crop's 112 columns."""
    crop = crop_of((0, 0, 0))
    crop[:, :8] = crop[:, 104:] = 255
    assert not SecondTeacher(path).embed_with_mirror(crop[None]).any()


def test_a_crop_and_its_mirror_image_have_one_embedding(path: Path) -> None:
    """The left half alone is red."""
    crop = crop_of((0, 10, 0))
    crop[:, :56] = (200, 0, 0)
    pair = SecondTeacher(path).embed_with_mirror(np.stack([crop, crop[:, ::-1]]))
    assert np.allclose(pair[0], pair[1], atol=1e-4)
    assert pair[0, 3] > 0.1


def test_many_crops_are_embedded_each_for_itself(path: Path) -> None:
    """More than the network takes at a time."""
    crops = np.stack([crop_of((at, 20, 250 - at)) for at in range(0, 250, 7)])
    teacher = SecondTeacher(path)
    found = teacher.embed_with_mirror(crops)
    assert found.shape == (len(crops), 256)
    each = np.concatenate([teacher.embed_with_mirror(crop[None]) for crop in crops])
    assert np.allclose(found, each, atol=1e-4)


def test_another_network_is_an_error(tmp_path: Path) -> None:
    """The error names the file and what was expected."""
    path = write_network(tmp_path / "face.xml", side=64)
    with pytest.raises(ModelError, match=f"{path}: expected face-reidentification-retail-0095"):
        SecondTeacher(path)


@pytest.mark.parametrize("missing", [".xml", ".bin"])
def test_a_missing_file_is_an_error(path: Path, missing: str) -> None:
    """Both files are needed; the error names the one that is not there."""
    absent = path.with_suffix(missing)
    absent.unlink()
    with pytest.raises(
        ModelError, match=rf"^{absent}: cannot be read \(No such file or directory\)"
    ):
        SecondTeacher(path)


def test_a_file_of_something_else_is_an_error(path: Path) -> None:
    """The error names the file."""
    path.write_text("<html></html>")
    with pytest.raises(ModelError, match=f"{path}: not a network of OpenVINO"):
        SecondTeacher(path)
