"""Databases for the register: SQLite always, PostgreSQL where Debian's package is installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

from kiosk.register.config import DatabaseSection
from kiosk.register.database import migrate, prepare_django, use_database
from tests.postgresql import PROGRAMS, PostgreSQL, running_postgresql

prepare_django()  # the test modules import models


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A running PostgreSQL."""
    if not PROGRAMS:
        pytest.skip("PostgreSQL is absent; install the Debian package postgresql")
    with running_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def section(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseSection:
    """The configuration of an empty database of each kind."""
    if request.param == "sqlite":
        return DatabaseSection(path=str(tmp_path / "register.sqlite3"))
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return DatabaseSection(url=server.database())


@pytest.fixture
def database(section: DatabaseSection) -> Iterator[DatabaseSection]:
    """A database with tables, of each kind, that Django is connected to."""
    use_database(section)
    migrate()
    yield section
    connections.close_all()
