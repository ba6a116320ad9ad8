"""Carrying people from kiosk to kiosk: export and import."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from kiosk.config.keys import Config, load_config
from kiosk.erasure.erase import erase_person
from kiosk.errors import ConfigError, GalleryError, GalleryModelError
from kiosk.files.sealed_file import Passphrase
from kiosk.gallery.manage import list_people, rekey
from kiosk.gallery.transfer import Import, export_gallery, import_gallery
from kiosk.people.erased import ErasedList, mark_enrolled, save_erased
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.recognition.vectors import unit
from tests.conftest import Configure
from tests.kiosk.gallery.test_manage import MODEL, enrolled, gallery_of, subjects
from tests.support import write_config
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


def test_an_absent_file_is_no_absent_gallery(config: Config, tmp_path: Path) -> None:
    """The advice is another one than to enrol people."""
    with pytest.raises(GalleryError, match=r"in\.npz: absent; expected .* `kiosk gallery export`"):
        import_gallery(config, tmp_path / "in.npz")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("state/gallery.npz", "the kiosk's gallery"),
        ("state/gallery.key", "the key of the kiosk's gallery"),
        ("state/gallery.old-2026-01-01-a.npz", "a gallery of an earlier model"),
        ("state/outbox.sqlite3-wal", "the database of the kiosk's events"),
        ("state/erased.json", "the list of erased people"),
        ("state/signing-key.pem", r"a file of the kiosk \(state.directory\)"),
        ("roster.csv", "the roster"),
        ("kiosk.toml", "the configuration"),
        ("link", "the kiosk's gallery"),
        ("small.kiosk-model", "the model"),
    ],
)
def test_an_export_replaces_no_file_of_the_kiosk(
    name: str, what: str, configure: Configure, bundle_path: Path, tmp_path: Path
) -> None:
    """The error names the file and what it is, and every file stays as it was."""
    model = tmp_path / "small.kiosk-model"
    shutil.copy(bundle_path, model)
    config = configure()
    config = replace(config, model=replace(config.model, bundle=str(model)))
    enrolled(config, "s-1")
    (config.directory / "signing-key.pem").write_text("key")
    shutil.copy(config.gallery_path, config.directory / "gallery.old-2026-01-01-a.npz")
    (tmp_path / "link").symlink_to(config.gallery_path)
    before = contents(tmp_path)
    with pytest.raises(ConfigError, match=f"/{name}: this is {what}; .*give another name"):
        export_gallery(config, tmp_path / name, config_file=tmp_path / "kiosk.toml")
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[Path, bytes]:
    return {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_an_export_can_be_written_again(config: Config, tmp_path: Path) -> None:
    """A script may export to one name every night, also within the kiosk's folder."""
    enrolled(config, "s-1")
    for path in (tmp_path / "out.npz", config.directory / "out.npz"):
        for _ in range(2):
            assert export_gallery(config, path, config_file=tmp_path / "kiosk.toml") == 1


# Erased people


def other_kiosk(tmp_path: Path, bundle_path: Path) -> Config:
    """Another door, with its own folder."""
    folder = tmp_path / "other"
    folder.mkdir()
    return load_config(write_config(folder, bundle_path))


def test_an_export_from_before_an_erasure_brings_nobody_back(
    config: Config, tmp_path: Path
) -> None:
    """The others of the file are imported; --again brings the person back, for good."""
    enrolled(config, "s-1", "s-2", "s-3")
    file = tmp_path / "out.npz"
    export_gallery(config, file)
    erase_person(config, "s-1")
    erase_person(config, "s-2")
    mark_enrolled(config, "s-2")  # as `kiosk enrol` does
    outcome = import_gallery(config, file)
    assert (outcome.refused, outcome.added, outcome.erased) == (("s-1",), ("s-2",), ())
    assert subjects(config) == ["s-3", "s-2"]
    assert import_gallery(config, file, again=True).added == ("s-1",)
    assert import_gallery(config, file).refused == ()


def test_an_erasure_reaches_every_door(config: Config, tmp_path: Path, bundle_path: Path) -> None:
    """An import erases who was erased where the file comes from, from every place."""
    there = other_kiosk(tmp_path, bundle_path)
    enrolled(config, "s-1", "s-2")
    enrolled(there, "s-1", "s-2", "s-3")
    names = Path(there.state.roster)
    names.write_text("subject_id,name\ns-1,Ada\ns-4,Eve\n")
    before, after = tmp_path / "before.npz", tmp_path / "after.npz"
    export_gallery(there, before)
    erase_person(config, "s-1")
    export_gallery(config, after)
    outcome = import_gallery(there, after)
    assert (outcome.erased, outcome.failed, outcome.people) == (("s-1",), (), 2)
    assert subjects(there) == ["s-2", "s-3"]
    assert names.read_text() == "subject_id,name\ns-4,Eve\n"
    assert import_gallery(there, before).refused == ("s-1",)  # the list has come with the gallery


def test_a_later_enrolment_at_another_door_stays(
    config: Config, tmp_path: Path, bundle_path: Path
) -> None:
    """Who was enrolled there after the erasure here is not erased by it."""
    there = other_kiosk(tmp_path, bundle_path)
    enrolled(config, "s-1", "s-2")
    save_erased(config, ErasedList().with_mark("s-1", 1000, is_erased=True))
    enrolled(there, "s-1")
    mark_enrolled(there, "s-1")
    export_gallery(config, tmp_path / "out.npz")
    outcome = import_gallery(there, tmp_path / "out.npz", may_replace=True)
    assert (outcome.erased, outcome.refused) == ((), ())
    assert subjects(there) == ["s-1", "s-2"]


def test_the_list_alone_can_travel(config: Config, tmp_path: Path, bundle_path: Path) -> None:
    """A kiosk on which everybody was erased still tells the others."""
    there = other_kiosk(tmp_path, bundle_path)
    enrolled(config, "s-1")
    enrolled(there, "s-1", "s-2")
    erase_person(config, "s-1")
    export_gallery(config, tmp_path / "out.npz")
    assert import_gallery(there, tmp_path / "out.npz").erased == ("s-1",)


def test_an_export_can_be_encrypted(config: Config, tmp_path: Path, bundle_path: Path) -> None:
    """With a passphrase no byte of an id can be read; another kiosk needs the passphrase."""
    there = other_kiosk(tmp_path, bundle_path)
    enrolled(config, "s-secret")
    file, phrase = tmp_path / "out.npz", Passphrase(b"correct horse battery")
    export_gallery(config, file, phrase)
    assert b"secret" not in file.read_bytes()
    with pytest.raises(GalleryError, match=r"out\.npz: encrypted with a passphrase; give it"):
        import_gallery(there, file)
    assert import_gallery(there, file, passphrase=phrase).added == ("s-secret",)


def test_a_gallery_file_of_another_kiosk_is_explained(
    config: Config, tmp_path: Path, bundle_path: Path
) -> None:
    """A copy of the encrypted file itself cannot be read elsewhere."""
    there = other_kiosk(tmp_path, bundle_path)
    enrolled(config, "s-1")
    rekey(config)
    with pytest.raises(GalleryError, match=r"gallery\.npz: encrypted, and its key .* is absent"):
        import_gallery(there, config.gallery_path)


def test_a_damaged_list_in_a_file_is_an_error(config: Config, tmp_path: Path) -> None:
    """It is never taken for an empty one."""
    marked = Gallery(MODEL, gallery_of("s-1").templates, marks={"salt": {}})
    save_gallery(tmp_path / "in.npz", marked)
    with pytest.raises(GalleryError, match=r"in\.npz: its list of erased people is damaged"):
        import_gallery(config, tmp_path / "in.npz")
