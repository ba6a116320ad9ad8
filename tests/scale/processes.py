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
        """The largest resident memory so far, its processes together."""
        status = [(one / "status").read_text() for one in self._processes()]
        return sum(int(one.split("VmHWM:")[1].split()[0]) for one in status) / 1024

    @property
    def cpu_s(self) -> float:
        """Processor time so far, its processes together."""
        stats = [(one / "stat").read_text().rpartition(")")[2].split() for one in self._processes()]
        return sum(int(one[11]) + int(one[12]) for one in stats) / os.sysconf("SC_CLK_TCK")

    def _processes(self) -> list[Path]:
        own = self._process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return [Path("/proc", one) for one in (str(own), *children)]

    def stop(self) -> None:
        """Ask it to end, and wait for that."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(_PATIENCE_S)


def write_config(
    folder: Path, broker: Mosquitto, database: DatabaseSection, processes: int
) -> tuple[Path, int]:
    """Write the configuration of register and pages; return it with the port of the pages."""
    where = f'url = "{database.url}"' if database.url else f'path = "{database.path}"'
    port, path = free_port(), folder / "register.toml"
    path.write_text(
        f'[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\n'
        f"[database]\n{where}\n[pages]\nport = {port}\nprocesses = {processes}\n"
    )
    return path, port
