"""Carrying people from kiosk to kiosk: export and import."""

from pathlib import Path

import numpy as np
import pytest

from kiosk.config import Config
from kiosk.errors import GalleryError, GalleryModelError
from kiosk.gallery_transfer import Import, export_gallery, import_gallery
from kiosk.people import list_people
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.recognition.vectors import unit
from tests.kiosk.test_people import MODEL, enrolled, gallery_of, subjects
from tests.support_recognition import embedding


def test_an_exported_gallery_can_be_imported(config: Config, tmp_path: Path) -> None:
    """People of the file are added to the others, and get the templates of the file."""
    enrolled(config, "s-1", "s-2")
    assert export_gallery(config, tmp_path / "out.npz") == 2
    similar = unit(embedding(1) + 0.2 * embedding(50))[None]
    other = Gallery(MODEL, {"s-2": similar, "s-3": embedding(51)[None]})
    save_gallery(config.gallery_path, other)
    assert import_gallery(config, tmp_path / "out.npz") == Import(3, ("s-1",), ("s-2",), ())
    merged = load_gallery(config.gallery_path, MODEL)
    assert np.array_equal(merged.templates["s-2"], gallery_of("s-1", "s-2").templates["s-2"])


def test_an_import_creates_an_absent_gallery(config: Config, tmp_path: Path) -> None:
    """A new kiosk gets its first people from a file."""
    save_gallery(tmp_path / "in.npz", gallery_of("s-1"))
    assert import_gallery(config, tmp_path / "in.npz").people == 1
    assert list_people(config) == {"s-1": 1}


def test_a_gallery_can_be_a_copy_of_another(config: Config, tmp_path: Path) -> None:
    """With `only`, people who are not in the file go; version and hash are those of the file."""
    enrolled(config, "s-1", "s-2")
    for who in ("s-5", "s-6"):
        add = load_gallery(config.gallery_path).with_subject(who, embedding(70)[None])
        save_gallery(config.gallery_path, add)
    source = Gallery(MODEL, {**gallery_of("s-1").templates, "s-3": embedding(51)[None]}, revision=9)
    save_gallery(tmp_path / "in.npz", source)
    outcome = import_gallery(config, tmp_path / "in.npz", only=True)
    assert outcome == Import(2, ("s-3",), ("s-1",), (), ("s-2", "s-5", "s-6"))
    copy = load_gallery(config.gallery_path)
    assert (copy.revision, copy.content_hash) == (9, source.content_hash)


def test_another_face_under_a_taken_id_stops_the_import(config: Config, tmp_path: Path) -> None:
    """The error names the ids and nothing is imported; with --replace they are replaced."""
    enrolled(config, "s-1", "s-2", "s-3")
    others = {"s-1": embedding(0), "s-2": embedding(61), "s-4": embedding(62)}
    save_gallery(tmp_path / "in.npz", Gallery(MODEL, {s: e[None] for s, e in others.items()}))
    with pytest.raises(GalleryError, match=r"nothing was .* another face: s-2; .*--replace"):
        import_gallery(config, tmp_path / "in.npz")
    assert subjects(config) == ["s-1", "s-2", "s-3"]
    outcome = import_gallery(config, tmp_path / "in.npz", may_replace=True)
    assert outcome == Import(4, ("s-4",), ("s-1",), ("s-2",))
    assert np.array_equal(load_gallery(config.gallery_path).templates["s-2"][0], others["s-2"])


def test_an_error_names_at_most_ten_ids(config: Config, tmp_path: Path) -> None:
    """Of twelve ids with another face, ten are named and two are counted."""
    ids = [f"s-{number}" for number in range(12)]
    enrolled(config, *ids)
    changed = {who: embedding(100 + i)[None] for i, who in enumerate(ids)}
    save_gallery(tmp_path / "in.npz", Gallery(MODEL, changed))
    with pytest.raises(GalleryError, match=r"s-0, .*s-9 and 2 more;"):
        import_gallery(config, tmp_path / "in.npz")


def test_faces_of_another_model_cannot_be_compared(config: Config, tmp_path: Path) -> None:
    """Without their model, equal templates are the same face and all others are not."""
    enrolled(config, "s-1", "s-2", model_id="other")
    similar = unit(embedding(1) + 0.01 * embedding(50))[None]
    templates = {"s-1": embedding(0)[None], "s-2": similar}
    save_gallery(tmp_path / "in.npz", Gallery("other", templates))
    with pytest.raises(GalleryError, match="another face: s-2;"):
        import_gallery(config, tmp_path / "in.npz")
    assert import_gallery(config, tmp_path / "in.npz", may_replace=True).replaced == ("s-1",)


@pytest.mark.parametrize(
    ("gallery", "error"),
    [
        (None, GalleryError),
        (gallery_of(), GalleryError),
        (gallery_of("s-1", model_id="other"), GalleryModelError),
    ],
)
def test_a_file_that_cannot_be_imported_changes_nothing(
    gallery: Gallery | None, error: type[GalleryError], config: Config, tmp_path: Path
) -> None:
    """An absent, empty or foreign file is an error that names it; the gallery is unchanged."""
    enrolled(config, "s-0")
    if gallery is not None:
        save_gallery(tmp_path / "in.npz", gallery)
    with pytest.raises(error, match=str(tmp_path / "in.npz")):
        import_gallery(config, tmp_path / "in.npz")
    assert subjects(config) == ["s-0"]
