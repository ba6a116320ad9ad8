"""Register, pages and visitors as processes of their own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from kiosk.register.config import DatabaseSection
from tests.faults.registers import ROOT
from tests.mosquitto import Mosquitto, free_port

_PATIENCE_S = 30.0


class Program:
    """A program of this project; it runs from the start on, and logs to a file.

    Args:
        log: The file.
        arguments: The module, and what follows it.
    """

    def __init__(self, log: Path, *arguments: str) -> None:
        self.log = log
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments], cwd=ROOT, env=environment, stderr=file
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def memory_mib(self) -> float:
        """The largest resident memory so far."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    @property
    def cpu_s(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """Ask it to end, and wait for that."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(_PATIENCE_S)


def write_config(folder: Path, broker: Mosquitto, database: DatabaseSection) -> tuple[Path, int]:
    """Write the configuration of register and pages; return it with the port of the pages."""
    where = f'url = "{database.url}"' if database.url else f'path = "{database.path}"'
    port, path = free_port(), folder / "register.toml"
    path.write_text(
        f'[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\n'
        f"[database]\n{where}\n[pages]\nport = {port}\n"
    )
    return path, port
