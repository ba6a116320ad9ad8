"""The faults. Each function makes one happen on a stage, and returns how often it did."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.stage import Stage


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the table.

    Attributes:
        text: What happens.
        happen: Makes it happen.
        protocol: Version of MQTT that the kiosk speaks.
    """

    text: str
    happen: Callable[[Stage], int]
    protocol: str = "5"


def nobody_subscribes(stage: Stage) -> int:
    """Let people pass before any register has ever subscribed."""
    stage.kiosk.start()
    stage.kiosk.offer(stage.many(500))
    time.sleep(1.0)  # the broker has answered
    stage.register.start()
    return 1


def register_is_away(stage: Stage) -> int:
    """Let three times as many people pass as the broker keeps messages."""
    stage.subscribe_register()
    stage.kiosk.start()
    stage.kiosk.offer(stage.many(3000))
    time.sleep(1.0)
    stage.register.start()
    return 1


def register_is_slow(stage: Stage) -> int:
    """Stop the register for 99 % of the time while people pass."""
    stage.start()
    stage.kiosk.begin(stage.many(3000))
    while stage.kiosk.is_busy:
        os.kill(stage.register.pid, signal.SIGSTOP)
        time.sleep(0.99)
        os.kill(stage.register.pid, signal.SIGCONT)
        time.sleep(0.01)
    stage.kiosk.finish()
    return 1


def broker_is_killed(stage: Stage) -> int:
    """Kill the broker while people pass; it saved its state when it ended in order last."""
    return _end_broker(stage, times=stage.many(5))


def broker_loses_its_state(stage: Stage) -> int:
    """Stop the broker, delete its state and start it, without the register for 5 s."""
    stage.start()
    count = stage.many(1000)
    stage.kiosk.begin(count, count / 10.0)
    time.sleep(4.0)
    stage.register.stop()
    stage.broker.stop()
    (stage.broker.folder / "mosquitto.db").unlink()
    stage.broker.start()
    time.sleep(5.0)
    stage.register.start()
    stage.kiosk.finish()
    return 1


def access_list_denies(stage: Stage) -> int:
    """Forbid the kiosk to publish anything, and allow it later."""
    return _deny(
        stage,
        "topic read #\ntopic write kiosk/v1/+/+/+/confirmed\ntopic write kiosk/v1/+/+/+/replay\n",
    )


def access_list_denies_register(stage: Stage) -> int:
    """Forbid the register to confirm and to request anything, and allow it later."""
    kinds = ("attendance", "replayed", "replay-done", "health", "availability")
    rules = [f"topic write kiosk/v1/+/+/+/{kind}\n" for kind in kinds]
    return _deny(stage, "".join(["topic read #\n", *rules]))


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


def acknowledgements_are_swallowed(stage: Stage) -> int:
    """Drop every PUBACK of the broker for three times as long as the kiosk waits for one."""
    stage.start()
    stage.proxy.swallows.set()
    stage.kiosk.offer(stage.many(200))
    time.sleep(3 * stage.wait_s)
    stage.proxy.swallows.clear()
    return 1


def broker_is_silent(stage: Stage) -> int:
    """Stop the broker's process for a while; connections stay, nothing is answered."""
    stage.start()
    count = stage.many(200)
    stage.kiosk.begin(count, count / 4.0)
    time.sleep(1.0)
    stage.broker.freeze()
    time.sleep(3 * stage.wait_s)
    stage.broker.thaw()
    stage.kiosk.finish()
    return 1


def connection_is_half_open(stage: Stage) -> int:
    """Drop what either side sends, while both believe that they are connected."""
    stage.start()
    times = stage.many(3)
    for _ in range(times):
        count = stage.many(200)
        stage.kiosk.begin(count, count / 2.0)
        time.sleep(1.0)
        stage.proxy.forget()
        stage.kiosk.finish()
        time.sleep(stage.wait_s)
    return times


def connection_is_cut(stage: Stage) -> int:
    """End the kiosk's connection in the middle of a packet while people pass."""
    stage.start()
    times = stage.many(20)
    for _ in range(times):
        stage.kiosk.begin(100, 100.0)
        time.sleep(stage.chance.uniform(0.1, 0.9))
        stage.proxy.cut()
        stage.kiosk.finish()
    return times


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


class NotPossibleError(Exception):
    """This machine cannot make the fault happen."""


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as stream:
        for size in (65536, 4096):
            try:
                while True:
                    stream.write(bytes(size))
            except OSError:
                continue


def _deny(stage: Stage, denied: str) -> int:
    rules = stage.folder / "access"
    rules.write_text("topic readwrite #\n")
    rules.chmod(0o644)
    stage.configure("allow_anonymous true", f"acl_file {rules}")
    stage.broker.restart()
    stage.start()
    rules.write_text(denied)
    stage.broker.reload()
    stage.kiosk.offer(stage.many(200))
    time.sleep(2.0)
    rules.write_text("topic readwrite #\n")
    stage.broker.reload()
    return 1


def _end_broker(stage: Stage, *, times: int) -> int:
    stage.start()
    for _ in range(times):
        stage.kiosk.begin(300, 100.0)
        time.sleep(stage.chance.uniform(0.5, 2.5))
        stage.broker.kill()
        time.sleep(0.5)
        stage.broker.start()
        stage.kiosk.finish()
    return times


FAULTS: Final = {
    "nobody": Fault("nobody subscribes yet, MQTT 5", nobody_subscribes),
    "nobody-3": Fault("nobody subscribes yet, MQTT 3.1.1", nobody_subscribes, "3.1.1"),
    "away": Fault("register away, the broker's queue overflows", register_is_away),
    "slow": Fault("register stopped 99 % of the time", register_is_slow),
    "broker-killed": Fault("broker killed, default autosave", broker_is_killed),
    "no-state": Fault("broker restarted without its state", broker_loses_its_state),
    "denied": Fault("access list denies, MQTT 5", access_list_denies),
    "denied-3": Fault("access list denies, MQTT 3.1.1", access_list_denies, "3.1.1"),
    "unconfirmed": Fault("register may not confirm, MQTT 5", access_list_denies_register),
    "kiosk-killed": Fault("kiosk killed (kill -9) at random", kiosk_is_killed),
    "register-killed": Fault("register killed (kill -9) at random", register_is_killed),
    "swallowed": Fault("acknowledgements swallowed", acknowledgements_are_swallowed),
    "silent": Fault("broker silent (SIGSTOP)", broker_is_silent),
    "half-open": Fault("connection half-open", connection_is_half_open),
    "cut": Fault("connection cut in mid-packet", connection_is_cut),
    "full-disk": Fault("kiosk's disk full", disk_is_full),
}
