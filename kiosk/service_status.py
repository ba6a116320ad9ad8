"""What the running service says about itself, in a small file for commands on the same machine.

The daemon replaces the file every few seconds and at each change. ``kiosk status``, ``kiosk check``
and ``kiosk reload`` read it; no broker is needed. It holds no name and no subject id.
"""

import contextlib
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from kiosk.bounded_file import read_file
from kiosk.config import Config

FRESH_S: Final = 20.0
"""The daemon writes every 5 s; a read from a camera may take 3 s."""
_BYTES_MAX: Final = 100_000
_NAME: Final = "status.json"
_RUNTIME: Final = Path("/run/kiosk")
"""systemd's ``RuntimeDirectory=kiosk``: in memory, so a write does not wear the card."""
_TICK_S: Final = 1.0
"""The start of a process is known to a hundredth of a second; this forgives more."""
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Reload(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a reload (SIGHUP).

    Attributes:
        number: Counts the reloads since the start.
        started_s: When the daemon began to read the files, monotonic seconds.
        error: Why the old gallery, thresholds and timetable stay in force; empty after a success.
    """

    number: int
    started_s: float
    error: str = ""


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the daemon. Each ``*_fault`` says what is wrong and what to do, or is empty.

    Attributes:
        directory: ``state.directory``, by which a reader knows that this is its kiosk.
        pid: The process.
        boot_id: The boot of the machine, which the monotonic times belong to.
        started_s: When the daemon started, monotonic seconds.
        written_s: When this was written, monotonic seconds.
        version: Version of the software.
        model_id: The face recogniser.
        people: How many people are enrolled.
        gallery_fault: Of the gallery.
        camera: As in the health message (:mod:`kiosk.protocol.health`).
        camera_fault: Of the camera.
        last_frame_s: When the newest frame was processed, monotonic seconds.
        broker: What the broker is called; empty while the daemon does not connect yet.
        broker_fault: Of the connection.
        waiting: Events that no register has confirmed.
        undelivered: Those of them that the broker has not acknowledged.
        in_memory: Events that could not be stored yet.
        outbox_fault: Of the outbox or its disk.
        faces_seen: Faces in frames since the start.
        faces_refused: How many of them could not vote, by reason.
        refusal: Why most faces of the last minute were refused; empty if they were not.
        clock: "synchronised" or "unsynchronised".
        signals_fault: Of lights, buzzer and button at the door.
        clock_off_s: As in the health message.
        restart_keys: Keys of the configuration whose change needs a restart.
        reload: The last reload.
    """

    directory: str
    pid: int
    boot_id: str
    started_s: float
    written_s: float
    version: str
    model_id: str = ""
    people: int = 0
    gallery_fault: str = ""
    camera: str = "starting"
    camera_fault: str = ""
    last_frame_s: float | None = None
    broker: str = ""
    broker_fault: str = ""
    waiting: int = 0
    undelivered: int = 0
    in_memory: int = 0
    outbox_fault: str = ""
    faces_seen: int = 0
    faces_refused: dict[str, int] = {}
    refusal: str = ""
    clock: str = "unsynchronised"
    signals_fault: str = ""
    clock_off_s: float | None = None
    restart_keys: tuple[str, ...] = ()
    reload: Reload | None = None


def summary(status: ServiceStatus) -> str:
    """Return the line for ``systemctl status``."""
    if status.outbox_fault and not status.model_id:
        return f"waiting for the disk: {status.outbox_fault}"
    people = f"{status.people} people enrolled"
    parts = (
        f"waiting for a gallery: {status.gallery_fault}" if status.gallery_fault else people,
        f"camera {status.camera}" + _because(status.camera_fault),
        "broker " + (f"away: {status.broker_fault}" if status.broker_fault else "connected"),
        f"{status.waiting} events waiting" + _because(status.outbox_fault),
        status.refusal,
        f"no lights at the door: {status.signals_fault}" if status.signals_fault else "",
        "" if status.clock_off_s is None else f"clock off by {status.clock_off_s:.0f} s",
    )
    return "; ".join(part for part in parts if part)


def _because(fault: str) -> str:
    return f": {fault}" if fault else ""


def status_path(config: Config, environment: Mapping[str, str]) -> Path:
    """Return where the daemon writes its status: in systemd's runtime folder, if there is one."""
    folder = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return (Path(folder) if folder else config.directory) / _NAME


def write_status(path: Path, status: ServiceStatus) -> None:
    """Replace the file; a disk that cannot be written does not stop the daemon.

    It need not survive a power cut, so nothing waits for the disk.
    """
    partial = path.with_name(f".{path.name}")
    with contextlib.suppress(OSError):
        partial.touch(0o640)
        partial.write_bytes(msgspec.json.encode(status))
        partial.replace(path)


def remove_status(path: Path) -> None:
    """Remove the file when the daemon ends."""
    with contextlib.suppress(OSError):
        path.unlink()


def read_status(config: Config) -> ServiceStatus | None:
    """Return the status of the running service with this configuration.

    Returns:
        ``None`` if no such process runs. A process that hangs has an old :attr:`written_s`.
    """
    for folder in (_RUNTIME, config.directory):
        try:
            status = msgspec.json.decode(read_file(folder / _NAME, _BYTES_MAX), type=ServiceStatus)
        except (OSError, msgspec.DecodeError, ValueError, RecursionError):
            continue
        if status.directory == str(config.directory.absolute()) and _is_alive(status):
            return status
    return None


def age_s(status: ServiceStatus) -> float:
    """Return how long ago a status was written, seconds."""
    return max(0.0, time.monotonic() - status.written_s)


def _is_alive(status: ServiceStatus) -> bool:
    """Return whether the process that wrote it still exists.

    Its number means another one after a reboot, and may mean another one after its end.
    """
    try:
        if _BOOT_ID.read_text(encoding="ascii").strip() != status.boot_id:
            return False
        os.kill(status.pid, 0)
    except PermissionError:  # another user's
        pass
    except OSError:
        return False
    return _process_age_s(status.pid) >= age_s(status) - _TICK_S


def _process_age_s(pid: int) -> float:
    """Return for how long a process has been running, seconds; infinity if that is hidden."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return math.inf
    started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # proc_pid_stat(5), after the name
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started_s
