"""A kiosk as a process of its own (:mod:`tests.faults.kiosk_child`)."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.faults.registers import ROOT
from tests.faults.wrong_clock import Setting, set_clock

_START_S: Final = 60.0
_ANSWER_S: Final = 300.0
WEEK_S: Final = 7 * 86_400.0


class KioskProcess:
    """One kiosk; what it logs goes to a file beside its configuration.

    Args:
        folder: Where its files are; what it stores is in ``folder / "state"``.
        port: The broker's port.
        protocol: Version of MQTT.
        wait_s: What is 60 s in a school.
        kept_s: What is a week in a school: how long the kiosk remembers who has passed.

    Attributes:
        ledger: The people whose events are committed.
    """

    def __init__(
        self, folder: Path, port: int, *, protocol: str, wait_s: float, kept_s: float = WEEK_S
    ) -> None:
        self.ledger = folder / "ledger"
        self._kept_s = kept_s
        self._wait_s = wait_s
        self._protocol = protocol
        self._inside: tuple[str, ...] = ()
        self._log = folder / "kiosk.log"
        self._config = folder / "kiosk.toml"
        (folder / "state").mkdir(exist_ok=True)
        self.connect_to("127.0.0.1", port)
        self._process: subprocess.Popen[str] | None = None

    def connect_to(self, host: str, port: int, inside: tuple[str, ...] = ()) -> None:
        """Find the broker there from the next start on.

        Args:
            host: The broker's host.
            port: Its port.
            inside: What the command begins with.
        """
        self._inside = inside
        self._config.write_text(
            f'[state]\ndirectory = "{self._config.parent}/state"\n'
            f'[mqtt]\nhost = "{host}"\nport = {port}\nprotocol = "{self._protocol}"\n'
            "keepalive_s = 5\n"
        )

    def add_to_mqtt(self, lines: str) -> None:
        """Add lines to the section [mqtt], from the next start on."""
        with self._config.open("a") as file:
            file.write(lines)

    def start(self) -> None:
        """Start it, and return when it has opened its outbox."""
        facts = [str(self._config), str(self.ledger), str(self._wait_s), str(self._kept_s)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._inside, sys.executable, "-m", "tests.faults.kiosk_child", *facts],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.state()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def offer(self, count: int, rate: float = 0.0) -> None:
        """Have people pass, so many a second (0: as fast as can be); return when they have."""
        self.begin(count, rate)
        self.finish()

    def begin(self, count: int, rate: float = 0.0) -> None:
        """Have people pass, and return at once."""
        self._order(f"offer {count} {rate}")

    def offer_again(self, count: int) -> None:
        """Have the first people pass again in the same lesson: nobody may be recorded twice."""
        self._order(f"again {count}")
        self.finish()

    def offer_anew(self, count: int) -> None:
        """Have the first people pass again, who must be recorded again."""
        self._order(f"anew {count}")
        self.finish()

    def set_clock(self, setting: Setting) -> None:
        """Set the clock of the kiosk's machine."""
        set_clock(self._config.with_name("clock.json"), setting)

    @property
    def is_busy(self) -> bool:
        """Whether people still pass."""
        assert self._process is not None
        assert self._process.stdout is not None
        return not select.select([self._process.stdout], [], [], 0)[0]

    def finish(self) -> None:
        """Return when the people have passed."""
        self._answer(_ANSWER_S)

    def state(self) -> tuple[int, int]:
        """Return how many events are not confirmed, and how many wait in memory."""
        self._order("state")
        kept, in_memory = self._answer(_START_S).split()
        return int(kept), int(in_memory)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._end(self._process)

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._end(self._process)

    def _end(self, process: subprocess.Popen[str]) -> None:
        process.wait(_START_S)
        assert process.stdout is not None
        process.stdout.close()
        self._process = None

    def _order(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _answer(self, patience_s: float) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], patience_s)
        line = self._process.stdout.readline() if ready else ""
        assert line, f"the kiosk has ended or hangs; see {self._log}"
        return line
