"""Writing an enrolment on a disk that fails, or that a kill stops."""

import errno
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from kiosk.config.keys import Config
from kiosk.enrolment.saving import save_enrolment
from kiosk.errors import ConfigError, GalleryError, RosterError
from kiosk.files.atomic_file import atomic_write
from kiosk.people.erased import ErasedList, load_erased, save_erased
from kiosk.people.keyring import Keyring
from kiosk.people.roster import add_to_roster, load_roster
from kiosk.recognition.gallery import Gallery, load_gallery
from tests.kiosk.gallery.test_manage import MODEL, enrolled
from tests.support_recognition import embedding

ADA, BOB = embedding(0)[None], embedding(61)[None]
NAMES: Final = {"Ada": ADA, "Ada Lovelace": ADA, "Bob": BOB}
WRITES: Final = 7
"""More than a command makes."""


class Disk:
    """Fails from one write on; or at this one alone."""

    def __init__(self, first: int, *, once: bool) -> None:
        self.writes = 0
        self._first, self._once = first, once

    def write(self, *args: Any, **more: Any) -> AbstractContextManager[Path]:  # noqa: ANN401 - passed on
        self.writes += 1
        is_full = self.writes == self._first if self._once else self.writes >= self._first
        return self._fail() if is_full else atomic_write(*args, **more)

    @contextmanager
    def _fail(self) -> Iterator[Path]:
        raise OSError(errno.ENOSPC, "No space left on device")
        yield

    @property
    def has_failed(self) -> bool:
        return self.writes >= self._first


def save(config: Config, face: Any, name: str | None) -> bool:  # noqa: ANN401 - an array
    """Enrol s-1 with a face and a name."""
    before = Gallery(MODEL, {})
    if config.gallery_path.exists():
        before = load_gallery(config.gallery_path)
    former = before.templates.get("s-1")
    is_another = former is not None and not np.array_equal(former, face)
    after = before.with_subject("s-1", face)
    return save_enrolment(config, "s-1", name, before, after, is_another=is_another)


def state(config: Config) -> tuple[bytes, str | None, bool]:
    """The face and the name of s-1, and whether the last that was done is an erasure."""
    path, roster = config.gallery_path, config.roster_path
    assert roster is not None
    faces = load_gallery(path).templates if path.exists() else {}
    name = load_roster(roster).names.get("s-1") if roster.exists() else None
    face = faces["s-1"].tobytes() if "s-1" in faces else b""
    return face, name, load_erased(config).is_erased("s-1")


@pytest.fixture(params=["nobody", "a name alone", "erased", "another", "a face alone", "the same"])
def kiosk(request: pytest.FixtureRequest, config: Config) -> Config:
    """A kiosk on which s-1 is nobody, Ada or somebody who was erased."""
    assert config.roster_path is not None
    enrolled(config, "s-0")
    face = {"another": ADA, "a face alone": ADA, "the same": BOB}.get(request.param)
    if face is not None:
        save(config, face, None)
    if request.param in {"a name alone", "another"}:
        add_to_roster(config.roster_path, "s-1", "Ada")
    if request.param == "erased":
        save_erased(config, ErasedList().with_mark("s-1", 1000, is_erased=True))
    return config


@pytest.mark.parametrize("once", [True, False], ids=["once", "from then on"])
@pytest.mark.parametrize("first", range(1, WRITES))
def test_a_write_that_fails_leaves_nobody_under_a_wrong_name(
    first: int, *, once: bool, kiosk: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the disk takes the old files again, all is as before; a kill is a disk that takes none."""
    before, disk = state(kiosk), Disk(first, once=once)
    for module in ("recognition.gallery", "people.roster", "people.erased", "people.keyring"):
        monkeypatch.setattr(f"kiosk.{module}.atomic_write", disk.write)
    try:
        save(kiosk, BOB, "Bob")
        failed = False
    except (GalleryError, RosterError):
        failed = True
    monkeypatch.undo()
    assert failed == disk.has_failed
    face, name, _ = state(kiosk)
    assert not face or name is None or NAMES[name].tobytes() == face
    if failed and once:
        assert state(kiosk) == before
    if not failed:
        assert (face, name) == (BOB.tobytes(), "Bob")


def test_an_interrupted_enrolment_is_undone(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between gallery and roster leaves the former person."""
    enrolled(config, "s-0")
    save(config, ADA, "Ada")
    before = state(config)

    def interrupt(*_: object, **__: object) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr("kiosk.enrolment.saving.add_to_roster", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(config, BOB, "Bob")
    assert state(config) == before


def test_an_empty_name_changes_nothing(config: Config) -> None:
    """The former person and name stay, and a missing name of a replaced person is asked for."""
    enrolled(config, "s-0")
    save(config, ADA, "Ada")
    before = state(config)
    with pytest.raises(RosterError, match="name is empty"):
        save(config, BOB, " ")
    with pytest.raises(ConfigError, match="give the new name"):
        save(config, BOB, None)
    assert state(config) == before


def test_a_name_of_the_same_face_is_replaced(config: Config) -> None:
    """The outcome tells whether another name was there."""
    enrolled(config, "s-0")
    assert not save(config, ADA, "Ada")
    assert not save(config, ADA, " Ada ")
    assert save(config, ADA, "Ada Lovelace")
    assert state(config)[1] == "Ada Lovelace"


def test_an_enrolled_face_cannot_be_read_without_the_key(config: Config) -> None:
    """A gallery that was plain is encrypted by the next enrolment."""
    enrolled(config, "s-0")
    save(config, ADA, None)
    Keyring.of(config).path.unlink(missing_ok=True)
    with pytest.raises(GalleryError, match=r"encrypted, and its key .* is absent"):
        load_gallery(config.gallery_path)
