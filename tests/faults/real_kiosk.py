"""A whole `kiosk run` with a drawn camera, and what it tells the service manager."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.faults.registers import ROOT

_PATIENCE_S: Final = 60.0


class RealKiosk:
    """`kiosk run` on a state folder; what it logs goes to a file beside its configuration.

    Args:
        folder: Where its configuration is; what it stores is in ``folder / "state"``.
        port: The broker's port.
        more: More lines for the section [mqtt].

    Attributes:
        config: The configuration file.
    """

    def __init__(self, folder: Path, port: int, more: str = "") -> None:
        self.config = folder / "real.toml"
        self._log = folder / "real.log"
        self.config.write_text(
            f'[state]\ndirectory = "{folder}/state"\nroster = "{folder}/roster.csv"\n'
            f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n{more}\n'
            '[camera]\nbackend = "fake-picamera2"\n'
        )

    def command(self, *words: str) -> list[str]:
        """Return a `kiosk` command with this configuration."""
        return [sys.executable, "-m", "kiosk", *words, "--config", str(self.config)]

    @contextmanager
    def running(self, *, umask: int = -1) -> Iterator[str]:
        """Run it; the value is the first state that begins with READY=1.

        Raises:
            TimeoutError: READY does not come.
        """
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = f"kiosk-faults-{os.getpid()}-{time.monotonic_ns()}"
        manager.bind(f"\0{name}")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": f"@{name}"}
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                self.command("run"),
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                umask=umask,
            )
            try:
                with manager:  # closed then, or what nobody reads would make the kiosk wait
                    state = _ready(manager)
                yield state
            finally:
                process.terminate()
                process.wait(_PATIENCE_S)

    def run(self, *words: str, more: Sequence[str] = ()) -> int:
        """Run a command and return its exit code."""
        command = [*self.command(*words), *more]
        with self._log.open("ab") as log:
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            done = subprocess.run(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, check=False
            )
        return done.returncode


def _ready(manager: socket.socket) -> str:
    manager.settimeout(_PATIENCE_S)
    while True:
        state = manager.recv(4096).decode()
        if state.startswith("READY=1"):
            return state
