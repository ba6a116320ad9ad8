"""Connecting to the database, its tables, and its errors."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder

from kiosk.errors import ConfigError, RegisterError
from kiosk.register.config import DatabaseSection
from kiosk.register.database import (
    describe,
    explained,
    migrate,
    register_id,
    require_tables,
    use_database,
)
from kiosk.register.models import Event, Register
from tests.postgresql import PostgreSQL
from tests.support import close_folder


@pytest.mark.usefixtures("database")
def test_the_migrations_make_the_tables_of_the_models() -> None:
    """No model was changed without a migration."""
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())


def test_instances_that_start_together_make_the_tables_once(section: DatabaseSection) -> None:
    """One of them migrates while the others wait; all share one identity."""
    use_database(section)

    def start() -> str:
        try:
            migrate()
            return register_id()
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as pool:
        found = {one.result() for one in [pool.submit(start) for _ in range(3)]}
    assert len(found) == 1


@pytest.mark.usefixtures("database")
def test_the_identity_of_a_database_stays() -> None:
    """Kiosks can tell a new register from a restarted one."""
    before = register_id()
    migrate()
    assert register_id() == before
    assert Register.objects.count() == 1


@pytest.mark.usefixtures("database")
def test_tables_of_a_newer_register_are_left_alone() -> None:
    """An old program would not know what to write into them."""
    MigrationRecorder(connection).record_applied("register", "9999_later")
    with pytest.raises(RegisterError, match="a newer register"):
        migrate()


def test_a_database_without_tables_is_explained(section: DatabaseSection) -> None:
    """The message says what to start first."""
    use_database(section)
    with pytest.raises(RegisterError, match="start `kiosk register` first"):
        require_tables()
    with pytest.raises(RegisterError), explained():
        Event.objects.count()
    connections.close_all()


def test_a_sqlite_database_is_durable_and_private(tmp_path: Path) -> None:
    """A commit reaches the disk, and nobody else may read names."""
    path = tmp_path / "new" / "register.sqlite3"
    use_database(DatabaseSection(path=str(path)))
    migrate()
    with connection.cursor() as cursor:
        settings = [
            cursor.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous")
        ]
    connections.close_all()
    assert settings == ["wal", 2]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_register_that_stands_still_keeps_no_locks(postgresql: PostgreSQL) -> None:
    """PostgreSQL ends its transaction within a minute; nobody waits for a lock without a word."""
    use_database(DatabaseSection(url=postgresql.database()))
    names = ("idle_in_transaction_session_timeout", "lock_timeout", "tcp_keepalives_idle")
    migrate()  # which may wait for longer
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(["SELECT current_setting(%s)"] * len(names)), names)
        assert [value for (value,) in cursor.fetchall()] == ["1min", "10s", "10"]
    connection.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The message names the key and the file."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"database.path: .*/file/r.sqlite3 cannot be written"):
        use_database(DatabaseSection(path=str(tmp_path / "file" / "r.sqlite3")))


def test_a_url_and_a_password_file_are_read(tmp_path: Path) -> None:
    """The password is in no message."""
    (tmp_path / "password").write_text("secret\n")
    section = DatabaseSection(
        url="postgresql://me@host.example:5433/school?sslmode=require",
        password_file=str(tmp_path / "password"),
    )
    use_database(section)
    settings = connection.settings_dict
    assert (settings["HOST"], settings["PORT"], settings["USER"]) == ("host.example", "5433", "me")
    assert (settings["PASSWORD"], settings["OPTIONS"]["sslmode"]) == ("secret", "require")
    assert describe() == "PostgreSQL host.example, database school"


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (DatabaseSection(url="postgresql://h/d?nonsense=1"), "database.url: "),
        (DatabaseSection(url="postgresql://h/d", password_file="/no/file"), "password_file: "),
    ],
)
def test_a_url_that_cannot_be_used_is_named(section: DatabaseSection, message: str) -> None:
    """A mistake in the URL is found at the start."""
    with pytest.raises(ConfigError, match=message):
        use_database(section)


def test_a_closed_folder_of_a_database_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock beside the database, which this user may not make, is an error of the key."""
    use_database(DatabaseSection(path=str(tmp_path / "in/register.sqlite3")))
    close_folder(monkeypatch, tmp_path / "in")
    with pytest.raises(ConfigError, match=r"database\.path: .*-migrate cannot be written \(Perm"):
        migrate()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    """The register does not wait for a folder to become a file."""
    with pytest.raises(ConfigError, match=rf"database\.path: {tmp_path} is a folder, expected a"):
        use_database(DatabaseSection(path=str(tmp_path)))


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_the_registers_files_are_for_its_user_alone(tmp_path: Path, umask: int) -> None:
    """The folder is 0700 and every file in it 0600, whatever the umask."""
    before = os.umask(umask)
    try:
        use_database(DatabaseSection(path=str(tmp_path / "state" / "register.sqlite3")))
        migrate()
        found = {one.name: one.stat().st_mode & 0o777 for one in (tmp_path / "state").iterdir()}
    finally:
        os.umask(before)
        connections.close_all()
    assert len(found) >= 2
    assert set(found.values()) == {0o600}
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
