"""Databases for the register: SQLite always, PostgreSQL where Debian's package is installed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

from kiosk.register.config import DatabaseSection
from kiosk.register.database import migrate, prepare_django, use_database
from tests.postgresql import PROGRAMS, PostgreSQL, empty_tables, running_postgresql

prepare_django()  # the test modules import models


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A running PostgreSQL."""
    if not PROGRAMS:
        pytest.skip("PostgreSQL is absent; install the Debian package postgresql")
    with running_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of database."""
    return str(request.param)


@pytest.fixture
def section(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> DatabaseSection:
    """The configuration of a database without tables, of each kind."""
    if kind == "sqlite":
        return DatabaseSection(path=str(tmp_path / "register.sqlite3"))
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return DatabaseSection(url=server.database())


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with tables and nothing else; tests work on copies of it."""
    path = tmp_path_factory.mktemp("register") / "empty.sqlite3"
    _make_tables(DatabaseSection(path=str(path)))
    return path


@pytest.fixture(scope="session")
def ready_url(postgresql: PostgreSQL) -> str:
    """A PostgreSQL database with tables, which tests empty."""
    url = postgresql.second_database("ready")
    _make_tables(DatabaseSection(url=url))
    return url


@pytest.fixture
def database(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[DatabaseSection]:
    """A database with tables, of each kind, that Django is connected to."""
    if kind == "sqlite":
        path = shutil.copy(request.getfixturevalue("empty_file"), tmp_path / "register.sqlite3")
        section = DatabaseSection(path=str(path))
    else:
        section = DatabaseSection(url=request.getfixturevalue("ready_url"))
        empty_tables(section.url)
    use_database(section)
    yield section
    connections.close_all()


def _make_tables(section: DatabaseSection) -> None:
    use_database(section)
    migrate()
    connections.close_all()
