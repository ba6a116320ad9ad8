"""The gallery: who is enrolled, and a file that is whole or refused."""

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.contract import fingerprint
from kiosk.errors import GalleryError, GalleryModelError
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.recognition.vectors import unit
from kiosk.records import Floats

MODEL = "small-0123456789ab"


def templates(seed: int, count: int) -> Floats:
    return unit(np.random.default_rng(seed).normal(size=(count, 128)))


def gallery(*counts: int) -> Gallery:
    """People ``s-0``, ``s-1``, ... with so many templates each."""
    return Gallery(MODEL, {f"s-{i}": templates(i, count) for i, count in enumerate(counts)})


def same(one: Gallery, other: Gallery) -> bool:
    return list(one.templates) == list(other.templates) and all(
        np.array_equal(one.templates[s], other.templates[s]) for s in one.templates
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gallery") / "gallery.npz"
    save_gallery(path, gallery(3, 1, 2))
    return path


# Changing


def test_a_person_without_templates_is_refused() -> None:
    """Somebody enrolled from nothing could never be recognised, so there can be none."""
    with pytest.raises(ValueError, match="at least one template"):
        gallery(1, 0)


def test_people_come_go_and_are_replaced() -> None:
    """Adding, replacing and erasing give new galleries and leave the old one alone."""
    before = gallery(1, 1)
    after = before.with_subject("s-1", templates(9, 2)).with_subject("s-2", templates(8, 1))
    assert [len(rows) for rows in after.templates.values()] == [1, 2, 1]
    assert list(after.without("s-0").templates) == ["s-1", "s-2"]
    assert same(before, gallery(1, 1))


def test_erasing_a_stranger_is_an_error() -> None:
    """An id that is not enrolled is named, with the command that lists the ids."""
    with pytest.raises(GalleryError, match=r"'s-9' is not enrolled.*kiosk gallery list"):
        gallery(1).without("s-9")


def test_merging_takes_the_others_people() -> None:
    """A merge replaces people of the same id; another model's templates are refused."""
    other = Gallery(MODEL, {"s-1": templates(7, 2), "s-5": templates(5, 1)})
    merged = gallery(1, 1).merged(other)
    assert list(merged.templates) == ["s-0", "s-1", "s-5"]
    assert np.array_equal(merged.templates["s-1"], other.templates["s-1"])
    with pytest.raises(GalleryModelError, match="with the same model"):
        merged.merged(Gallery("other", {}))


# The file


@pytest.mark.parametrize("counts", [(), (1,), (3, 1, 2)])
def test_a_gallery_comes_back_as_it_was(counts: tuple[int, ...], tmp_path: Path) -> None:
    """Saved and loaded, ids, their order and every bit of the templates are the same."""
    save_gallery(tmp_path / "g.npz", gallery(*counts))
    assert same(load_gallery(tmp_path / "g.npz", MODEL), gallery(*counts))


def test_the_file_names_nobody_and_shows_nothing(saved: Path) -> None:
    """The file holds three arrays: a header, owners and templates."""
    with np.load(saved) as file:
        assert sorted(file) == ["header", "owners", "templates"]
        header = json.loads(str(file["header"]))
    assert sorted(header) == ["contract", "format", "model_id", "subjects"]


@given(st.data())
def test_a_file_cut_anywhere_is_refused(saved: Path, data: st.DataObject) -> None:
    """However many bytes are left, what is not whole is a GalleryError that names the file."""
    whole = saved.read_bytes()
    cut = saved.with_name("cut.npz")
    cut.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(GalleryError, match=str(cut)):
        load_gallery(cut, MODEL)


@given(st.data())
def test_a_changed_bit_is_refused_or_does_not_matter(saved: Path, data: st.DataObject) -> None:
    """No bit that changes can change a template, an id or raise anything but GalleryError."""
    content = bytearray(saved.read_bytes())
    position = data.draw(st.integers(0, 8 * len(content) - 1))
    content[position // 8] ^= 1 << position % 8
    changed = saved.with_name("changed.npz")
    changed.write_bytes(content)
    try:
        assert same(load_gallery(changed, MODEL), gallery(3, 1, 2))
    except GalleryError as exc:
        assert str(changed) in str(exc)  # noqa: PT017  # either outcome is right


def pack(**changes: Any) -> bytes:  # noqa: ANN401  # arrays of any kind
    """The file of one person with some parts exchanged; ``None`` drops a part."""
    header = {"format": "attendance-kiosk gallery 1", "model_id": MODEL, "subjects": ["s-0"]}
    header |= {"contract": fingerprint(), **changes.pop("header_keys", {})}
    parts = {
        "header": json.dumps(header),
        "owners": np.zeros(1, np.int64),
        "templates": templates(0, 1),
        **changes,
    }
    file = io.BytesIO()
    np.savez(file, **{key: part for key, part in parts.items() if part is not None})
    return file.getvalue()


def bare_array() -> bytes:
    file = io.BytesIO()
    np.save(file, templates(0, 1))
    return file.getvalue()


def test_the_packed_file_would_be_whole(tmp_path: Path) -> None:
    """Without an exchanged part, what the next test breaks is loaded."""
    (tmp_path / "g.npz").write_bytes(pack())
    assert same(load_gallery(tmp_path / "g.npz", MODEL), gallery(1))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"subject_id,name\n",
        bare_array(),
        pack(header=None),
        pack(owners=None),
        pack(header="{"),
        pack(header="[]"),
        pack(header_keys={"format": "attendance-kiosk gallery 2"}),
        pack(header_keys={"model_id": None}),
        pack(header_keys={"contract": 7}),
        pack(header_keys={"subjects": None}),
        pack(header_keys={"subjects": []}),
        pack(header_keys={"subjects": ["s-0", "s-1"]}),
        pack(owners=np.int64(0)),
        pack(owners=np.zeros(2, np.int64)),
        pack(owners=np.ones(1, np.int64)),
        pack(templates=templates(0, 1)[:, :64]),
        pack(templates=templates(0, 1).astype(np.float64)),
        pack(templates=np.array([["a"] * 128])),
        pack(templates=np.array([[None] * 128])),
        pack(templates=2 * templates(0, 1)),
        pack(templates=0 * templates(0, 1)),
        pack(templates=templates(0, 1) * np.float32("nan")),
    ],
)
def test_foreign_content_is_refused(content: bytes, tmp_path: Path) -> None:
    """What is no gallery, contradicts itself, or holds no vectors of length 1 is an error."""
    path = tmp_path / "g.npz"
    path.write_bytes(content)
    with pytest.raises(GalleryError, match=str(path)):
        load_gallery(path, MODEL)


@pytest.mark.parametrize("name", ["absent.npz", "."])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    """An absent file, or a folder, is an error that names it."""
    with pytest.raises(GalleryError, match=str(tmp_path)):
        load_gallery(tmp_path / name, MODEL)


@pytest.mark.parametrize(
    ("header", "model"), [({}, "other-model"), ({"contract": "0" * 16}, MODEL)]
)
def test_another_models_templates_are_refused(
    header: dict[str, str], model: str, tmp_path: Path
) -> None:
    """Templates of another model or crop contract mean nothing; the message says what to do."""
    path = tmp_path / "g.npz"
    path.write_bytes(pack(header_keys=header))
    with pytest.raises(GalleryModelError, match=rf"{path}: belongs to {MODEL}.*gallery renew"):
        load_gallery(path, model)


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_only_owner_and_group_can_read_it(tmp_path: Path) -> None:
    """A gallery is a file of mode 0640, also where one of mode 0666 was."""
    path = tmp_path / "g.npz"
    path.touch()
    path.chmod(0o666)
    save_gallery(path, gallery(1))
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_save_that_fails_leaves_the_old_gallery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk fails before the new file is whole, the old one is still there."""
    path = tmp_path / "g.npz"
    save_gallery(path, gallery(1))

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(GalleryError, match=rf"{path}: cannot be written \(No space left"):
        save_gallery(path, gallery(1, 1))
    assert same(load_gallery(path, MODEL), gallery(1))
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_absent_is_named(tmp_path: Path) -> None:
    """A gallery for a folder that does not exist is an error that names the file."""
    with pytest.raises(GalleryError, match=r"absent/g\.npz: cannot be written"):
        save_gallery(tmp_path / "absent" / "g.npz", gallery(1))
