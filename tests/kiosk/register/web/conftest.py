"""The pages on a SQLite file. What needs a real Chromium is in ``browser``."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connections
from django.test.utils import setup_test_environment, teardown_test_environment

from kiosk.register.accounts.passwords import PasswordHasher
from kiosk.register.config import DatabaseSection, PagesSection, RegisterConfig
from kiosk.register.database import use_database
from kiosk.register.web.application import build_application
from tests.kiosk.register.web.support import School, find_school, make_school
from tests.mosquitto import free_port


@pytest.fixture(scope="session")
def quick_passwords() -> Iterator[None]:
    """Argon2 with its smallest cost: a test signs in several times."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("time_cost", 1), ("memory_cost", 8), ("parallelism", 1)):
            patch.setattr(PasswordHasher, name, value)
        yield


@pytest.fixture(scope="session")
def school_file(empty_file: Path, quick_passwords: None) -> Path:  # noqa: ARG001 - they are in it
    """A database with a small school; tests work on copies of it."""
    path = Path(shutil.copy(empty_file, empty_file.with_name("school.sqlite3")))
    use_database(DatabaseSection(path=str(path)))
    make_school(datetime.now(UTC))
    connections.close_all()
    return path


@pytest.fixture
def database_file(school_file: Path) -> Path:
    """What the test's database is a copy of; a test file that begins with nothing overrides it."""
    return school_file


@pytest.fixture
def config(database_file: Path, tmp_path: Path) -> Iterator[RegisterConfig]:
    """The configuration of the pages, with their database in use."""
    path = Path(shutil.copy(database_file, tmp_path / "register.sqlite3"))
    config = RegisterConfig(
        database=DatabaseSection(path=str(path)), pages=PagesSection(port=free_port())
    )
    use_database(config.database)
    build_application(config)
    yield config
    connections.close_all()


@pytest.fixture
def school(config: RegisterConfig) -> School:  # noqa: ARG001 - its database holds the school
    """The small school."""
    return find_school()


@pytest.fixture(scope="session", autouse=True)
def _pages_tell_their_context() -> Iterator[None]:
    """Django's client has what a template was given."""
    setup_test_environment()
    yield
    teardown_test_environment()
