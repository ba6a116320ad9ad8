"""A real PostgreSQL in a temporary folder, where Debian's package is installed."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import free_port

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
"""Debian keeps each version in a folder of its own, and out of PATH."""


class PostgreSQL:
    """A cluster in a folder of its own, on a port of its own.

    The server refuses to run as root, so root runs it as the user "nobody".
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._programs = PROGRAMS[-1].parent
        self._databases = 0

    def create(self) -> None:
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        self._run("initdb", "-D", str(self.folder / "data"), "-A", "trust", "-U", "register")
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        log = str(self.folder / "log")
        data = str(self.folder / "data")
        self._run("pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop; "immediate" cuts every transaction, as a crash would."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", mode, "stop")

    def database(self) -> str:
        """Create an empty database; return its URL."""
        self._databases += 1
        name = f"register_{self._databases}"
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "register"]
        self._run("createdb", *address, name)
        return f"postgresql://register@127.0.0.1:{self.port}/{name}"

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


@contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """Run a server; not below pytest's own folder, which other users may not enter."""
    with tempfile.TemporaryDirectory(prefix="kiosk-postgresql-") as folder:
        server = PostgreSQL(Path(folder))
        server.create()
        try:
            yield server
        finally:
            server.stop()
