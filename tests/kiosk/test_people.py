"""What is done at a desk: people come into the gallery, and go out of it without a trace."""

from pathlib import Path

import numpy as np
import pytest

from kiosk import people
from kiosk.config import Config, load_config
from kiosk.demo.sample_people import enrolment_photos
from kiosk.errors import ConfigError, GalleryError, GalleryModelError, PhotoError, RosterError
from kiosk.mqtt.outbox import Outbox
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.roster import load_roster
from tests.conftest import Configure
from tests.support import (
    embedding,
    has_attended,
    needs_photos,
    picture,
    small_bundle,
    write_config,
    write_folder,
)

MODEL = small_bundle().card.model_id
SESSION = "2026-11-24/maths-7b"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three photos of one person."""
    pictures = [picture(photo) for photo in enrolment_photos("orl-s12")[:3]]
    return sorted(write_folder(tmp_path_factory.mktemp("photos") / "ada", pictures).iterdir())


def gallery_of(*subjects: str, model_id: str = MODEL) -> Gallery:
    return Gallery(model_id, {s: embedding(i)[None] for i, s in enumerate(subjects)})


def enrolled(config: Config, *subjects: str) -> None:
    """Have people enrolled whom nobody in these tests looks like."""
    config.directory.mkdir(exist_ok=True)
    save_gallery(config.gallery_path, gallery_of(*subjects))


def subjects(config: Config) -> list[str]:
    return list(load_gallery(config.gallery_path, MODEL).templates)


# Enrolling


@needs_photos
def test_the_first_person_makes_the_gallery(config: Config, photos: list[Path]) -> None:
    """Enrolling into a folder that is not there yet makes it, and the gallery in it."""
    outcome = people.enrol(config, "s-1", photos)
    assert len(outcome.templates) == 3
    assert people.list_people(config) == {"s-1": 3}


@needs_photos
def test_only_templates_are_kept(config: Config, photos: list[Path]) -> None:
    """Nothing that holds a picture is written: the folder has the gallery alone."""
    people.enrol(config, "s-1", photos)
    assert [path.name for path in config.directory.iterdir()] == ["gallery.npz"]
    assert config.gallery_path.stat().st_size < 4096


@needs_photos
def test_enrolling_anew_replaces_the_templates(config: Config, photos: list[Path]) -> None:
    """The same id again has the new templates only, is not near to itself, and others stay."""
    enrolled(config, "s-0")
    people.enrol(config, "s-1", photos)
    outcome = people.enrol(config, "s-1", photos[:1])
    assert outcome.near == ()
    assert people.list_people(config) == {"s-0": 1, "s-1": 1}


@needs_photos
def test_the_camera_gives_pictures_too(
    configure: Configure, photos: list[Path], tmp_path: Path
) -> None:
    """With --camera every fifth of sixty frames is used, and no file is named."""
    one = picture(enrolment_photos("orl-s12")[0])
    write_folder(tmp_path / "look", [one] * 60)
    config = configure(f'[camera]\nbackend = "replay"\npace = "fast"\nsource = "{tmp_path}/look"\n')
    assert len(people.enrol(config, "s-1", [], use_camera=True).templates) == 12
    with pytest.raises(ConfigError, match="photos or --camera"):
        people.enrol(config, "s-1", photos, use_camera=True)


@needs_photos
def test_a_name_goes_into_the_roster_alone(config: Config, photos: list[Path]) -> None:
    """With --name the roster has the name, and the gallery has not."""
    people.enrol(config, "s-1", photos, name="Ada Lovelace")
    assert load_roster(Path(config.state.roster)).name_of("s-1") == "Ada Lovelace"
    assert b"Ada" not in config.gallery_path.read_bytes()


@pytest.mark.parametrize("subject", ["", "a b", "a/b", "+", "Müller", "a\n", "x" * 65])
def test_a_subject_id_must_fit_everywhere(subject: str, config: Config) -> None:
    """An id that could not stand in a topic or a list is refused before anything is done."""
    with pytest.raises(ConfigError, match="subject id"):
        people.enrol(config, subject, [Path("a.jpg")])


def test_a_name_needs_a_roster(bundle_path: Path, tmp_path: Path) -> None:
    """Without state.roster a name has no place, which is told before anybody is enrolled."""
    path = write_config(tmp_path, bundle_path)
    path.write_text(path.read_text().replace("roster", "# roster"))
    with pytest.raises(ConfigError, match=r"state\.roster: needed for --name"):
        people.enrol(load_config(path), "s-1", [Path("a.jpg")], name="Ada")


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "cannot be read"), (b"no picture", "unreadable; expected a JPEG or PNG")],
)
def test_a_photo_that_cannot_be_read_changes_nothing(
    content: bytes | None, says: str, config: Config, tmp_path: Path
) -> None:
    """A wrong file name or file is an error that names it; the gallery stays as it was."""
    enrolled(config, "s-0")
    photo = tmp_path / "ada.jpg"
    if content is not None:
        photo.write_bytes(content)
    with pytest.raises(PhotoError, match=f"{photo}.*{says}"):
        people.enrol(config, "s-1", [photo])
    assert subjects(config) == ["s-0"]


def test_a_photo_without_a_face_is_named(config: Config, tmp_path: Path) -> None:
    """When no photo shows a face, each is named with the reason."""
    (path,) = write_folder(tmp_path / "empty", [np.full((240, 320, 3), 128, np.uint8)]).iterdir()
    with pytest.raises(PhotoError, match=f"no usable picture.*{path}: no face"):
        people.enrol(config, "s-1", [path])


@needs_photos
def test_a_gallery_of_another_model_is_not_added_to(config: Config, photos: list[Path]) -> None:
    """Templates of two models in one gallery would make names of noise."""
    config.directory.mkdir()
    save_gallery(config.gallery_path, gallery_of("s-0", model_id="other"))
    before = config.gallery_path.read_bytes()
    with pytest.raises(GalleryModelError):
        people.enrol(config, "s-1", photos)
    assert config.gallery_path.read_bytes() == before


# Erasing


def attend(config: Config, *attended: str) -> None:
    """Have people attend a session; their events wait for the broker."""
    with Outbox(config.outbox_path) as outbox:
        for who in attended:
            outbox.record(SESSION, who, lambda n, who=who: (f"{who}-{n}", "topic", b"{}"))  # type: ignore[misc]


def test_an_erased_person_is_nowhere_but_in_the_register(config: Config) -> None:
    """Templates, roster entry and attendance go; events that wait are the school's, and stay."""
    enrolled(config, "s-1", "s-2")
    roster = Path(config.state.roster)
    roster.write_text("subject_id,name\ns-1,Ada\ns-2,Bob\n")
    attend(config, "s-1", "s-2")
    assert people.remove_person(config, "s-1") == {
        "gallery": True,
        "roster": True,
        "attended": True,
    }
    assert subjects(config) == ["s-2"]
    assert roster.read_text() == "subject_id,name\ns-2,Bob\n"
    with Outbox(config.outbox_path) as outbox:
        assert not has_attended(outbox, SESSION, "s-1")
        assert has_attended(outbox, SESSION, "s-2")
        assert len(outbox) == 2
    assert b"s-1" not in config.gallery_path.read_bytes()


def test_erasing_tells_what_was_there(config: Config) -> None:
    """Without a roster or an outbox only the gallery had the person; none is made for it."""
    enrolled(config, "s-1")
    assert people.remove_person(config, "s-1") == {
        "gallery": True,
        "roster": False,
        "attended": False,
    }
    assert [path.name for path in config.directory.iterdir()] == ["gallery.npz"]


def test_an_erasure_that_fails_can_be_repeated(config: Config) -> None:
    """While the roster cannot be changed the person stays enrolled, so that it is asked again."""
    enrolled(config, "s-1", "s-2")
    roster = Path(config.state.roster)
    roster.write_text("no header\n")
    with pytest.raises(RosterError):
        people.remove_person(config, "s-1")
    roster.write_text("subject_id,name\ns-1,Ada\n")
    assert people.remove_person(config, "s-1")["roster"]
    assert subjects(config) == ["s-2"]


def test_erasing_a_stranger_is_an_error(config: Config) -> None:
    """A misspelt id erases nobody and says where the ids are listed."""
    enrolled(config, "s-1")
    with pytest.raises(GalleryError, match=r"'s-9' is not enrolled.*kiosk gallery list"):
        people.remove_person(config, "s-9")


# Carrying from kiosk to kiosk


def test_an_exported_gallery_is_imported_elsewhere(config: Config, tmp_path: Path) -> None:
    """People of the file replace those of the same id and join the others."""
    enrolled(config, "s-1", "s-2")
    assert people.export_gallery(config, tmp_path / "out.npz") == 2
    other = Gallery(MODEL, {"s-2": embedding(50)[None], "s-3": embedding(51)[None]})
    save_gallery(config.gallery_path, other)
    assert people.import_gallery(config, tmp_path / "out.npz") == 3
    merged = load_gallery(config.gallery_path, MODEL)
    assert np.array_equal(merged.templates["s-2"], gallery_of("s-1", "s-2").templates["s-2"])


def test_importing_makes_a_gallery_where_none_was(config: Config, tmp_path: Path) -> None:
    """A new kiosk takes its first people from a file."""
    save_gallery(tmp_path / "in.npz", gallery_of("s-1"))
    assert people.import_gallery(config, tmp_path / "in.npz") == 1
    assert people.list_people(config) == {"s-1": 1}


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
    """An absent, empty or foreign file is an error that names it; the gallery stays."""
    enrolled(config, "s-0")
    if gallery is not None:
        save_gallery(tmp_path / "in.npz", gallery)
    with pytest.raises(error, match=str(tmp_path / "in.npz")):
        people.import_gallery(config, tmp_path / "in.npz")
    assert subjects(config) == ["s-0"]


def test_before_anybody_is_enrolled_the_command_is_told(config: Config) -> None:
    """A gallery that is absent is an error that says how to make one."""
    with pytest.raises(GalleryError, match=r"gallery\.npz: absent.*kiosk enrol"):
        people.list_people(config)
