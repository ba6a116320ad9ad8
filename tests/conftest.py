"""The fixtures of all tests, and the marks that follow from a fixture.

pytest imports this module at every start. So it imports neither OpenCV, numpy, paho nor hypothesis
at its top: a fixture imports what it needs.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kiosk.config.keys import Config, load_config
from tests.support import write_config

if TYPE_CHECKING:
    from tests.mosquitto import Mosquitto

Configure = Callable[..., Config]


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Give hypothesis no deadline, before the import of a test module that uses it."""
    if isinstance(collector, pytest.Module) and "hypothesis" in collector.path.read_text("utf-8"):
        from hypothesis import settings  # takes longer than the rest of the start

        settings.register_profile("untimed", deadline=None)  # the time of an example proves nothing
        settings.load_profile("untimed")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remove hypothesis' plugin when no test uses it: its summary would import hypothesis."""
    plugins = session.config.pluginmanager
    if "hypothesis" not in sys.modules and plugins.has_plugin("hypothesispytest"):
        plugins.unregister(name="hypothesispytest")


@pytest.hookimpl(tryfirst=True)  # before ``-m`` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test that needs Mosquitto or Chromium, by the fixture that it asks for."""
    marks = {"mosquitto": pytest.mark.broker, "browser": pytest.mark.browser}
    for item in items:
        for fixture in marks.keys() & {*getattr(item, "fixturenames", ())}:
            item.add_marker(marks[fixture])


@pytest.fixture
def mosquitto(tmp_path: Path) -> "Iterator[Mosquitto]":
    """Start a Mosquitto that asks for no password and keeps nothing when it ends."""
    from tests.mosquitto import Mosquitto, absent

    if reason := absent():
        pytest.skip(reason)
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    yield broker
    broker.close()


@pytest.fixture(scope="session")
def bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Write the bundle of a real, small model."""
    from kiosk.recognition import model_trial
    from kiosk.recognition.bundle import write_bundle
    from tests.support_recognition import small_bundle

    path = tmp_path_factory.mktemp("model") / "small.kiosk-model"
    write_bundle(path, small_bundle())
    with pytest.MonkeyPatch.context() as patch:  # else most tests would start a child process
        patch.setattr(model_trial, "SHIPPED", model_trial.SHIPPED | {small_bundle().card.sha256})
        yield path


@pytest.fixture
def configure(bundle_path: Path, tmp_path: Path) -> Configure:
    """Return a function that reads a configuration in the test's folder, with more TOML."""
    return lambda extra="": load_config(write_config(tmp_path, bundle_path, extra))


@pytest.fixture
def config(configure: Configure) -> Config:
    return configure()
