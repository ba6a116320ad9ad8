"""Processes killed, power cut, disks full. Each function makes one, and returns how often."""

import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from tests.faults.disk import Disk, DiskError
from tests.faults.stage import NotPossibleError, Stage

_BAD: Final = (
    ("a", "kiosk/v1/#/room-1/kiosk-1/attendance", b"{}"),
    ("b", "", b"{}"),
    ("c", "kiosk/v1/school/room-1/kiosk-1/attendance", b"\xff\x00"),
    ("d", b"\xff\xfe", b"{}"),
)
"""Event id, topic and payload: a wildcard, no topic, no text, a topic that is no UTF-8."""
_BAD_ROW: Final = "INSERT INTO events (event_id, topic, payload) VALUES (?, ?, ?)"


def kiosk_is_killed(stage: Stage) -> int:
    """Kill the kiosk at random moments while people pass."""
    stage.start()
    times = stage.many(50)
    for _ in range(times):
        stage.kiosk.begin(100_000)
        time.sleep(stage.chance.uniform(0.0, 0.5))
        stage.kiosk.kill()
        stage.kiosk.start()
    return times


def register_is_killed(stage: Stage) -> int:
    """Kill the register at random moments while people pass."""
    stage.start()
    times = stage.many(20)
    for _ in range(times):
        stage.kiosk.begin(100, 50.0)
        time.sleep(stage.chance.uniform(0.2, 2.0))
        stage.register.kill()
        stage.register.start()
        stage.kiosk.finish()
    return times


def database_is_killed(stage: Stage) -> int:
    """Kill the database server while the register stores, and start it again."""
    if stage.server is None:
        raise NotPossibleError("SQLite has no server (--database postgresql)")
    stage.start()
    times = stage.many(20)
    for _ in range(times):
        stage.kiosk.begin(300, 150.0)
        time.sleep(stage.chance.uniform(0.3, 1.8))
        stage.server.kill()
        time.sleep(0.5)
        stage.server.start()
        stage.kiosk.finish()
    return times


def power_is_cut(stage: Stage) -> int:
    """Cut the power of the kiosk's volume at random moments while people pass."""
    try:
        disk = Disk(stage.folder, stage.folder / "state")
    except DiskError as exc:
        raise NotPossibleError(str(exc)) from exc
    stage.at_end.callback(disk.close)
    stage.start()
    times = stage.many(100)
    for _ in range(times):
        stage.kiosk.begin(100_000)
        time.sleep(stage.chance.uniform(0.05, 0.5))
        stage.proxy.forget()
        committed = stage.kiosk.ledger.read_bytes()
        disk.copy()
        stage.kiosk.kill()
        # What came after the cut has not been.
        stage.kiosk.ledger.write_bytes(committed[: committed.rfind(b"\n") + 1])
        disk.power_up()
        stage.kiosk.start()
    return times


def outbox_is_locked(stage: Stage) -> int:
    """Hold a lock on the kiosk's outbox for 10 s while people pass."""
    stage.start()
    stage.kiosk.offer(10)
    with closing(_outbox(stage)) as other:
        other.execute("BEGIN EXCLUSIVE")
        stage.kiosk.begin(stage.many(200), 20.0)
        time.sleep(10.0)
        other.rollback()
    stage.kiosk.finish()
    return 1


def rows_are_bad(stage: Stage) -> int:
    """Put rows into the outbox that cannot be sent, in the midst of others."""
    stage.subscribe_register()
    stage.kiosk.start()
    count = stage.many(200)
    stage.broker.stop()
    for bad in _BAD:
        stage.kiosk.offer(count // len(_BAD))
        stage.kiosk.stop()
        with closing(_outbox(stage)) as other, other:
            other.execute(_BAD_ROW, bad)
        stage.kiosk.start()
    stage.broker.start()
    stage.register.start()
    return len(_BAD)


def _outbox(stage: Stage) -> sqlite3.Connection:
    return sqlite3.connect(stage.folder / "state" / "outbox.sqlite3", isolation_level=None)


def disk_is_full(stage: Stage) -> int:
    """Fill the kiosk's volume of 8 MB, let people pass, free the space later."""
    volume = stage.folder / "state"
    command = ["mount", "-t", "tmpfs", "-o", "size=8M", "tmpfs", str(volume)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        raise NotPossibleError("a small volume cannot be mounted here (root may)")
    try:
        stage.start()
        stage.kiosk.offer(10)
        _fill(volume / "filler")
        stage.register.stop()
        stage.kiosk.offer(stage.many(2000))
        (volume / "filler").unlink()
        stage.register.start()
    finally:
        # Lazily: the kiosk goes on with its files.
        subprocess.run(["umount", "-l", str(volume)], check=False)
    return 1


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as stream:
        for size in (65536, 4096):
            try:
                while True:
                    stream.write(bytes(size))
            except OSError:
                continue
