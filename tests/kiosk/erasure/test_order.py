"""Carrying out an order of the register at a kiosk."""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from kiosk.config.keys import Config, load_config
from kiosk.erasure import erase, order
from kiosk.erasure.galleries import Galleries
from kiosk.erasure.order import carry_out
from kiosk.erasure.outcome import Erasure
from kiosk.errors import GalleryError, ReloadError
from kiosk.gallery.transfer import export_gallery, import_gallery
from kiosk.outbox.outbox import Outbox
from kiosk.people.erased import load_erased, mark_enrolled
from kiosk.people.keyring import Keyring
from kiosk.people.write_lock import write_lock
from kiosk.recognition.gallery import load_gallery
from tests.kiosk.erasure.support import attend, enrolled, holding, places, roster
from tests.support import write_config


@pytest.fixture
def config(tmp_path: Path, bundle_path: Path) -> Config:
    config = load_config(write_config(tmp_path, bundle_path))
    enrolled(config, "s-1", "s-2")
    attend(config, "s-1", "s-2")
    roster(config, "s-1,Ana\ns-2,Ben\n")
    return config


def run(
    config: Config, subject: str = "s-1", consent: int = 7, use: Callable[[], None] = lambda: None
) -> Erasure:
    with Outbox(config.outbox_path) as outbox:
        forget = partial(outbox.forget, events=False)
        return carry_out(config, subject, consent, forget=forget, use_gallery=use)


def enrolled_now(config: Config) -> set[str]:
    return set(load_gallery(config.gallery_path, keys=Keyring.of(config)).templates)


def whys(erasure: Erasure) -> list[str]:
    return [one.why for one in erasure.failed]


def test_the_face_goes_and_the_name_stays(config: Config) -> None:
    """Gallery and attendance lose the person; roster and waiting events keep them."""
    erasure = run(config)
    assert (erasure.gallery, erasure.attended, erasure.failed) == (True, True, [])
    assert enrolled_now(config) == {"s-2"}
    assert "Ana" in Path(config.state.roster).read_text()
    assert erasure.outbox.events_kept == 1
    receipt = Path(erasure.receipt).read_text()
    assert "s-1" not in receipt
    assert "Ana" not in receipt


def test_a_second_time_does_no_harm(config: Config) -> None:
    """The order may come again, also for somebody who was never here."""
    run(config)
    assert run(config).failed == []
    assert run(config, "s-9").failed == []
    assert enrolled_now(config) == {"s-2"}


@pytest.mark.parametrize("subject", ["s-1", "s-9"])
def test_no_file_brings_the_person_back(subject: str, config: Config, tmp_path: Path) -> None:
    """A gallery that was exported before is imported without them, here and at a neighbour."""
    (tmp_path / "other").mkdir()
    other = load_config(write_config(tmp_path / "other", Path(config.model.bundle)))
    enrolled(other, subject, "s-3")
    file = tmp_path / "old.npz"
    export_gallery(other, file)
    run(config, subject)
    assert import_gallery(config, file, may_replace=True).refused == (subject,)
    export_gallery(config, tmp_path / "new.npz")
    assert import_gallery(other, tmp_path / "new.npz", may_replace=True).erased == (subject,)


def test_who_agreed_again_and_was_enrolled_stays(config: Config) -> None:
    """The order that erased them does not count a second time; the next withdrawal does."""
    run(config)
    enrolled(config, "s-1", "s-2")
    mark_enrolled(config, "s-1")  # as `kiosk enrol` does
    assert whys(run(config)) == ["enrolled again"]
    assert enrolled_now(config) == {"s-1", "s-2"}
    assert run(config, consent=9).failed == []
    assert enrolled_now(config) == {"s-2"}


def test_who_was_enrolled_again_and_is_in_no_gallery_is_erased(config: Config) -> None:
    """As when an old gallery was copied back: no face of the new consent is there to keep."""
    run(config)
    mark_enrolled(config, "s-1")
    assert run(config).failed == []


def test_an_enrolment_of_before_does_not_keep_a_face(config: Config) -> None:
    """Whatever the clock says, and although they were erased by hand in the meantime."""
    mark_enrolled(config, "s-1")
    assert run(config).failed == []
    assert enrolled_now(config) == {"s-2"}


def test_a_gallery_that_somebody_writes_is_waited_for(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result says so, and nothing is half done."""
    monkeypatch.setattr(order, "_WAIT_S", 0.0)
    with write_lock(config, "kiosk enrol"):
        assert whys(run(config)) == ["locked"]
    assert enrolled_now(config) == {"s-1", "s-2"}
    assert run(config).failed == []


def test_what_cannot_be_written_is_named_with_a_word(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is not a damaged file."""

    def full(path: Path, *_args: object, **_options: object) -> None:
        raise GalleryError(f"{path}: cannot be written") from OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("kiosk.erasure.galleries.save_gallery", full)
        erasure = run(config)
    assert (places(erasure), whys(erasure)) == (["gallery.npz"], ["disk full"])
    assert not erasure.receipt
    config.gallery_path.write_bytes(config.gallery_path.read_bytes()[:-9])
    assert whys(run(config)) == ["damaged"]


def test_a_kiosk_that_keeps_its_old_gallery_has_not_erased(config: Config) -> None:
    """The order stays open until the frame loop uses the new gallery."""

    def refuse() -> None:
        raise ReloadError("the camera hangs")

    erasure = run(config, use=refuse)
    assert (places(erasure), whys(erasure)) == (["running kiosk"], ["old gallery in use"])
    assert run(config).failed == []


@pytest.mark.parametrize("at", ["save_erased", "_erase_from_outbox", "Galleries.rewrite"])
def test_a_kill_in_the_middle_is_repaired(at: str, config: Config) -> None:
    """Done again after kill -9 at each step, nothing of the person is left but event and name."""
    child = os.fork()
    if not child:
        owner = Galleries if "." in at else erase
        setattr(owner, at.rpartition(".")[2], lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        run(config)
        os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert run(config).failed == []
    assert enrolled_now(config) == {"s-2"}
    mark = load_erased(config).mark_of("s-1")
    assert mark is not None
    assert (mark.is_erased, mark.consent) == (True, 7)
    assert holding(config, "s-1") == ["outbox.sqlite3"]  # the event that waits
