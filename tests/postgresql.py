"""A real PostgreSQL in a temporary folder, where Debian's package is installed."""

import contextlib
import os
import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from tests.mosquitto import free_port

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
"""Debian keeps each version in a folder of its own, and out of PATH."""


class PostgreSQL:
    """A cluster in a folder of its own, on a port of its own.

    The server refuses to run as root, so root runs it as the user "nobody".

    Args:
        folder: An empty folder.
        is_durable: Commits survive a power cut; without, they survive the end of the server, and
            tests are faster.
    """

    def __init__(self, folder: Path, *, is_durable: bool) -> None:
        self.folder = folder
        self._fsync = "on" if is_durable else "off"
        self.port = free_port()
        self._programs = PROGRAMS[-1].parent

    def create(self) -> None:
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        self._run("initdb", "-D", str(self.folder / "data"), "-A", "trust", "-U", "register", "-N")
        self.start()

    def start(self) -> None:
        # Emptying the tables looks through all buffers, and again when that is replayed after a
        # kill: so there are few of them, and a checkpoint now and then.
        settings = (f"fsync={self._fsync}", "shared_buffers=16MB", "checkpoint_timeout=30s")
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        options += "".join(f" -c {setting}" for setting in settings)
        log = str(self.folder / "log")
        data = str(self.folder / "data")
        self._run("pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop; "immediate" cuts every transaction, as a crash would."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """Kill the server and all its processes (SIGKILL), as if memory had run out."""
        first = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in (first, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{first}").exists():  # until init has taken note of its end
            time.sleep(0.05)

    def database(self) -> str:
        """Empty the database; return its URL. To create one for each test would take longer."""
        url = f"postgresql://register@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(url) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return url

    def second_database(self, name: str) -> str:
        """Create a database beside the first; return its URL."""
        url = f"postgresql://register@127.0.0.1:{self.port}/"
        with psycopg.connect(f"{url}postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return url + name

    def _run(self, program: str, *arguments: str) -> None:
        is_root = os.geteuid() == 0
        subprocess.run(
            [self._programs / program, *arguments],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.folder)},
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=60,
            user="nobody" if is_root else None,
            group="nogroup" if is_root else None,
        )


def empty_tables(url: str) -> None:
    """Empty all tables but those that the migrations fill."""
    kept = ("django_migrations", "django_content_type", "auth_permission", "register_register")
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL(%s)",
            [list(kept)],
        )
        tables = [sql.Identifier(name) for (name,) in found]
        connection.execute(
            sql.SQL("TRUNCATE {} RESTART IDENTITY").format(sql.SQL(", ").join(tables))
        )


@contextmanager
def running_postgresql(*, is_durable: bool = False) -> Iterator[PostgreSQL]:
    """Run a server; not below pytest's own folder, which other users may not enter."""
    with tempfile.TemporaryDirectory(prefix="kiosk-postgresql-") as folder:
        server = PostgreSQL(Path(folder), is_durable=is_durable)
        server.create()
        try:
            yield server
        finally:
            server.stop()
