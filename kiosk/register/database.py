"""Connect Django to the configured database, create the tables, and report its errors as ours.

Call :func:`use_database` before :mod:`kiosk.register.models` is imported.
"""

import fcntl
import os
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import django
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from kiosk.config.private_file import read_password
from kiosk.errors import ConfigError, MissingExtraError, RegisterError
from kiosk.files.presence import is_folder
from kiosk.register import settings as fixed
from kiosk.register.config import URL_FORM, DatabaseSection
from kiosk.register.outage import one_line

AWAY: Final = (OperationalError, InterfaceError)
"""The database cannot be reached, is locked or full: try again, the data are not the reason."""

_KEPT_S: Final = 600
_MIGRATION_LOCK: Final = 0x6B696F736B
"""Number of an advisory lock in PostgreSQL: "kiosk" in ASCII."""
SQLITE_OPTIONS: Final = {
    "timeout": 10,
    # A deferred transaction that begins to write fails at once when another one writes.
    "transaction_mode": "IMMEDIATE",
    # Deleted rows are overwritten, not just unlinked.
    "init_command": (
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON"
    ),
}
_POSTGRESQL: Final = {
    # Notice within seconds that the server is gone.
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    # The server notices within a minute that a register is gone, or stands still, and lets go of
    # its locks; otherwise it would keep them for two hours, and the other instances would wait.
    # Who waits for a lock says so after 10 s, and tries again.
    "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
    " -c tcp_user_timeout=20000 -c idle_in_transaction_session_timeout=60000"
    " -c lock_timeout=10000",
}
"""The URL may say otherwise."""


def use_database(section: DatabaseSection) -> None:
    """Connect to this database from now on; nothing is opened yet.

    Raises:
        ConfigError: The file or URL cannot be used.
        MissingExtraError: PostgreSQL is configured and psycopg is not installed.
    """
    database = _postgresql(section) if section.url else _sqlite(Path(section.path))
    prepare_django()
    connections.close_all()
    connections.settings = connections.configure_settings({"default": database})
    connections["default"] = connections.create_connection("default")


def prepare_django() -> None:
    """Give Django its settings, if it has none, so that the models can be imported."""
    if not settings.configured:
        names = [name for name in vars(fixed) if name.isupper()]
        settings.configure(**{name: getattr(fixed, name) for name in names})
        django.setup()


def migrate() -> None:
    """Create the tables or bring them up to date, and give a new database its identity.

    Of several instances that start together, one does it and the others wait.

    Raises:
        RegisterError: A newer version of the register has changed the tables.
    """
    with _alone():
        executor = MigrationExecutor(connection)
        ahead = set(executor.loader.applied_migrations) - set(executor.loader.graph.nodes)
        if ahead:
            raise RegisterError(
                f"{describe()}: a newer register has changed the tables: install that version"
            )
        call_command("migrate", verbosity=0, interactive=False)
        _ensure_identity()


def keep_connections() -> None:
    """Let each thread keep its connection from one request to the next, and look if it is alive."""
    connections.settings["default"] |= {"CONN_MAX_AGE": _KEPT_S, "CONN_HEALTH_CHECKS": True}


def require_tables() -> None:
    """Check that the tables are there, for commands that only read.

    Raises:
        RegisterError: They are not, or not up to date.
    """
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise RegisterError(f"{describe()}: the tables are not ready: start `kiosk register` first")


def register_id() -> str:
    """Return the identity of this database."""
    from kiosk.register.models import Register  # noqa: PLC0415 - needs the settings

    return Register.objects.get().register_id


def describe() -> str:
    """Return how messages call the database; no password is in it."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(database["NAME"])
    return f"PostgreSQL {database['HOST'] or 'on this machine'}, database {database['NAME']}"


@contextmanager
def explained() -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except DatabaseError as exc:
        raise RegisterError(f"{describe()}: {one_line(exc)}") from exc


def _sqlite(path: Path) -> dict[str, Any]:
    """Return the settings of a SQLite file, which is created for its owner alone."""
    if is_folder(path):  # which SQLite could not open, as if it were away for a time
        raise ConfigError(f"database.path: {path} is a folder, expected a file")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Only a new file: to open and close one that SQLite uses would drop this process's locks.
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as exc:
        message = f"database.path: {path} cannot be written ({exc.strerror})"
        raise ConfigError(message) from exc
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": SQLITE_OPTIONS}


def _postgresql(section: DatabaseSection) -> dict[str, Any]:
    try:
        from psycopg import ProgrammingError, conninfo  # noqa: PLC0415 - an optional dependency
    except ImportError as exc:
        message = "database.url needs psycopg: pip install attendance-kiosk[register]"
        raise MissingExtraError(message) from exc
    try:
        options = {**_POSTGRESQL, **conninfo.conninfo_to_dict(section.url)}
    except ProgrammingError:
        # libpq's text quotes the part that it does not understand, which may be the password.
        raise ConfigError(f"database.url: expected {URL_FORM}") from None
    keys = {"dbname": "NAME", "user": "USER", "host": "HOST", "port": "PORT"}
    database = {key: str(options.pop(name, "")) for name, key in keys.items()}
    password = options.pop("password", "") or read_password(
        "database.password_file", section.password_file
    )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "PASSWORD": password,
        "OPTIONS": options,
        **database,
    }


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _alone() -> Iterator[None]:
    """Keep other instances from migrating at the same time."""
    if connection.vendor == "sqlite":
        # A file beside the database: to close the database's own would drop SQLite's locks.
        path = f"{connection.settings_dict['NAME']}-migrate"
        try:
            lock = _for_owner(path, os.O_WRONLY | os.O_CREAT)
        except OSError as exc:
            message = f"database.path: {path} cannot be written ({exc.strerror})"
            raise ConfigError(message) from exc
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
        return
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")  # a migration takes as long as it takes
        cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATION_LOCK])
            cursor.execute("RESET lock_timeout")


def _ensure_identity() -> None:
    from kiosk.register.models import Register  # noqa: PLC0415 - needs the settings

    if not Register.objects.exists():
        Register.objects.create(
            register_id=str(uuid.uuid4()),
            created_at=datetime.now(UTC),
            secret=secrets.token_urlsafe(48),
            card_key=secrets.token_urlsafe(32),
        )
    Register.objects.filter(secret="").update(secret=secrets.token_urlsafe(48))
    # Any 32 random bytes are a private key of Ed25519 (RFC 8032, 5.1.5).
    Register.objects.filter(card_key="").update(card_key=secrets.token_urlsafe(32))
