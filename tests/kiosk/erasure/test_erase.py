"""An erasure reaches every place, says what it could not reach, and can be repeated."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from kiosk.config.keys import Config, load_config
from kiosk.erasure.erase import erase_person
from kiosk.erasure.galleries import is_plain
from kiosk.errors import GalleryError
from kiosk.gallery import manage as people
from kiosk.outbox.outbox import Outbox
from kiosk.people.erased import load_erased
from kiosk.people.keyring import Keyring
from kiosk.people.write_lock import write_lock
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.service_status import ServiceStatus
from tests.kiosk.erasure.support import (
    SESSION,
    TODAY,
    attend,
    enrolled,
    erase,
    gallery_of,
    holding,
    places,
    roster,
)
from tests.support import is_stored, write_config

REPOSITORY = Path(__file__).parents[3]


def subjects(path: Path) -> list[str]:
    return list(load_gallery(path).templates)


# What is erased


def test_an_erasure_covers_gallery_roster_and_attendance(config: Config) -> None:
    """Templates, roster entry and attendance are erased; waiting events stay, and it says so."""
    enrolled(config, "s-1", "s-2")
    names = roster(config, "s-1,Ada\ns-2,Bob\n")
    attend(config, "s-1", "s-2")
    erasure = erase(config, "s-1")
    assert (erasure.gallery, erasure.roster, erasure.attended) == (True, True, True)
    assert (erasure.old_galleries, erasure.failed, erasure.was_erased) == ((), [], False)
    assert subjects(config.gallery_path) == ["s-2"]
    assert names.read_text() == "subject_id,name\ns-2,Bob\n"
    with Outbox(config.outbox_path) as outbox:
        assert not is_stored(outbox, SESSION, "s-1")
        assert is_stored(outbox, SESSION, "s-2")
        assert len(outbox) == 2
    assert any("wait here for the register: 1;" in text for text in erasure.remains)


def test_events_are_erased_when_that_is_asked_for(config: Config) -> None:
    """With --events no file of the kiosk has the id any more, and others' events stay."""
    enrolled(config, "s-1", "s-2")
    attend(config, "s-1", "s-2", "s-1x")
    assert erase(config, "s-1", events=True).outbox.events == 1
    with Outbox(config.outbox_path) as outbox:
        assert [b"s-2" in row.payload for row in outbox.pending(9)] == [True, False]
    assert holding(config, '"s-1"') == holding(config, "attendances-1\x00") == []


def test_damaged_events_are_erased(config: Config) -> None:
    """A row that was set aside, and a whole database that was, no longer hold the id."""
    enrolled(config, "s-1", "s-2")
    attend(config, "s-1", "s-2")
    with Outbox(config.outbox_path) as outbox:
        outbox._connection.execute("UPDATE events SET checksum = 0")
        assert outbox.pending(9) == []
    aside = config.directory / "outbox.sqlite3-aside-20261125T080000"
    aside.write_bytes(config.outbox_path.read_bytes())
    erasure = erase(config, "s-1")
    assert (erasure.outbox.set_aside, erasure.aside) == (1, 2)
    assert holding(config, '"s-1"') == holding(config, "attendances-1") == []
    assert holding(config, '"s-2"') == ["outbox.sqlite3", aside.name]


def test_an_erasure_covers_the_galleries_kept_aside(config: Config) -> None:
    """A person who is in the gallery and in an old one is erased from both; others stay."""
    enrolled(config, "s-1", "s-2", model_id="other")
    old = Path(people.renew_gallery(config, TODAY).kept)
    enrolled(config, "s-1", "s-4")
    erasure = erase(config, "s-1")
    assert (erasure.gallery, erasure.old_galleries) == (True, (old.name,))
    assert (subjects(config.gallery_path), subjects(old)) == (["s-4"], ["s-2"])


@pytest.mark.parametrize("gallery", ["absent", "other model"])
def test_without_a_usable_gallery_the_name_leaves_the_roster(gallery: str, config: Config) -> None:
    """The roster is not tied to a gallery."""
    config.directory.mkdir()
    if gallery == "other model":
        save_gallery(config.gallery_path, Gallery("old", gallery_of("s-9").templates, "0" * 16))
    names = roster(config, "s-1,Ada\ns-2,Bob\n")
    erasure = erase(config, "s-1")
    assert (erasure.gallery, erasure.roster, erasure.failed) == (False, True, [])
    assert names.read_text() == "subject_id,name\ns-2,Bob\n"


def test_the_real_files_behind_links_are_rewritten(config: Config, tmp_path: Path) -> None:
    """Gallery and roster may be links; the links stay, and no file keeps the person."""
    real = tmp_path / "elsewhere"
    real.mkdir()
    config.directory.mkdir()
    save_gallery(real / "faces.npz", gallery_of("s-1", "s-2"))
    config.gallery_path.symlink_to(real / "faces.npz")
    (real / "names.csv").write_text("subject_id,name\ns-1,Ada\ns-2,Bob\n")
    Path(config.state.roster).symlink_to(real / "names.csv")
    assert erase(config, "s-1").gallery
    assert config.gallery_path.is_symlink()
    assert subjects(real / "faces.npz") == ["s-2"]
    assert (real / "names.csv").read_text() == "subject_id,name\ns-2,Bob\n"


def test_partial_files_of_a_power_cut_are_deleted(config: Config) -> None:
    """They may hold the person's templates or name."""
    enrolled(config, "s-1")
    partial = [
        config.directory / ".partial-gallery.npz",
        Path(config.state.roster).with_name(".partial-roster.csv"),
    ]
    for path in partial:
        path.write_text("s-1,Ada")
    erase(config, "s-1")
    assert not any(path.exists() for path in partial)


def test_an_outbox_that_was_not_finished_is_covered(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kiosk that runs may be making it: then it is named; without a kiosk the id leaves it."""
    enrolled(config, "s-1", "s-2")
    new = config.directory / "outbox.sqlite3-new"
    new.write_bytes(b'{"subject_id":"s-1"}')
    running = ServiceStatus(directory="d", pid=1, pid_start=1, started_s=0, written_s=0,
                            version="1", gallery_fault="absent")  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr("kiosk.erasure.erase.read_status", lambda _: running)
        erasure = erase(config, "s-1")
    assert places(erasure) == [new.name]
    assert erase(config, "s-1").aside == 1
    assert new.read_bytes() == b'{"subject_id":"xxx"}'


# Repeating it


def test_an_erasure_can_be_repeated(config: Config) -> None:
    """A second erasure erases what is left, or says that nothing is; it is no error."""
    enrolled(config, "s-1", "s-2")
    erase(config, "s-1")
    names = roster(config, "s-1,Ada\n")
    attend(config, "s-1")
    second = erase(config, "s-1")
    assert (second.was_erased, second.gallery, second.roster) == (True, False, True)
    assert second.attended
    assert names.read_text() == "subject_id,name\n"
    with Outbox(config.outbox_path) as outbox:
        outbox.confirm("register", 1)
        outbox.trim()
    third = erase(config, "s-1")
    assert (third.was_erased, third.is_found, third.failed) == (True, False, [])
    assert holding(config, "s-1") == []


def test_an_unknown_id_is_an_error_and_changes_nothing(config: Config) -> None:
    """A misspelt id erases nobody; the message says where the ids are listed."""
    enrolled(config, "s-1")
    roster(config, "s-1,Ada\n")
    before = config.gallery_path.read_bytes()
    with pytest.raises(GalleryError, match=r"'s-9' is not enrolled.*kiosk gallery list"):
        erase(config, "s-9")
    assert config.gallery_path.read_bytes() == before
    assert not load_erased(config).is_erased("s-9")


def test_a_place_that_fails_does_not_keep_the_others(config: Config) -> None:
    """With a malformed roster the templates go, the roster is named, and a repetition ends it."""
    enrolled(config, "s-1", "s-2")
    names = Path(config.state.roster)
    names.write_text("no header\n")
    first = erase(config, "s-1")
    assert (places(first), first.gallery) == (["roster"], True)
    assert str(names) in first.failed[0].reason
    assert subjects(config.gallery_path) == ["s-2"]
    roster(config, "s-1,Ada\n")
    second = erase(config, "s-1")
    assert (places(second), second.roster) == ([], True)


def test_an_unreadable_old_gallery_is_named(config: Config) -> None:
    """It may hold the person: its key stays until it was deleted; the others are rewritten."""
    enrolled(config, "s-1", "s-2", model_id="other")
    old = Path(people.renew_gallery(config, TODAY).kept)
    enrolled(config, "s-1", "s-2")
    old.write_bytes(b"damaged")
    first = erase(config, "s-1")
    assert (places(first), first.new_key) == ([old.name], False)
    assert "or delete this gallery" in first.failed[0].reason
    assert subjects(config.gallery_path) == ["s-2"]
    old.unlink()
    second = erase(config, "s-1")
    assert (second.failed, second.new_key) == ([], True)
    assert len(Keyring.of(config).path.read_text().split()) == 1


def test_an_erasure_on_a_full_disk_uses_the_reserve(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outbox holds space; without it the failure is named, and the gallery stays whole."""
    enrolled(config, "s-1", "s-2")
    reserve = config.directory / "outbox.sqlite3-reserve"
    reserve.write_bytes(bytes(1000))
    real = os.fsync

    def fsync(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        if name == ".partial-gallery.npz" and (reserve.exists() or is_hopeless):
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    is_hopeless = True
    assert places(erase(config, "s-1")) == ["gallery.npz"]
    assert subjects(config.gallery_path) == ["s-1", "s-2"]
    reserve.write_bytes(bytes(1000))
    is_hopeless = False
    assert erase(config, "s-1").failed == []
    assert subjects(config.gallery_path) == ["s-2"]


def test_a_reader_of_the_outbox_keeps_the_id_in_the_log(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a backup reads, the log is named with the reason; a repetition empties it."""
    monkeypatch.setattr(Outbox.__init__, "__kwdefaults__", {"retention": None, "busy_s": 0.1})
    enrolled(config, "s-1")
    attend(config, "s-1")
    backup = sqlite3.connect(config.outbox_path)
    backup.execute("BEGIN")
    backup.execute("SELECT count(*) FROM events").fetchone()
    first = erase(config, "s-1", events=True)
    assert places(first) == ["outbox.sqlite3-wal"]
    assert "another program reads the outbox" in first.failed[0].reason
    backup.close()
    second = erase(config, "s-1", events=True)
    assert (second.failed, second.was_erased) == ([], True)
    assert holding(config, "s-1") == []


# What lies on the disk


def test_old_key_roster_and_plain_gallery_are_overwritten(config: Config) -> None:
    """Whoever still has the old files open, or reads the raw disk, finds zeros."""
    config.directory.mkdir()
    save_gallery(config.gallery_path, gallery_of("s-1", "s-2"))
    names = roster(config, "s-1,Ada\ns-2,Bob\n")
    partial = names.with_name(".partial-roster.csv")
    partial.write_text("s-1,Ada")
    paths = (config.gallery_path, names, partial)
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("rb")) for path in paths]
        first = erase(config, "s-1")
        assert [set(file.read()) for file in files] == [{0}] * 3
    assert not is_plain(config.gallery_path)
    assert any("not encrypted before" in text for text in first.remains)
    sealed, key = config.gallery_path.read_bytes(), Keyring.of(config).path.open("rb")
    with key:
        second = erase(config, "s-2")
        assert set(key.read()) == {0}
    assert second.new_key
    stolen = config.directory / "stolen.npz"
    stolen.write_bytes(sealed)
    with pytest.raises(GalleryError, match=r"stolen\.npz: cannot be decrypted"):
        load_gallery(stolen, keys=Keyring.of(config))


def test_a_second_name_of_a_plain_gallery_is_named(config: Config) -> None:
    """A hard link keeps the old file, which is not ours to overwrite."""
    config.directory.mkdir()
    save_gallery(config.gallery_path, gallery_of("s-1", "s-2"))
    os.link(config.gallery_path, copy := config.directory / "copy")
    assert any("another name" in text for text in erase(config, "s-1").remains)
    assert subjects(copy) == ["s-1", "s-2"]


# The receipt


def test_the_receipt_names_nobody(config: Config) -> None:
    """It has the time, counts for each place and what was not done; neither id nor name."""
    enrolled(config, "s-secret", "s-2")
    roster(config, "s-secret,Ada Lovelace\nbad\n")
    attend(config, "s-secret")
    receipt = Path(erase(config, "s-secret").receipt)
    facts = json.loads(receipt.read_text())
    assert facts["erased"]["gallery"] == facts["erased"]["deduplication_keys"] == 1
    assert (facts["not_erased"], facts["new_key"]) == (["roster"], True)
    assert facts["running_kiosk"] == "not running"
    assert not any(word in receipt.read_text() for word in ("secret", "Ada", "Lovelace"))
    assert receipt.stat().st_mode & 0o007 == 0


def test_a_failed_receipt_is_a_failure(config: Config) -> None:
    """The person is erased nevertheless."""
    enrolled(config, "s-1", "s-2")
    (config.directory / "erasures").write_text("a file")
    assert places(erase(config, "s-1")) == ["receipt"]
    assert subjects(config.gallery_path) == ["s-2"]


# Side by side


def test_an_erasure_waits_for_another_command(config: Config) -> None:
    """While another command writes, nothing is erased."""
    enrolled(config, "s-1")
    with write_lock(config, "kiosk enrol"):
        process = subprocess.Popen(remove(config, "s-1"), cwd=REPOSITORY, stdout=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.7)
        assert subjects(config.gallery_path) == ["s-1"]
    assert process.wait(60) == 0
    assert subjects(config.gallery_path) == []


def remove(config: Config, subject_id: str) -> list[str]:
    file = config.directory.with_name("kiosk.toml")
    return [sys.executable, "-m", "kiosk", "gallery", "remove", subject_id, "--config", str(file)]


def test_a_folder_that_is_a_file_is_an_error(tmp_path: Path, bundle_path: Path) -> None:
    """A file in the place of the state folder is an error that names it."""
    config = load_config(write_config(tmp_path, bundle_path))
    config.directory.write_text("a file")
    with pytest.raises(GalleryError, match=f"{config.directory}"):
        erase_person(config, "s-1")
