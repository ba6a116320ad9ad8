"""Listing, erasing, exporting, importing and renewing, all without the model."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from kiosk.config.keys import Config, StateSection, load_config
from kiosk.contract import fingerprint
from kiosk.erasure.erase import erase_person
from kiosk.errors import GalleryError, ModelError, RosterError
from kiosk.gallery import manage as people
from kiosk.gallery.transfer import export_gallery, import_gallery
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.recognition.old_galleries import old_galleries
from tests.support import write_config
from tests.support_recognition import embedding, small_bundle

MODEL = small_bundle().card.model_id
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
    """The files in the folder of the gallery, without the lock, which stays, and the key."""
    others = {".lock-gallery.npz", "gallery.key"}
    return sorted(p.name for p in config.directory.iterdir() if p.name not in others)


def renewed(config: Config, *subjects: str) -> Path:
    """Enrol people with another model, renew, and return the old gallery."""
    enrolled(config, *subjects, model_id="other")
    return Path(people.renew_gallery(config, TODAY).kept)


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
    assert erase_person(config, "s-1").gallery
    outcome = import_gallery(config, tmp_path / "out.npz")
    assert (outcome.people, outcome.refused) == (1, ("s-1",))
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
    assert erase_person(config, "s-1").gallery
    assert export_gallery(config, tmp_path / "out.npz") == 1
    copy = load_gallery(tmp_path / "out.npz")
    assert (copy.model_id, copy.contract) == ("old", "0" * 16)
    assert copy.templates["s-2"].shape == (1, 64)


MODEL_LIBRARIES = "{'cv2', 'ai_edge_litert', 'tflite_runtime'}"


@pytest.mark.parametrize(
    "words", ["list", "remove s-1", "export out.npz", "import in.npz", "renew", "rekey"]
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
        env={**os.environ, "PYTHONPATH": str(Path(people.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if "is not encrypted" not in line]
    assert done.returncode == 0, done.stderr
    assert len(said) == (1 if words == "list" else 0)
    assert words != "list" or said[0].startswith("version 0, hash ")


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


def test_a_new_key_makes_copies_of_the_old_files_worthless(config: Config) -> None:
    """After `rekey` every gallery can be read, and a copy from before cannot."""
    enrolled(config, "s-1", model_id="other")
    old = Path(people.renew_gallery(config, TODAY).kept)
    assert people.rekey(config) == (old.name, "gallery.npz")
    copy = config.directory / "copy.npz"
    copy.write_bytes(old.read_bytes())
    people.rekey(config)
    assert list(load_gallery(old).templates) == ["s-1"]
    with pytest.raises(GalleryError, match=r"copy\.npz: cannot be decrypted"):
        load_gallery(copy)


def test_a_gallery_is_read_while_its_key_changes(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader without the lock, such as the daemon, may get the old file and the new key."""
    enrolled(config, "s-1")
    people.rekey(config)
    read, old = Path.read_bytes, config.gallery_path.read_bytes()
    contents = [old]
    people.rekey(config)
    monkeypatch.setattr(Path, "read_bytes", lambda p: contents.pop() if contents else read(p))
    assert people.list_people(config) == {"s-1": 1}


def test_a_gallery_that_cannot_be_read_keeps_its_key(config: Config) -> None:
    """The error names it; the others have the new key, and the former one still opens theirs."""
    enrolled(config, "s-1", model_id="other")
    old = Path(people.renew_gallery(config, TODAY).kept)
    people.rekey(config)
    whole = old.read_bytes()
    old.write_bytes(whole[:-1])
    with pytest.raises(GalleryError, match=rf"the former key stays in use, too: {old}"):
        people.rekey(config)
    old.write_bytes(whole)
    assert list(load_gallery(old).templates) == ["s-1"]
    assert people.rekey(config)
    with pytest.raises(GalleryError, match="absent"):
        people.rekey(Config(state=StateSection(directory=str(config.directory / "new"))))
