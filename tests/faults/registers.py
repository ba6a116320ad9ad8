"""Registers as processes of their own."""

import os
import queue
import signal
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kiosk.protocol.topics import CONFIRMED, HEALTH, KioskAddress
from kiosk.register.config import DatabaseSection
from tests.faults.doors import PATIENCE_S
from tests.kiosk.register.support import health
from tests.mosquitto import Mosquitto

_START_S: Final = 120.0
"""Libraries and tables take a while where other programs use the processor."""
ROOT = Path(__file__).parents[2]


class RegisterProcess:
    """One instance; what it logs goes to a file beside its configuration.

    Args:
        folder: Where its files are.
        name: The name of the instance.
        broker: The broker.
        database: The database, which instances may share.
        with_marks: Run the marker, too, as a school does.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        broker: Mosquitto,
        database: DatabaseSection,
        *,
        with_marks: bool = True,
    ) -> None:
        where = f'url = "{database.url}"' if database.url else f'path = "{database.path}"'
        self.name = name
        self.log = folder / f"{name}.log"
        self._config = folder / f"{name}.toml"
        self._config.write_text(
            f'[register]\nid = "{name}"\n'
            f'[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\n'
            f"[database]\n{where}\n[ingest]\nretry_max_s = 1.0\n"
        )
        program = ["kiosk", "register"] if with_marks else ["tests.faults.register_without_marks"]
        self._command = [sys.executable, "-m", *program, "--config", str(self._config)]
        self._process: subprocess.Popen[bytes] | None = None

    def add_to_mqtt(self, lines: str) -> None:
        """Add lines to the section [mqtt], from the next start on."""
        text = self._config.read_text()
        self._config.write_text(text.replace("[mqtt]\n", f"[mqtt]\n{lines}", 1))

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=log,  # not ours, which may be a pipe that somebody reads to its end
                stderr=log,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def check(self) -> None:
        """Raise if it has ended by itself."""
        assert self._process is not None
        code = self._process.poll()
        assert code is None, f"{self.name} has ended ({code}): {self.log.read_text()[-2000:]}"

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                raise
            finally:
                self._process = None


def subscribe_all(registers: Sequence[RegisterProcess], broker: Mosquitto) -> None:
    """Start each until it has subscribed, so that the broker keeps messages for it from then on.

    A retained health message is confirmed only after the subscription.
    """
    for register in registers:
        probe = KioskAddress(site="probe", room="probe", kiosk=register.name)
        listener = broker.listen(probe.topic(CONFIRMED))
        payload = health(0, str(uuid.uuid4())).payload
        listener.client.publish(probe.topic(HEALTH), payload, qos=1, retain=True)
        register.start()
        try:
            listener.next(_START_S)
        except queue.Empty:
            register.check()
            raise TimeoutError(f"{register.name} has not subscribed; see {register.log}") from None
        finally:  # or it would go on without anybody who ends it
            register.stop()
