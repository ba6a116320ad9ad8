"""The gallery: enrolled people, and a file that is complete or rejected."""

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
    """People ``s-0``, ``s-1``, ... with these numbers of templates."""
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


def test_a_subject_without_templates_is_rejected() -> None:
    """The mean of no templates is undefined, so such a person cannot be added."""
    with pytest.raises(ValueError, match="at least one template"):
        gallery(1, 0)


def test_changes_return_a_new_gallery() -> None:
    """Adding, replacing and erasing return new galleries and do not change the old one."""
    before = gallery(1, 1)
    after = before.with_subject("s-1", templates(9, 2)).with_subject("s-2", templates(8, 1))
    assert [len(rows) for rows in after.templates.values()] == [1, 2, 1]
    assert list(after.without("s-0").templates) == ["s-1", "s-2"]
    assert same(before, gallery(1, 1))


def test_each_change_counts_and_the_hash_tells_the_content(tmp_path: Path) -> None:
    """The version goes up with each change; equal people have an equal hash, in any order."""
    one = gallery(1, 2)
    changed = one.with_subject("s-9", templates(9, 1))
    assert (one.revision, changed.revision, changed.without("s-9").revision) == (0, 1, 2)
    assert changed.content_hash != one.content_hash == changed.without("s-9").content_hash
    turned = Gallery(one.model_id, dict(reversed(list(one.templates.items()))))
    assert turned.content_hash == one.content_hash
    save_gallery(tmp_path / "g.npz", changed)
    read = load_gallery(tmp_path / "g.npz")
    assert (read.revision, read.content_hash) == (1, changed.content_hash)


def test_erasing_an_unknown_id_is_an_error() -> None:
    """The message names the id and the command that lists the ids."""
    with pytest.raises(GalleryError, match=r"'s-9' is not enrolled.*kiosk gallery list"):
        gallery(1).without("s-9")


def test_merging_adds_and_replaces_people() -> None:
    """A merge replaces people with the same id; another model's templates are rejected."""
    other = Gallery(MODEL, {"s-1": templates(7, 2), "s-5": templates(5, 1)})
    merged = gallery(1, 1).merged(other)
    assert list(merged.templates) == ["s-0", "s-1", "s-5"]
    assert np.array_equal(merged.templates["s-1"], other.templates["s-1"])
    with pytest.raises(GalleryModelError, match="with the same model"):
        merged.merged(Gallery("other", {}))


# The file


@pytest.mark.parametrize("counts", [(), (1,), (3, 1, 2)])
def test_a_gallery_is_read_back_unchanged(counts: tuple[int, ...], tmp_path: Path) -> None:
    """Ids, their order and every bit of the templates are the same after a save."""
    save_gallery(tmp_path / "g.npz", gallery(*counts))
    assert same(load_gallery(tmp_path / "g.npz", MODEL), gallery(*counts))


def test_the_file_holds_neither_names_nor_images(saved: Path) -> None:
    """The file has three arrays: a header, owners and templates."""
    with np.load(saved) as file:
        assert sorted(file) == ["header", "owners", "templates"]
        header = json.loads(str(file["header"]))
    assert sorted(header) == ["contract", "format", "model_id", "revision", "subjects"]


@given(st.data())
def test_a_truncated_file_is_rejected(saved: Path, data: st.DataObject) -> None:
    """A file cut at any length is a GalleryError that names it."""
    whole = saved.read_bytes()
    cut = saved.with_name("cut.npz")
    cut.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(GalleryError, match=str(cut)):
        load_gallery(cut, MODEL)


@given(st.data())
def test_a_changed_bit_is_rejected_or_has_no_effect(saved: Path, data: st.DataObject) -> None:
    """A changed bit never changes a template or an id and raises only GalleryError."""
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
    """The file of one person with some parts replaced; ``None`` removes a part."""
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


def test_the_unchanged_packed_file_is_loaded(tmp_path: Path) -> None:
    """Without a replaced part, the file of the next test is valid."""
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
def test_invalid_content_is_rejected(content: bytes, tmp_path: Path) -> None:
    """A file that is no gallery, is inconsistent, or has vectors not of length 1 is an error."""
    path = tmp_path / "g.npz"
    path.write_bytes(content)
    with pytest.raises(GalleryError, match=str(path)):
        load_gallery(path, MODEL)


@pytest.mark.parametrize("name", ["absent.npz", "."])
def test_an_unreadable_file_is_named(name: str, tmp_path: Path) -> None:
    """An absent file, or a folder, is an error that names it."""
    with pytest.raises(GalleryError, match=str(tmp_path)):
        load_gallery(tmp_path / name, MODEL)


@pytest.mark.parametrize(
    ("header", "model"), [({}, "other-model"), ({"contract": "0" * 16}, MODEL)]
)
def test_a_gallery_of_another_model_is_rejected(
    header: dict[str, str], model: str, tmp_path: Path
) -> None:
    """Another model or crop contract is an error that says what to do."""
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
def test_only_owner_and_group_can_read_the_file(tmp_path: Path) -> None:
    """A gallery has mode 0640, also where a file of mode 0666 was."""
    path = tmp_path / "g.npz"
    path.touch()
    path.chmod(0o666)
    save_gallery(path, gallery(1))
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_save_keeps_the_old_gallery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk fails before the new file is complete, the old one is still there."""
    path = tmp_path / "g.npz"
    save_gallery(path, gallery(1))

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(GalleryError, match=rf"{path}: cannot be written \(No space left"):
        save_gallery(path, gallery(1, 1))
    assert same(load_gallery(path, MODEL), gallery(1))
    assert list(tmp_path.iterdir()) == [path]


def test_an_absent_folder_is_named(tmp_path: Path) -> None:
    """A gallery for a folder that does not exist is an error that names the file."""
    with pytest.raises(GalleryError, match=r"absent/g\.npz: cannot be written"):
        save_gallery(tmp_path / "absent" / "g.npz", gallery(1))
