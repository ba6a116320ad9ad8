"""What `sudo kiosk` writes belongs to the owner of the state folder, so the service can read it."""

import os
from datetime import date
from pathlib import Path

import pytest

from kiosk.config.keys import Config, StateSection
from kiosk.config.private_file import make_directory
from kiosk.demo.sample_people import enrolment_photos
from kiosk.enrolment.person import enrol
from kiosk.erasure.erase import erase_person
from kiosk.errors import GalleryError
from kiosk.files.atomic_file import atomic_write, create_for_owner_of
from kiosk.gallery import manage as people
from kiosk.gallery.transfer import export_gallery, import_gallery
from kiosk.outbox.outbox import Outbox
from kiosk.people.keyring import Keyring
from kiosk.people.roster import add_to_roster, remove_from_roster
from kiosk.recognition.gallery import save_gallery
from tests.kiosk.gallery.test_manage import gallery_of
from tests.support import needs_photos
from tests.support_recognition import picture, write_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
SERVICE = (4242, 4343)
"""User and group of the state folder."""
TEACHER = (5151, 5252)


def owner(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid


@pytest.fixture
def state(config: Config) -> Path:
    """The state folder of a service that is not root."""
    config.directory.mkdir()
    os.chown(config.directory, *SERVICE)
    return config.directory


@needs_photos
def test_an_enrolment_as_root_gives_its_files_to_the_service(
    config: Config, state: Path, tmp_path: Path
) -> None:
    """Gallery, lock and roster belong to the service; the photos may lie in a private folder."""
    private = write_folder(tmp_path / "home", [picture(enrolment_photos("orl-s12")[0])])
    os.chown(private, *TEACHER)
    private.chmod(0o700)
    enrol(config, "s-1", [private / "0000.png"], name="Ada")
    written = [*state.iterdir(), Path(config.state.roster)]
    assert {path.name for path in written} == {
        *("gallery.npz", ".lock-gallery.npz", "gallery.key", "erased.json", "roster.csv"),
    }
    assert {owner(path) for path in written} == {SERVICE}


def test_the_gallery_commands_as_root_give_their_files_to_the_service(
    config: Config, state: Path, tmp_path: Path
) -> None:
    """Remove, import and renew do as enrol does, also with files that root's commands left."""
    save_gallery(tmp_path / "in.npz", gallery_of("s-1", "s-2"))
    import_gallery(config, tmp_path / "in.npz")
    add_to_roster(Path(config.state.roster), "s-1", "Ada")
    assert owner(config.gallery_path) == SERVICE
    os.chown(config.gallery_path, 0, 0)
    with Outbox(config.outbox_path):
        for path in state.glob("outbox*"):
            os.chown(path, *SERVICE)
    erase_person(config, "s-1")
    assert {owner(path) for path in state.rglob("erasures*")} == {SERVICE}
    assert {owner(path) for path in (state / "erasures").iterdir()} == {SERVICE}
    assert owner(state / "erased.json") == owner(Keyring.of(config).path) == SERVICE
    assert {owner(path) for path in state.glob("outbox*")} == {SERVICE}
    assert owner(config.gallery_path) == owner(Path(config.state.roster)) == SERVICE
    config.gallery_path.unlink()
    save_gallery(config.gallery_path, gallery_of("s-2", model_id="other"))
    people.renew_gallery(config, date(2026, 11, 25))
    assert owner(config.gallery_path) == SERVICE
    assert {owner(path) for path in state.glob(".*")} == {SERVICE}


def test_an_outbox_that_root_creates_belongs_to_the_service(state: Path) -> None:
    """After `sudo kiosk run` the service can write the outbox, and others cannot read it."""
    path = state / "outbox.sqlite3"
    for _ in range(2):
        create_for_owner_of(state, path)
        with Outbox(path) as outbox:
            outbox.forget("s-1")
            assert {owner(file) for file in state.glob("outbox*")} == {SERVICE}
            assert len([*state.glob("outbox*")]) >= 3
            assert not any(file.stat().st_mode & 0o007 for file in state.glob("outbox*"))


def test_an_export_belongs_to_the_owner_of_its_folder(
    config: Config, state: Path, tmp_path: Path
) -> None:
    """A teacher can read what was exported to their folder."""
    save_gallery(state / "gallery.npz", gallery_of("s-1"))
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, *TEACHER)
    export_gallery(config, home / "out.npz")
    assert owner(home / "out.npz") == TEACHER


def test_a_roster_of_another_user_stays_theirs(tmp_path: Path) -> None:
    """A roster that a teacher owns is not given to the service; one of root's is."""
    os.chown(tmp_path, *SERVICE)
    path = tmp_path / "roster.csv"
    add_to_roster(path, "s-1", "Ada", owner_of=tmp_path)
    assert owner(path) == SERVICE
    os.chown(path, *TEACHER)
    remove_from_roster(path, "s-1", owner_of=tmp_path)
    assert owner(path) == TEACHER


def test_a_state_folder_that_root_creates_belongs_to_the_owner_of_the_one_around_it(
    tmp_path: Path,
) -> None:
    """A kiosk that runs from a user's folder can use what root created there."""
    os.chown(tmp_path, *TEACHER)
    folder = tmp_path / "state"
    make_directory(Config(state=StateSection(directory=str(folder))))
    assert owner(folder) == TEACHER


def test_other_files_stay_with_the_user_who_writes_them(tmp_path: Path) -> None:
    """Without a reference the file belongs to root, as every file that root creates."""
    os.chown(tmp_path, *TEACHER)
    with atomic_write(tmp_path / "a.csv") as partial:
        partial.write_text("a")
    assert owner(tmp_path / "a.csv") == (0, 0)


def test_a_user_who_is_not_root_keeps_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only root can give files away; for others nothing changes."""
    os.chown(tmp_path, *TEACHER)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with atomic_write(tmp_path / "a.csv", owner_of=tmp_path) as partial:
        partial.write_text("a")
    assert owner(tmp_path / "a.csv") == (0, 0)


def test_root_follows_no_link_to_a_file_of_somebody_else(config: Config, state: Path) -> None:
    """Who may write to the state folder cannot choose which file `sudo kiosk` replaces."""
    mine, theirs = state.with_name("mine.npz"), state.with_name("theirs.npz")
    for path in (mine, theirs):
        save_gallery(path, gallery_of("s-1", "s-2"))
    os.chown(theirs, *SERVICE)
    before = mine.read_bytes()
    for target in (mine, theirs):
        config.gallery_path.unlink(missing_ok=True)
        config.gallery_path.symlink_to(target)
        os.chown(config.gallery_path, *SERVICE, follow_symlinks=False)
        if target == theirs:
            assert erase_person(config, "s-1").failed == []
        else:
            with pytest.raises(GalleryError, match="a link to a file of another user"):
                erase_person(config, "s-1")
    assert mine.read_bytes() == before
    config.gallery_path.unlink()
    config.gallery_path.symlink_to(mine)  # root's own link
    assert erase_person(config, "s-2").failed == []
