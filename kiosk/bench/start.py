"""Measure a fresh `kiosk run`: how long until it says READY, and how much memory it takes.

It is the real daemon in a process of its own, with a recording for a camera and a broker that is
away: an attendance kiosk must start without one.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from kiosk.config import CameraSection, Config, MqttSection, StateSection
from kiosk.errors import KioskError

STARTS: Final = 3
"""How often it is started; the last one sees the whole recording."""
_READY_S: Final = 180.0
_WATCH_S: Final = 120.0  # of a long recording, that much is enough for the peak
_STOP_S: Final = 60.0
_POLL_S: Final = 0.2


class Start(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fresh process.

    Attributes:
        ready_s: From the start of the process to READY=1, seconds, of each start.
        peak_memory_mib: The most memory it held (``ru_maxrss``), start to end of the recording.
    """

    ready_s: tuple[float, ...]
    peak_memory_mib: float


def measure_start(
    config: Config,
    camera: CameraSection,
    folder: Path,
    progress: Callable[[str], None],
    starts: int = STARTS,
) -> Start:
    """Start the daemon several times.

    Args:
        config: The configuration; camera, broker, timetable and state folder are replaced.
        camera: Replays the recording.
        folder: For the daemon's files; holds ``gallery.npz`` already.
        progress: Told what is being done.
        starts: How often.

    Raises:
        KioskError: The daemon ended, or was not ready in time.
    """
    ready_s, peak_kib = [], 0.0
    with socket.socket() as nobody:
        # Bound and not listening: whoever connects is refused, and nobody else gets the port.
        nobody.bind(("127.0.0.1", 0))
        path = folder / "kiosk.toml"
        port = nobody.getsockname()[1]
        path.write_text(as_toml(_for_bench(config, camera, folder, port)), encoding="utf-8")
        command = [sys.executable, "-m", "kiosk", "run", "--config", str(path)]
        for number in range(1, starts + 1):
            progress(f"fresh process, start {number} of {starts}")
            took_s, peak_kib = _start(command, folder / "run.log", whole=number == starts)
            ready_s.append(took_s)
    return Start(tuple(ready_s), peak_kib / 1024)


def as_toml(config: Config) -> str:
    """Write a configuration without a timetable as a file."""
    lines = []
    for name, table in msgspec.to_builtins(replace(config, lesson=())).items():
        if isinstance(table, dict):
            lines.append(f"[{name}]")
            lines += [
                f"{key} = {_value(value)}" for key, value in table.items() if value is not None
            ]
    return "\n".join([*lines, ""])


def _value(value: object) -> str:
    # JSON's strings, numbers and booleans are TOML's, but for one control character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _for_bench(config: Config, camera: CameraSection, folder: Path, port: int) -> Config:
    return replace(
        config,
        camera=camera,
        mqtt=MqttSection(host="127.0.0.1", port=port),
        state=StateSection(directory=str(folder)),
    )


def _start(command: list[str], log: Path, *, whole: bool) -> tuple[float, float]:
    """Run the daemon once; seconds to READY, and peak memory in KiB."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")  # Linux then chooses a free name in the abstract namespace
        address = "@" + manager.getsockname()[1:].decode()
        with log.open("wb") as errors, _launch(command, address, errors.fileno()) as launcher:
            assert launcher.stdout is not None
            pid, start_s = launcher.stdout.readline().split()
            try:
                ready_s = _wait_until_ready(manager, launcher, log) - float(start_s)
                _wait_for_end(launcher, int(pid), _WATCH_S if whole else 0.0)
                code, peak_kib = launcher.stdout.readline().split()
            finally:
                if launcher.poll() is None:
                    _signal(int(pid), signal.SIGKILL)
    if int(code) != 0:
        raise KioskError(f"`kiosk run` ended with exit code {code}: {_last_line(log)}")
    return ready_s, float(peak_kib)


def _launch(command: list[str], address: str, errors: int) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  # our own interpreter and modules
        [sys.executable, "-m", "kiosk.bench.launch", *command],
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env={**os.environ, "NOTIFY_SOCKET": address},
    )


def _wait_until_ready(manager: socket.socket, launcher: subprocess.Popen[str], log: Path) -> float:
    """Wait for READY=1; the monotonic time at which it came, seconds."""
    manager.settimeout(_POLL_S)
    deadline_s = time.monotonic() + _READY_S
    while time.monotonic() < deadline_s:
        with suppress(TimeoutError):
            if "READY=1" in manager.recv(4096).decode().splitlines():
                return time.monotonic()
        if launcher.poll() is not None:
            raise KioskError(f"`kiosk run` ended before it was ready: {_last_line(log)}")
    raise KioskError(f"`kiosk run` was not ready after {_READY_S:.0f} s: {_last_line(log)}")


def _wait_for_end(launcher: subprocess.Popen[str], pid: int, watch_s: float) -> None:
    """Let the daemon see ``watch_s`` seconds of its recording, then ask it to end."""
    try:
        launcher.wait(watch_s)
    except subprocess.TimeoutExpired:
        _signal(pid, signal.SIGTERM)
        try:
            launcher.wait(_STOP_S)
        except subprocess.TimeoutExpired as exc:
            raise KioskError(f"`kiosk run` did not end within {_STOP_S:.0f} s of SIGTERM") from exc


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it said nothing")
