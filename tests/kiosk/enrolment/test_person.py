"""Enrolling people from photos and from the camera."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kiosk.config.keys import Config, load_config
from kiosk.demo.sample_people import enrolment_photos
from kiosk.enrolment import person
from kiosk.enrolment.outcome_text import notes
from kiosk.enrolment.person import enrol
from kiosk.erasure.erase import erase_person
from kiosk.errors import ConfigError, GalleryError, GalleryModelError, PhotoError, RosterError
from kiosk.gallery import manage as people
from kiosk.people.roster import load_roster
from kiosk.recognition.enrol import Rejected
from kiosk.recognition.gallery import save_gallery
from kiosk.records import Image
from tests.conftest import Configure
from tests.kiosk.gallery.test_manage import enrolled, gallery_of, names, subjects
from tests.support import needs_photos, write_config
from tests.support_recognition import picture, write_folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three photos of one person."""
    pictures = [picture(photo) for photo in enrolment_photos("orl-s12")[:3]]
    return sorted(write_folder(tmp_path_factory.mktemp("photos") / "ada", pictures).iterdir())


@pytest.fixture(scope="module")
def other_photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three photos of another person."""
    pictures = [picture(photo) for photo in enrolment_photos("orl-s30")[:3]]
    return sorted(write_folder(tmp_path_factory.mktemp("photos") / "ben", pictures).iterdir())


@needs_photos
def test_the_first_enrolment_creates_the_gallery(config: Config, photos: list[Path]) -> None:
    """Enrolling into an absent folder creates it, and the gallery in it."""
    outcome = enrol(config, "s-1", photos)
    assert outcome.templates == 3
    assert people.list_people(config) == {"s-1": 3}


@needs_photos
def test_only_templates_are_kept(config: Config, photos: list[Path]) -> None:
    """No picture is written: the folder has only the gallery, and a mark of the enrolment."""
    enrol(config, "s-1", photos)
    assert names(config) == ["erased.json", "gallery.npz"]
    assert config.gallery_path.stat().st_size < 4096


@needs_photos
def test_enrolling_again_replaces_the_templates(config: Config, photos: list[Path]) -> None:
    """The same id then has only the new templates; others stay."""
    enrolled(config, "s-0")
    enrol(config, "s-1", photos)
    outcome = enrol(config, "s-1", photos[:1])
    assert outcome.near == ()
    assert people.list_people(config) == {"s-0": 1, "s-1": 1}


@needs_photos
def test_the_camera_can_give_the_pictures(
    configure: Configure, photos: list[Path], tmp_path: Path
) -> None:
    """With --camera every fifth of sixty frames is used; photos are rejected."""
    one = picture(enrolment_photos("orl-s12")[0])
    write_folder(tmp_path / "look", [one] * 60)
    config = configure(f'[camera]\nbackend = "replay"\npace = "fast"\nsource = "{tmp_path}/look"\n')
    assert enrol(config, "s-1", [], use_camera=True).templates == 12
    with pytest.raises(ConfigError, match="photos or --camera"):
        enrol(config, "s-1", photos, use_camera=True)


@needs_photos
def test_a_name_is_stored_in_the_roster_only(config: Config, photos: list[Path]) -> None:
    """With --name the roster has the name, and the gallery has not."""
    enrol(config, "s-1", photos, name="Ada Lovelace")
    assert load_roster(Path(config.state.roster)).name_of("s-1") == "Ada Lovelace"
    assert b"Ada" not in config.gallery_path.read_bytes()


@pytest.mark.parametrize("subject", ["", "a b", "a/b", "+", "Müller", "a\n", "x" * 65])
def test_an_invalid_subject_id_is_rejected(subject: str, config: Config) -> None:
    """An id that could not be part of a topic is rejected before anything is done."""
    with pytest.raises(ConfigError, match=r"subject id .*at most 64 letters \(A-Z.* the first a"):
        enrol(config, subject, [Path("a.jpg")])


@pytest.mark.parametrize("subject", ["ada-1.png", "Ada.JPG", "photos/ada-1.heic", "list"])
def test_a_file_is_no_id(
    subject: str, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forgotten id enrols nobody under the name of the first photo."""
    (tmp_path / "list").write_text("a file")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ConfigError, match=f"^subject id '{subject}': expected the person's id, and"
    ):
        enrol(config, subject, [Path("ada-2.png")])


@needs_photos
def test_a_folder_may_have_the_name_of_an_id(
    config: Config, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos often lie in a folder for each person."""
    (tmp_path / "s-1").mkdir()
    monkeypatch.chdir(tmp_path)
    assert enrol(config, "s-1", photos[:1]).templates == 1


def test_a_name_needs_a_roster(bundle_path: Path, tmp_path: Path) -> None:
    """Without state.roster a name is rejected before anybody is enrolled."""
    path = write_config(tmp_path, bundle_path)
    path.write_text(path.read_text().replace("roster", "# roster"))
    with pytest.raises(ConfigError, match=r"state\.roster: needed for names"):
        enrol(load_config(path), "s-1", [Path("a.jpg")], name="Ada")


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "cannot be read"), (b"no picture", "unreadable; expected a picture")],
)
def test_an_unreadable_photo_alone_changes_nothing(
    content: bytes | None, says: str, config: Config, tmp_path: Path
) -> None:
    """A wrong file name or file is an error that names it; the gallery is unchanged."""
    enrolled(config, "s-0")
    photo = tmp_path / "ada.jpg"
    if content is not None:
        photo.write_bytes(content)
    with pytest.raises(PhotoError, match=f"{photo}.*{says}"):
        enrol(config, "s-1", [photo])
    assert subjects(config) == ["s-0"]


@needs_photos
def test_an_unreadable_photo_does_not_stop_an_enrolment(
    config: Config, photos: list[Path], tmp_path: Path
) -> None:
    """An absent file, a folder and a file that is no picture are rejected; the others are used."""
    (tmp_path / "text.jpg").write_text("no picture")
    wrong = [tmp_path / "absent.jpg", tmp_path, tmp_path / "text.jpg"]
    outcome = enrol(config, "s-1", [wrong[0], *photos, *wrong[1:]])
    assert outcome.templates == 3
    assert [item.name for item in outcome.rejected] == [str(path) for path in wrong]
    reasons = [item.reason for item in outcome.rejected]
    assert reasons[:2] == [
        "cannot be read (No such file or directory)",
        "cannot be read (a folder, expected a file)",
    ]
    assert reasons[2].startswith("unreadable; expected")


@needs_photos
def test_one_photo_counts_once(config: Config, photos: list[Path], tmp_path: Path) -> None:
    """The same file again, and a copy of it, give no template, so that too few photos are noted."""
    copy = tmp_path / "copy.png"
    copy.write_bytes(photos[0].read_bytes())
    outcome = enrol(config, "s-1", [photos[0], photos[0], copy])
    reason = f"the same photo as {photos[0]}"
    assert outcome.rejected == (Rejected(str(photos[0]), reason), Rejected(str(copy), reason))
    assert any("fewer than 3" in note for note in notes(outcome, outcome.rejected))


def test_a_photo_without_a_face_is_named(config: Config, tmp_path: Path) -> None:
    """When no photo shows a face, each is named with the reason."""
    (path,) = write_folder(tmp_path / "empty", [np.full((240, 320, 3), 128, np.uint8)]).iterdir()
    with pytest.raises(PhotoError, match=f"no usable picture.*{path}: no face"):
        enrol(config, "s-1", [path])


@needs_photos
def test_a_gallery_of_another_model_is_rejected(config: Config, photos: list[Path]) -> None:
    """Templates of two models cannot be in one gallery; the message names the way out."""
    config.directory.mkdir()
    save_gallery(config.gallery_path, gallery_of("s-0", model_id="other"))
    before = config.gallery_path.read_bytes()
    with pytest.raises(GalleryModelError, match=r"belongs to other .*kiosk gallery renew"):
        enrol(config, "s-1", photos)
    assert config.gallery_path.read_bytes() == before


@needs_photos
def test_files_that_cannot_be_written_are_reported_before_pictures_are_taken(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A locked gallery and an invalid roster stop the command before the camera is opened."""

    def look(_: Config) -> Iterator[tuple[str, Image]]:
        pytest.fail("the camera was opened")
        yield

    monkeypatch.setattr(person, "look", look)
    roster = Path(config.state.roster)
    roster.write_text("no header\n")
    with pytest.raises(RosterError, match="the header is wrong"):
        enrol(config, "s-1", [], use_camera=True, name="Ada")
    roster.unlink()
    config.directory.mkdir(exist_ok=True)
    (config.directory / ".lock-gallery.npz").mkdir()
    with pytest.raises(GalleryError, match=r"\.lock-gallery\.npz: cannot be opened"):
        enrol(config, "s-1", [], use_camera=True)


def test_a_private_photo_is_rejected_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A photo that this user may not read names sudo."""

    def fail(_: Path, _bytes_max: int) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("kiosk.recognition.photo.read_file", fail)
    ((_, error),) = person.read_photos([tmp_path / "a.jpg"])
    assert str(error).startswith("cannot be read (Permission denied); with sudo, photos may")


# An id that is taken


@needs_photos
def test_another_face_under_a_taken_id_is_refused(
    config: Config, photos: list[Path], other_photos: list[Path]
) -> None:
    """Neither gallery nor roster changes; the message names both ways out."""
    enrol(config, "s-1", photos, name="Ada")
    before = config.gallery_path.read_bytes()
    with pytest.raises(GalleryError, match=r"'s-1' is enrolled with another face; .*--replace"):
        enrol(config, "s-1", other_photos, name="Ben")
    assert config.gallery_path.read_bytes() == before
    assert load_roster(Path(config.state.roster)).name_of("s-1") == "Ada"


@needs_photos
def test_a_replacement_replaces_the_name_too(
    config: Config, photos: list[Path], other_photos: list[Path]
) -> None:
    """With --replace a name is needed where the roster has one, and the outcome tells both."""
    enrol(config, "s-1", photos, name="Ada")
    with pytest.raises(ConfigError, match="give the new name"):
        enrol(config, "s-1", other_photos, may_replace=True)
    outcome = enrol(config, "s-1", other_photos, name="Ben", may_replace=True)
    assert (outcome.replaced, outcome.renamed) == ("another face", True)
    assert load_roster(Path(config.state.roster)).name_of("s-1") == "Ben"


@needs_photos
def test_a_person_without_a_name_is_replaced_without_one(
    config: Config, photos: list[Path], other_photos: list[Path]
) -> None:
    """Where the roster has no name of the id, --replace asks for none."""
    assert enrol(config, "s-1", photos).replaced == ""
    assert enrol(config, "s-1", photos[:2]).replaced == "same face"
    assert enrol(config, "s-1", other_photos, may_replace=True).replaced == "another face"


# Commands side by side


@needs_photos
@pytest.mark.slow
def test_six_enrolments_beside_three_erasures_enrol_six_people(
    config: Config, photos: list[Path], tmp_path: Path
) -> None:
    """No process undoes what another one wrote to the gallery or the roster."""
    ids = [f"s-{number}" for number in range(6)]
    erased = [f"gone-{number}" for number in range(3)]
    enrolled(config, *erased)
    end = ["--config", str(tmp_path / "kiosk.toml")]
    lines = [["enrol", *end, "--name", f"Name {who}", who, str(photos[0])] for who in ids]
    lines += [["gallery", "remove", *end, who] for who in erased]
    running = [
        subprocess.Popen([sys.executable, "-m", "kiosk", *line], cwd=Path(__file__).parents[3])
        for line in lines
    ]
    assert [process.wait(120) for process in running] == [0] * 9
    assert sorted(people.list_people(config)) == ids
    assert sorted(load_roster(Path(config.state.roster)).names) == ids


@needs_photos
def test_a_removal_during_an_enrolment_at_the_camera_stays(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gallery is read again before it is written: an erased person does not come back."""
    enrolled(config, "s-1", "s-2")

    def look(_: Config) -> Iterator[tuple[str, Image]]:
        erase_person(config, "s-1")
        yield "frame 0", picture(enrolment_photos("orl-s12")[0])

    monkeypatch.setattr(person, "look", look)
    enrol(config, "s-3", [], use_camera=True)
    assert subjects(config) == ["s-2", "s-3"]


@needs_photos
def test_a_similar_person_enrolled_meanwhile_is_named(
    config: Config, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison with similar people is with the gallery that is written."""

    def look(_: Config) -> Iterator[tuple[str, Image]]:
        enrol(config, "s-1", photos)
        yield "frame 0", picture(enrolment_photos("orl-s12")[0])

    monkeypatch.setattr(person, "look", look)
    assert enrol(config, "s-2", [], use_camera=True).near == ("s-1",)
