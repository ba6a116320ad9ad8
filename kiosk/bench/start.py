"""Measure a fresh `kiosk run`: the time until it is READY, and its peak memory.

It is the real daemon in its own process, with a recording instead of a camera and an unreachable
broker: an attendance kiosk must start without one.
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

from kiosk.config.keys import CameraSection, Config, StateSection
from kiosk.config.mqtt import KioskMqttSection
from kiosk.errors import KioskError

STARTS: Final = 3
"""Number of fresh processes; the last one replays the complete recording."""
_READY_S: Final = 180.0
_REPLAY_S: Final = 120.0  # part of a long recording that is enough to reach the peak
_STOP_S: Final = 60.0
_POLL_S: Final = 0.2


class StartFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Start-up time and memory of a fresh process.

    Attributes:
        ready_s: Time from the start of the process to READY=1, seconds, for each start.
        peak_memory_mib: Peak memory (``ru_maxrss``) until the end of the recording, MiB.
    """

    ready_s: tuple[float, ...]
    peak_memory_mib: float


def measure_start(
    config: Config,
    camera: CameraSection,
    folder: Path,
    progress: Callable[[str], None],
    starts: int = STARTS,
) -> StartFigures:
    """Start the daemon several times.

    Args:
        config: The configuration; camera, broker, timetable and state folder are replaced.
        camera: Replays the recording.
        folder: Folder for the daemon's files; it contains ``gallery.npz``.
        progress: Receives a line about each start.
        starts: Number of starts.

    Raises:
        KioskError: The daemon ended, or was not ready in time.
    """
    ready_s, peak_kib = [], 0.0
    with socket.socket() as closed:
        # Bound but not listening: connections are refused, and no other process gets the port.
        closed.bind(("127.0.0.1", 0))
        path = folder / "kiosk.toml"
        port = closed.getsockname()[1]
        path.write_text(as_toml(_for_bench(config, camera, folder, port)), encoding="utf-8")
        command = [sys.executable, "-m", "kiosk", "run", "--config", str(path)]
        for number in range(1, starts + 1):
            progress(f"fresh process, start {number} of {starts}")
            took_s, peak_kib = _start(command, folder / "run.log", to_end=number == starts)
            ready_s.append(took_s)
    return StartFigures(tuple(ready_s), peak_kib / 1024)


def as_toml(config: Config) -> str:
    """Return a configuration as TOML, without its timetable."""
    lines = []
    for name, table in msgspec.to_builtins(replace(config, lesson=())).items():
        if isinstance(table, dict):
            lines.append(f"[{name}]")
            lines += [
                f"{key} = {_value(value)}" for key, value in table.items() if value is not None
            ]
    return "\n".join([*lines, ""])


def _value(value: object) -> str:
    # Strings, numbers and booleans are the same in JSON and TOML, except one control character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _for_bench(config: Config, camera: CameraSection, folder: Path, port: int) -> Config:
    return replace(
        config,
        camera=camera,
        mqtt=KioskMqttSection(host="127.0.0.1", port=port),
        state=StateSection(directory=str(folder)),
    )


def _start(command: list[str], log: Path, *, to_end: bool) -> tuple[float, float]:
    """Run the daemon once; return the seconds to READY, and the peak memory in KiB."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")  # Linux chooses a free name in the abstract namespace
        address = "@" + manager.getsockname()[1:].decode()
        with log.open("wb") as errors, _launch(command, address, errors.fileno()) as launcher:
            assert launcher.stdout is not None
            pid, start_s = launcher.stdout.readline().split()
            try:
                ready_s = _wait_until_ready(manager, launcher, log) - float(start_s)
                _wait_for_end(launcher, int(pid), _REPLAY_S if to_end else 0.0)
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
    """Wait for READY=1; return the monotonic time of its arrival, seconds."""
    manager.settimeout(_POLL_S)
    deadline_s = time.monotonic() + _READY_S
    while time.monotonic() < deadline_s:
        with suppress(TimeoutError):
            if "READY=1" in manager.recv(4096).decode().splitlines():
                return time.monotonic()
        if launcher.poll() is not None:
            raise KioskError(f"`kiosk run` ended before it was ready: {_last_line(log)}")
    raise KioskError(f"`kiosk run` was not ready after {_READY_S:.0f} s: {_last_line(log)}")


def _wait_for_end(launcher: subprocess.Popen[str], pid: int, replay_s: float) -> None:
    """Let the daemon replay for up to ``replay_s`` seconds, then stop it with SIGTERM."""
    try:
        launcher.wait(replay_s)
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
    return next((line for line in reversed(lines) if line.strip()), "it printed nothing")
