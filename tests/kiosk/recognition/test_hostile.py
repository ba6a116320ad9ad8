"""Galleries, bundles and models from anybody: a value or one error, in bounded memory."""

import io
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.errors import GalleryError, KioskError, ModelError
from kiosk.recognition.archive import read_archive, read_array
from kiosk.recognition.bundle import default_bundle, load_bundle
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.recognition.model_trial import try_detector, try_model
from tests.kiosk.recognition.test_gallery import MODEL, pack, templates
from tests.tflite_file import patch_model

MB = 1_000_000


def npy(header: str, data: bytes = b"") -> bytes:
    """A file of one array with any header."""
    text = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def described(shape: str, dtype: str = "<f4") -> str:
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}"


ARRAYS = {
    "empty": b"",
    "no header": b"\x93NUMPY\x01\x00",
    "another version": b"\x93NUMPY\x09\x00\x00\x00",
    "8 TB": npy(described("(2000000000000,)")),
    "more than 64 bits": npy(described(f"({10**30},)")),
    "a negative length": npy(described("(-1,)")),
    "a shape of 4,301 digits": npy(described(f"({'9' * 900},)")),
    "a header of 60,000 characters": npy("(" * 60_000),
    "nested brackets": npy("(" * 900),
    "nested minus signs": npy("-" * 900 + "1"),
    "a tokenizer error": npy("{'descr': '''"),
    "a call": npy("__import__('os').abort()"),
    "objects": npy(described("(1,)", "|O"), b"\x80\x04N."),
    "no dtype": npy(described("(1,)", "zz")),
    "a NUL byte": npy("{'descr': '\0'}"),
    "fewer bytes": npy(described("(2,)"), b"\0" * 7),
    "more bytes": npy(described("(2,)"), b"\0" * 9),
}


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return file.getvalue()


def lying(data: bytes) -> bytes:
    """Let the list of files say that each has 10 bytes."""
    at, changed = data.index(b"PK\x01\x02"), bytearray(data)
    changed[at + 24 : at + 28] = (10).to_bytes(4, "little")
    changed[22:26] = (10).to_bytes(4, "little")
    return bytes(changed)


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"a,b\n" * 100,
    "NUL bytes": lambda: bytes(1000),
    "many files": lambda: b"PK\x01\x02" * 100_000,
    "a list of files alone": lambda: b"PK\x05\x06" + b"\xff" * 18,
    "100 MB in each file": lambda: zipped(model_tflite=bytes(100 * MB), header_npy=bytes(100 * MB)),
    "100 MB that says it is 10 bytes": lambda: lying(zipped(model_tflite=bytes(100 * MB))),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.mark.parametrize("name", ARRAYS)
def test_a_hostile_array_is_one_error(name: str) -> None:
    """An array is as large as its bytes, or it is no array; no pickled code is run."""
    with pytest.raises(ValueError, match="not an array of numpy"):
        read_array(ARRAYS[name])


@pytest.mark.parametrize("part", ["header", "owners", "templates"])
@pytest.mark.parametrize("name", ARRAYS)
def test_a_gallery_with_a_hostile_array_is_one_error(folder: Path, name: str, part: str) -> None:
    """Whichever array it is, the message names the file."""
    with zipfile.ZipFile(io.BytesIO(pack())) as good:
        members = {one: good.read(one) for one in good.namelist()}
    with zipfile.ZipFile(folder / "g.npz", "w") as archive:
        for one, data in {**members, f"{part}.npy": ARRAYS[name]}.items():
            archive.writestr(one, data)
    with pytest.raises(GalleryError, match=r"g\.npz: not a complete gallery file"):
        load_gallery(folder / "g.npz")


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("read", [load_gallery, load_bundle])
def test_a_hostile_archive_is_one_error_in_little_memory(
    folder: Path, name: str, read: Callable[[Path], object]
) -> None:
    """What unpacks to more than its limit is not unpacked any further."""
    path = folder / "hostile"
    path.write_bytes(ARCHIVES[name]())
    tracemalloc.start()
    with pytest.raises(KioskError, match=rf"{path}: not a complete"):
        read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80 * MB


@given(st.data())
def test_any_bytes_are_a_value_or_one_error(folder: Path, data: st.DataObject) -> None:
    """Law: changed or free bytes give a gallery, or a GalleryError; a bundle, or a ModelError."""
    whole = bytearray(pack())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        piece = data.draw(st.binary(min_size=1, max_size=8))
        whole[at : at + len(piece)] = piece
    for content in (bytes(whole), data.draw(st.binary(max_size=200))):
        (folder / "any").write_bytes(content)
        for read, error in ((load_gallery, GalleryError), (load_bundle, ModelError)):
            try:
                read(folder / "any")
            except error as exc:
                assert str(folder / "any") in str(exc)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("subjects", [["s-0", "s-0"], [["s-0"], "s-1"], [1, 2], "ab"])
def test_ids_that_are_no_list_of_texts_are_rejected(folder: Path, subjects: object) -> None:
    """No person is lost because an id is there twice."""
    content = pack(
        header_keys={"subjects": subjects}, owners=np.arange(2), templates=templates(0, 2)
    )
    (folder / "g.npz").write_bytes(content)
    with pytest.raises(GalleryError, match="subjects"):
        load_gallery(folder / "g.npz")


def test_a_gallery_of_thousands_is_read_at_once(folder: Path) -> None:
    """Templates are handed out in one pass; each person has their own."""
    many = Gallery(MODEL, {f"s-{i}": templates(i, 1 + i % 2) for i in range(3000)})
    save_gallery(folder / "many.npz", many)
    found = load_gallery(folder / "many.npz")
    assert list(found.templates) == list(many.templates)
    assert all(np.array_equal(found.templates[s], many.templates[s]) for s in many.templates)


def test_an_archive_with_a_wrong_checksum_is_damaged() -> None:
    """A changed byte of a file is noticed."""
    data = bytearray(zipped(a=b"0123456789" * 9))
    at = data.index(b"PK\x01\x02")
    data[at + 16] ^= 1
    with pytest.raises(ValueError, match="CRC"):
        read_archive(bytes(data), {"a": 100})


# Models


def abort_model() -> bytes:
    """The bytes of a model that ends the process: the runtime follows a pointer into nowhere."""
    model = bytearray(patch_model())
    model[20:24] = bytes(4)
    return bytes(model)


def test_a_model_that_ends_the_process_is_one_error() -> None:
    """The child process ends, and not this one."""
    with pytest.raises(ModelError, match=r"sha256 [0-9a-f]{12}….*ends the process that runs it"):
        try_model(abort_model(), "ai-edge-litert")


@pytest.mark.parametrize("model", [b"", b"TFL3" * 9, patch_model()[:9000]])
def test_what_is_no_model_is_one_error(model: bytes) -> None:
    """The message has what the runtime says."""
    with pytest.raises(ModelError, match=r"cannot be run \(ai-edge-litert cannot load the model"):
        try_model(model, "ai-edge-litert")


def test_a_model_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has passed is kept by its checksum; another model is tried."""
    kept = tmp_path / "tried-models"
    try_model(patch_model((32,)), "ai-edge-litert", kept)
    assert len(kept.read_text().splitlines()) == 1
    monkeypatch.setattr(sys, "executable", "/bin/false")
    try_model(patch_model((32,)), "ai-edge-litert", kept)
    with pytest.raises(ModelError, match="cannot be run"):
        try_model(patch_model((64,)), "ai-edge-litert", kept)
    assert len(kept.read_text().splitlines()) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 200_000])
def test_a_damaged_list_of_trials_costs_a_trial(tmp_path: Path, content: bytes) -> None:
    """It is written again."""
    kept = tmp_path / "tried-models"
    kept.write_bytes(content)
    try_model(patch_model((32,)), "ai-edge-litert", kept)
    assert len(kept.read_text().splitlines()) == 1


def test_the_shipped_model_needs_no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kiosk with the model that ships is ready without it."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    try_model(load_bundle(default_bundle()).model, "ai-edge-litert")


def test_weights_that_are_no_detector_are_one_error(tmp_path: Path) -> None:
    """OpenCV parses them in the child process."""
    (tmp_path / "w.onnx").write_bytes(zlib.compress(b"x" * 999))
    with pytest.raises(ModelError, match=r"cannot be run .*not a YuNet face detector"):
        try_detector(tmp_path / "w.onnx")
