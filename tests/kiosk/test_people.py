"""Listing, erasing, exporting, importing and renewing, all without the model."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from kiosk import people
from kiosk.config import Config, load_config
from kiosk.contract import fingerprint
from kiosk.errors import GalleryError, ModelError, RosterError
from kiosk.gallery_transfer import export_gallery, import_gallery
from kiosk.mqtt.outbox import Outbox
from kiosk.mqtt.outbox_rows import DeduplicationKey
from kiosk.people import Erasure
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.recognition.old_galleries import old_galleries
from kiosk.timetable import ClassSession
from tests.support import is_stored, write_config
from tests.support_recognition import embedding, small_bundle

MODEL = small_bundle().card.model_id
SESSION = ClassSession(date(2026, 11, 24), "maths-7b")
TODAY = date(2026, 11, 25)


def gallery_of(*subjects: str, model_id: str = MODEL) -> Gallery:
    return Gallery(model_id, {s: embedding(i)[None] for i, s in enumerate(subjects)})


def enrolled(config: Config, *subjects: str, model_id: str = MODEL) -> None:
    """Write a gallery of people whom nobody in these tests resembles."""
    config.directory.mkdir(exist_ok=True)
    save_gallery(config.gallery_path, gallery_of(*subjects, model_id=model_id))


def subjects(config: Config) -> list[str]:
    return list(load_gallery(config.gallery_path, MODEL).templates)


def names(config: Config) -> list[str]:
    """The files in the folder of the gallery, without the lock, which stays."""
    return sorted(p.name for p in config.directory.iterdir() if p.name != ".lock-gallery.npz")


# Erasing


def attend(config: Config, *attended: str) -> None:
    """Record people in a class session; their events wait for the broker."""
    with Outbox(config.outbox_path) as outbox:
        for who in attended:
            key = DeduplicationKey("attendance", SESSION, who)
            outbox.store_once(key, lambda n, who=who: (f"{who}-{n}", "topic", b"{}"))  # type: ignore[misc]


def test_an_erasure_covers_gallery_roster_and_attendance(config: Config) -> None:
    """Templates, roster entry and attendance are erased; waiting events stay."""
    enrolled(config, "s-1", "s-2")
    roster = Path(config.state.roster)
    roster.write_text("subject_id,name\ns-1,Ada\ns-2,Bob\n")
    attend(config, "s-1", "s-2")
    assert people.remove_person(config, "s-1") == Erasure(
        gallery=True, old_galleries=(), roster=True, attended=True
    )
    assert subjects(config) == ["s-2"]
    assert roster.read_text() == "subject_id,name\ns-2,Bob\n"
    with Outbox(config.outbox_path) as outbox:
        assert not is_stored(outbox, SESSION, "s-1")
        assert is_stored(outbox, SESSION, "s-2")
        assert len(outbox) == 2
    assert b"s-1" not in config.gallery_path.read_bytes()


def test_an_erasure_reports_where_the_person_was(config: Config) -> None:
    """Without a roster or an outbox only the gallery had the person; neither is created."""
    enrolled(config, "s-1")
    assert people.remove_person(config, "s-1") == Erasure(
        gallery=True, old_galleries=(), roster=False, attended=False
    )
    assert names(config) == ["gallery.npz"]


def test_a_failed_erasure_can_be_repeated(config: Config) -> None:
    """While the roster cannot be changed the person stays in the gallery."""
    enrolled(config, "s-1", "s-2")
    roster = Path(config.state.roster)
    roster.write_text("no header\n")
    with pytest.raises(RosterError):
        people.remove_person(config, "s-1")
    roster.write_text("subject_id,name\ns-1,Ada\n")
    assert people.remove_person(config, "s-1").roster
    assert subjects(config) == ["s-2"]


def test_erasing_an_unknown_id_is_an_error(config: Config) -> None:
    """A misspelt id erases nobody; the message says where the ids are listed."""
    enrolled(config, "s-1")
    with pytest.raises(GalleryError, match=r"'s-9' is not enrolled.*kiosk gallery list"):
        people.remove_person(config, "s-9")


def renewed(config: Config, *subjects: str) -> Path:
    """Enrol people with another model, renew, and return the old gallery."""
    enrolled(config, *subjects, model_id="other")
    return Path(people.renew_gallery(config, TODAY).kept)


def test_an_erasure_covers_the_galleries_kept_aside(config: Config) -> None:
    """A person who is in the gallery and in two old ones is erased from all three."""
    first, second = renewed(config, "s-1", "s-2"), renewed(config, "s-3", "s-1")
    enrolled(config, "s-1", "s-4")
    erasure = people.remove_person(config, "s-1")
    assert erasure.gallery
    assert set(erasure.old_galleries) == {first.name, second.name}
    assert subjects(config) == ["s-4"]
    assert [list(load_gallery(path).templates) for path in (first, second)] == [["s-2"], ["s-3"]]
    assert all(b"s-1" not in path.read_bytes() for path in config.directory.iterdir())


def test_a_person_who_is_only_in_an_old_gallery_is_erased(config: Config) -> None:
    """A person who was not enrolled again can still be erased, with or without a gallery."""
    old = renewed(config, "s-1", "s-2", "s-3")
    assert people.remove_person(config, "s-1") == Erasure(
        gallery=False, old_galleries=(old.name,), roster=False, attended=False
    )
    config.gallery_path.unlink()
    assert people.remove_person(config, "s-2").old_galleries == (old.name,)
    assert list(load_gallery(old).templates) == ["s-3"]
    with pytest.raises(GalleryError, match="'s-1' is not enrolled"):
        people.remove_person(config, "s-1")


def test_an_unreadable_old_gallery_stops_the_erasure(config: Config) -> None:
    """Nothing is erased while an old gallery may still hold the person; it is named."""
    old = renewed(config, "s-1")
    enrolled(config, "s-1")
    old.write_bytes(b"damaged")
    with pytest.raises(GalleryError, match=rf"{old}: not a complete gallery.*or delete this old"):
        people.remove_person(config, "s-1")
    assert subjects(config) == ["s-1"]


def test_an_erasure_on_a_full_disk_can_be_repeated(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When an old gallery cannot be written the person stays in the gallery."""
    renewed(config, "s-1")
    enrolled(config, "s-1")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        with pytest.raises(GalleryError, match="No space left"):
            people.remove_person(config, "s-1")
    assert subjects(config) == ["s-1"]
    assert people.remove_person(config, "s-1").gallery


@pytest.mark.parametrize("bundle", ["absent", "damaged"])
def test_people_are_listed_and_erased_without_a_usable_bundle(bundle: str, tmp_path: Path) -> None:
    """The gallery file names its own model: every command but renew works."""
    path = tmp_path / "model.kiosk-model"
    if bundle == "damaged":
        path.write_bytes(b"damaged")
    config = load_config(write_config(tmp_path, path))
    enrolled(config, "s-1", "s-2", model_id="other")
    assert people.list_people(config) == {"s-1": 1, "s-2": 1}
    assert export_gallery(config, tmp_path / "out.npz") == 2
    assert people.remove_person(config, "s-1").gallery
    assert import_gallery(config, tmp_path / "out.npz").people == 2
    assert load_gallery(config.gallery_path).model_id == "other"
    assert people.note_on_model(config) == ""
    with pytest.raises(ModelError, match=str(path)):
        people.renew_gallery(config, TODAY)


def test_a_gallery_of_another_contract_is_erased_from_and_exported_unchanged(
    config: Config, tmp_path: Path
) -> None:
    """Embeddings of another length, of another crop contract, keep their model and contract."""
    config.directory.mkdir()
    templates = {name: np.eye(1, 64, k, np.float32) for k, name in enumerate(("s-1", "s-2"))}
    save_gallery(config.gallery_path, Gallery("old", templates, "0" * 16))
    assert people.remove_person(config, "s-1").gallery
    assert export_gallery(config, tmp_path / "out.npz") == 1
    copy = load_gallery(tmp_path / "out.npz")
    assert (copy.model_id, copy.contract) == ("old", "0" * 16)
    assert copy.templates["s-2"].shape == (1, 64)


MODEL_LIBRARIES = "{'cv2', 'ai_edge_litert', 'tflite_runtime'}"


@pytest.mark.parametrize(
    "words", ["list", "remove s-1", "export out.npz", "import in.npz", "renew"]
)
def test_a_gallery_command_loads_neither_opencv_nor_the_runtime(
    words: str, config: Config, bundle_path: Path, tmp_path: Path
) -> None:
    """In a fresh interpreter each command ends with 0 and has imported neither of them."""
    model_id = "other" if words == "renew" else MODEL
    enrolled(config, "s-1", model_id=model_id)
    save_gallery(tmp_path / "in.npz", gallery_of("s-2"))
    write_config(tmp_path, bundle_path)
    arguments = ["gallery", *words.split(), "--config", "kiosk.toml"]
    code = f"""
import sys
from kiosk.__main__ import main
code = main({arguments!r})
loaded = {{name.partition('.')[0] for name in sys.modules}}
sys.exit(code or loaded & {MODEL_LIBRARIES} or None)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(people.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    told = "version 0, hash " if words == "list" else ""
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == (1 if told else 0)


def test_an_absent_gallery_is_an_error(config: Config) -> None:
    """The message says how to create a gallery."""
    with pytest.raises(GalleryError, match=r"gallery\.npz: absent.*kiosk enrol"):
        people.list_people(config)


# Renewing after a change of model


def test_renewing_begins_an_empty_gallery_and_keeps_the_old_one(config: Config) -> None:
    """The new gallery belongs to the model in use; the old file is kept byte for byte."""
    enrolled(config, "s-1", "s-2", model_id="other-0123")
    before = config.gallery_path.read_bytes()
    renewal = people.renew_gallery(config, TODAY)
    assert renewal.model_id == MODEL
    assert renewal.kept == str(config.directory / "gallery.old-2026-11-25-other-0123.npz")
    assert Path(renewal.kept).read_bytes() == before
    assert subjects(config) == []
    assert names(config) == ["gallery.npz", "gallery.old-2026-11-25-other-0123.npz"]


def test_renewing_names_the_people_to_enrol_again(config: Config) -> None:
    """Each id of the old gallery is told, with the roster's name where there is one."""
    enrolled(config, "s-1", "s-2", model_id="other")
    Path(config.state.roster).write_text("subject_id,name\ns-2,Bob\n")
    assert people.renew_gallery(config, TODAY).enrol_again == {"s-1": None, "s-2": "Bob"}


@pytest.mark.parametrize("mode", [0o640, 0o600])
def test_the_old_gallery_keeps_its_permission_bits(mode: int, config: Config) -> None:
    """An old gallery has the bits of the file that it was; the new one has 0640."""
    enrolled(config, "s-1", model_id="other")
    config.gallery_path.chmod(mode)
    kept = Path(people.renew_gallery(config, TODAY).kept)
    assert kept.stat().st_mode & 0o777 == mode
    assert config.gallery_path.stat().st_mode & 0o777 == 0o640


def test_an_earlier_old_gallery_is_never_overwritten(config: Config) -> None:
    """A second renewal on the same day from the same model gets a number."""
    first, second, third = (renewed(config, f"s-{n}") for n in (1, 2, 3))
    assert [path.name for path in (first, second, third)] == [
        "gallery.old-2026-11-25-other.npz",
        "gallery.old-2026-11-25-other-2.npz",
        "gallery.old-2026-11-25-other-3.npz",
    ]
    assert [list(load_gallery(path).templates) for path in (first, second, third)] == [
        ["s-1"],
        ["s-2"],
        ["s-3"],
    ]
    assert set(old_galleries(config.gallery_path)) == {first, second, third}


def test_any_model_id_gives_a_file_name(config: Config) -> None:
    """A model id with slashes, spaces or too many characters stays within the folder."""
    enrolled(config, "s-1", model_id="../our model/" + "x" * 300)
    kept = Path(people.renew_gallery(config, TODAY).kept)
    assert kept.parent == config.directory
    assert kept.name.startswith("gallery.old-2026-11-25-.._our_model_xxx")
    assert old_galleries(config.gallery_path) == (kept,)


def test_a_gallery_of_another_contract_is_renewed(config: Config) -> None:
    """The same model id under another crop contract is another model."""
    config.directory.mkdir()
    save_gallery(config.gallery_path, Gallery(MODEL, {"s-1": embedding(1)[None]}, "0" * 16))
    assert people.renew_gallery(config, TODAY).enrol_again == {"s-1": None}
    assert load_gallery(config.gallery_path).contract == fingerprint()


def test_a_gallery_of_the_model_in_use_is_not_renewed(config: Config) -> None:
    """Without a change of model nobody needs to be enrolled again; nothing is changed."""
    enrolled(config, "s-1")
    with pytest.raises(GalleryError, match=f"belongs to {MODEL}, which is in use already"):
        people.renew_gallery(config, TODAY)
    assert subjects(config) == ["s-1"]
    assert names(config) == ["gallery.npz"]


def test_an_absent_gallery_is_not_renewed(config: Config) -> None:
    """Without a gallery `kiosk enrol` begins one."""
    with pytest.raises(GalleryError, match=r"gallery\.npz: absent.*kiosk enrol"):
        people.renew_gallery(config, TODAY)


def test_a_renewal_that_fails_leaves_the_old_gallery_in_use(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the roster is malformed or the disk is full, one gallery is there, under its name."""
    enrolled(config, "s-1", model_id="other")
    roster = Path(config.state.roster)
    roster.write_text("no header\n")
    with pytest.raises(RosterError):
        people.renew_gallery(config, TODAY)
    roster.unlink()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(GalleryError, match="No space left"):
        people.renew_gallery(config, TODAY)
    assert names(config) == ["gallery.npz"]
    assert list(load_gallery(config.gallery_path).templates) == ["s-1"]


def test_a_file_system_without_hard_links_is_an_error(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the old gallery cannot be kept, nothing is renewed."""
    enrolled(config, "s-1", model_id="other")

    def fail(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", fail)
    with pytest.raises(GalleryError, match=r"old-2026-11-25-other\.npz: cannot be made"):
        people.renew_gallery(config, TODAY)
    assert list(load_gallery(config.gallery_path).templates) == ["s-1"]


def test_the_old_gallery_comes_back_with_its_model(config: Config) -> None:
    """When the old model is in use again, the old gallery is imported as it was."""
    enrolled(config, "s-1")
    enrolled_before = load_gallery(config.gallery_path)
    enrolled(config, "s-2", model_id="other")
    save_gallery(old := config.directory / "gallery.old-2026-11-24-x.npz", enrolled_before)
    people.renew_gallery(config, TODAY)
    assert import_gallery(config, old).people == 1
    assert subjects(config) == ["s-1"]


def test_the_note_tells_of_a_gallery_of_another_model(config: Config) -> None:
    """The note names both models and the way out, and is empty for the model in use."""
    enrolled(config, "s-1")
    assert people.note_on_model(config) == ""
    enrolled(config, "s-1", model_id="other")
    note = people.note_on_model(config)
    assert "belongs to other" in note
    assert MODEL in note
    assert "kiosk gallery renew" in note


def test_a_folder_that_cannot_be_listed_is_an_error(config: Config) -> None:
    """A file in the place of the state folder is an error that names it."""
    config.directory.write_text("a file")
    with pytest.raises(GalleryError, match=f"{config.directory}.*cannot be read"):
        people.remove_person(config, "s-1")
