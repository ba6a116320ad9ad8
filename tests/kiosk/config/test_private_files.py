"""What lies in the state folder is for its owner, whatever the umask."""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kiosk.config.keys import Config
from kiosk.config.private_file import make_directory
from kiosk.daemon.wiring import build_daemon
from kiosk.people.roster import add_to_roster
from kiosk.people.write_lock import write_lock
from kiosk.recognition.gallery import Gallery, save_gallery
from tests.conftest import Configure
from tests.support_recognition import embedding, small_bundle


@pytest.fixture
def config(configure: Configure) -> Config:
    return configure('[mqtt]\nhost = "127.0.0.1"\n')


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_the_kiosks_files_are_for_the_service_alone(config: Config) -> None:
    """The folder is 0700; outbox, gallery, roster, locks and keys are 0600, or 0640 at most."""
    make_directory(config)
    people = {"s-1": embedding(1)[None]}
    with write_lock(config, "kiosk enrol"):
        save_gallery(config.gallery_path, Gallery(small_bundle().card.model_id, people))
    assert config.roster_path is not None
    add_to_roster(config.roster_path, "s-1", "Ada")
    with ExitStack() as stack:
        build_daemon(config, stack)
        files = {one.name: mode(one) for one in (*config.directory.iterdir(), config.roster_path)}
    assert {"outbox.sqlite3", "outbox.sqlite3-wal", "gallery.npz", "roster.csv"} <= files.keys()
    assert {name: one for name, one in files.items() if one not in {0o600, 0o640}} == {}
    assert mode(config.directory) == 0o700
