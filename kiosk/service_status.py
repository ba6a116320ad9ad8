"""What the running service says about itself, in a small file for commands on the same machine.

The daemon replaces the file every few seconds and at each change. ``kiosk status``, ``kiosk check``
and ``kiosk reload`` read it; no broker is needed. It holds no name and no subject id.
"""

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from kiosk.config.keys import Config
from kiosk.counted import counted, counted_people
from kiosk.decoder import decoder_of
from kiosk.files.bounded_file import read_file

FRESH_S: Final = 20.0
"""The daemon writes every 5 s; a read from a camera may take 3 s."""
_BYTES_MAX: Final = 100_000
_NAME: Final = "status.json"
_RUNTIME: Final = Path("/run/kiosk")
"""systemd's ``RuntimeDirectory=kiosk``: in memory, so a write does not wear the card."""


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
        pid_start: When the process began (:func:`pid_start`): another process with its number, also
            after a reboot, began at another time. The boot id would not do, since a container shows
            two: one within the service's sandbox, and one outside.
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
        oldest_waiting_s: How long the oldest of them has waited for a register that has confirmed
            events before, seconds; ``None`` if none does, or that is not known.
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
    pid_start: int
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
    oldest_waiting_s: int | None = None
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
    enrolled = f"{counted_people(status.people)} enrolled"
    parts = (
        f"waiting for a gallery: {status.gallery_fault}" if status.gallery_fault else enrolled,
        f"camera {status.camera}" + _because(status.camera_fault),
        "broker " + (f"away: {status.broker_fault}" if status.broker_fault else "connected"),
        f"{counted(status.waiting, 'event')} waiting" + _because(status.outbox_fault),
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

    It need not survive a power cut, so nothing waits for the disk. On a full disk there is no room
    for a second file: then the old one is overwritten, or the daemon would seem to hang.
    """
    partial, content = path.with_name(f".{path.name}"), msgspec.json.encode(status)
    try:
        partial.touch(0o640)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError), path.open("r+b", buffering=0) as file:
            file.write(content)
            file.truncate()


def remove_status(path: Path) -> None:
    """Remove the file when the daemon ends."""
    with contextlib.suppress(OSError):
        path.unlink()


def read_status(config: Config) -> ServiceStatus | None:
    """Return the status of the running service with this configuration.

    Returns:
        ``None`` if no such process runs. A process that hangs has an old :attr:`written_s`.

    Raises:
        PermissionError: This account may not look into the state folder, so nothing is known.
    """
    for folder in (_RUNTIME, config.directory):
        try:
            status = decoder_of(ServiceStatus).decode(read_file(folder / _NAME, _BYTES_MAX))
        except PermissionError:
            if folder == config.directory:
                raise
            continue  # of the service of another configuration, perhaps
        except (OSError, msgspec.DecodeError, ValueError, RecursionError):
            continue
        if (
            status.directory == str(config.directory.absolute())
            and pid_start(status.pid) == status.pid_start
        ):
            return status
    return None


def age_s(status: ServiceStatus) -> float:
    """Return how long ago a status was written, seconds."""
    return max(0.0, time.monotonic() - status.written_s)


def pid_start(pid: int) -> int:
    """Return when a process began, in ticks of the kernel since the boot; 0 if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[19])  # the name of the program, in parentheses, may hold blanks
    except (OSError, ValueError, IndexError):
        return 0
