"""An outbox that is damaged or taken away. Each function makes one, and returns how often."""

import os
import subprocess
import time
from pathlib import Path
from typing import Final

from tests.faults.count import Count
from tests.faults.real_kiosk import RealKiosk
from tests.faults.stage import NotPossibleError, Stage

_PEOPLE: Final = 10
_REMOVED: Final = ("", "-wal", "-shm")


def bits_are_flipped(stage: Stage) -> int:
    """Flip one bit of the database, anywhere in it but in zeros, while the kiosk is off."""
    stage.subscribe_register()
    stage.kiosk.start()
    stage.broker.stop()  # all events are in the file alone
    times = stage.many(20)
    for _ in range(times):
        stage.kiosk.offer(_PEOPLE)
        stage.kiosk.stop()
        _flip_bit(stage, _file(stage))
        stage.kiosk.start()
    return _go_on(stage, times)


def log_is_lost(stage: Stage) -> int:
    """Kill the kiosk; delete its write-ahead log, empty it, cut it, or flip a bit of it."""
    stage.subscribe_register()
    stage.kiosk.start()
    stage.broker.stop()
    times = stage.many(20)
    for number in range(times):
        stage.kiosk.offer(_PEOPLE)
        stage.kiosk.kill()
        _SPOILERS[number % len(_SPOILERS)](stage, _file(stage, "-wal"))
        stage.kiosk.start()
    return _go_on(stage, times)


def outbox_is_deleted(stage: Stage) -> int:
    """Delete the database, or all of its files, while people pass and the register is away."""
    stage.subscribe_register()
    stage.kiosk.start()
    stage.broker.stop()
    times = stage.many(20)
    for number in range(times):
        stage.kiosk.begin(_PEOPLE * 5, 100.0)
        time.sleep(stage.chance.uniform(0.0, 0.4))
        for end in _REMOVED[: 1 + 2 * (number % 2)]:
            _file(stage, end).unlink(missing_ok=True)
        stage.kiosk.finish()
    return _go_on(stage, times)


def outbox_is_read_only(stage: Stage) -> int:
    """Start `kiosk run` on a state folder that cannot be written; READY must say so."""
    stage.start()
    stage.kiosk.offer(_PEOPLE)
    stage.kiosk.stop()
    state = str(stage.folder / "state")
    if subprocess.run(["mount", "--bind", state, state], check=False).returncode:
        raise NotPossibleError("a folder cannot be mounted read-only here (root may)")
    kiosk = RealKiosk(stage.folder, stage.proxy.port)
    times = stage.many(6)
    silent = 0
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", state], check=True)
        for _ in range(times):
            with kiosk.running() as ready:
                silent += "waiting for the disk" not in ready
    finally:
        subprocess.run(["umount", state], check=True)
    stage.beside = Count(0, 0, 0, forbidden=silent)
    stage.kiosk.start()
    stage.kiosk.offer(_PEOPLE)
    return times


def _flip_bit(stage: Stage, file: Path) -> None:
    data = bytearray(file.read_bytes())
    places = [place for place, byte in enumerate(data) if byte]
    data[stage.chance.choice(places)] ^= 1 << stage.chance.randrange(8)
    file.write_bytes(data)


def _delete(_stage: Stage, file: Path) -> None:
    file.unlink()


def _empty(_stage: Stage, file: Path) -> None:
    os.truncate(file, 0)


def _cut(stage: Stage, file: Path) -> None:
    os.truncate(file, stage.chance.randrange(file.stat().st_size))


_SPOILERS: Final = (_delete, _empty, _cut, _flip_bit)


def _file(stage: Stage, end: str = "") -> Path:
    return stage.folder / "state" / f"outbox.sqlite3{end}"


def _go_on(stage: Stage, times: int) -> int:
    """Let people pass, and start broker and register."""
    stage.broker.start()
    stage.register.start()
    stage.kiosk.offer(_PEOPLE)
    return times
