"""Run kiosk, register and broker for a long time; say whether memory, open files or files grow.

Usage: python -m tests.faults.soak [--minutes 30] [--rate 67] [--into FOLDER]

Two kiosks: `kiosk run` replays the people of the demo as fast as this machine recognises them, and
a kiosk without a camera (:mod:`tests.faults.kiosk_child`) sends many people a second to the
register. It remembers each person for 5 minutes here, and not for a week: a door does not see new
people all the time. What was measured, and a plot of it, are put into the folder.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

import cv2

from kiosk.demo.sample_people import enrolment_photos, sample_people, write_walk
from kiosk.register.config import DatabaseSection
from tests.faults.growth import Growth, Sample, draw, growths, sample, write
from tests.faults.registers import ROOT
from tests.faults.stage import Stage

_INTERVAL_S: Final = 5.0
_KEPT_S: Final = 300.0
_PICTURES_PER_S: Final = 100
"""More than any machine here recognises; so many are linked for the replay."""


def soak(folder: Path, minutes: float, rate: float) -> Iterator[Sample]:
    """Run all parts, and yield what was measured every few seconds.

    Args:
        folder: An empty folder.
        minutes: For how long.
        rate: People who pass the kiosk without a camera, a second.
    """
    database = DatabaseSection(path=str(folder / "register.sqlite3"))
    with ExitStack() as stack:
        stage = Stage(folder, database, protocol="5", scale=1.0, wait_s=60.0, kept_s=_KEPT_S)
        stack.enter_context(closing(stage))
        seeing = stack.enter_context(_recognising(folder, stage.broker.port, minutes))
        stage.start()
        processes = {
            "kiosk run": seeing.pid,
            "kiosk without camera": stage.kiosk.pid,
            "register": stage.register.pid,
            "broker": stage.broker.pid,
        }
        files = {
            "kiosk run": "seeing/outbox*",
            "kiosk without camera": "state/outbox*",
            "register's log and index": "register.sqlite3-*",
            "broker": "broker/*",
        }
        began_s = time.monotonic()
        while (now_s := time.monotonic() - began_s) < minutes * 60:
            yield sample(now_s, processes, folder, files)
            # A slow machine needs more time for them; the next ones wait.
            stage.kiosk.offer(round(rate * _INTERVAL_S), rate)
        assert seeing.poll() is None, f"kiosk run has ended; see {folder}/seeing.log"
        recovery_s = stage.settle(120.0)
        stored = (folder / "register.sqlite3").stat().st_size
        count = stage.count()
        print(f"{count}, all confirmed {recovery_s:.0f} s after the last; "  # noqa: T201
              f"{stored / max(1, count.offered):.0f} bytes of the register for each")  # fmt: skip


@contextmanager
def _recognising(folder: Path, port: int, minutes: float) -> Iterator[subprocess.Popen[bytes]]:
    """Run `kiosk run` on a recording that is long enough."""
    state, photos, walk = folder / "seeing", folder / "photos", folder / "walk"
    recording = folder / "recording"
    state.mkdir()
    recording.mkdir()
    pictures = write_walk(walk)
    for i in range(round(minutes * 60 * _PICTURES_PER_S)):
        (recording / f"{i}.png").symlink_to(walk / f"{i % pictures:04d}.png")
    for person in sample_people():
        (photos / person).mkdir(parents=True)
        for i, photo in enumerate(enrolment_photos(person)):
            cv2.imwrite(str(photos / person / f"{i}.png"), photo)
    config = folder / "seeing.toml"
    config.write_text(
        f'[state]\ndirectory = "{state}"\n[kiosk]\nid = "seeing"\n'
        f'[camera]\nbackend = "replay"\nsource = "{recording}"\npace = "fast"\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n'
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    kiosk = [sys.executable, "-m", "kiosk"]
    with (folder / "seeing.log").open("ab") as log:
        subprocess.run(
            [*kiosk, "enrol", "--config", str(config), "--folder", str(photos)],
            check=True, cwd=ROOT, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
        process = subprocess.Popen(
            [*kiosk, "run", "--config", str(config)],
            cwd=ROOT, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30.0)


def _text(growth: Growth) -> str:
    verdict = "ok" if growth.is_good else "GROWS"
    return (
        f"{growth.what:<45}  {growth.first:10.1f}  {growth.last:10.1f}  {growth.per_hour:+10.2f}"
        f"  {growth.limit:8.1f}  {verdict}"
    )


def main() -> int:
    """Run from the command line; return 1 if something grows."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=67.0, help="people a second")
    parser.add_argument("--into", type=Path, default=Path("soak"), metavar="FOLDER")
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="kiosk-soak-") as name:
        for measured in soak(Path(name), options.minutes, options.rate):
            samples.append(measured)
            write(samples, options.into / "soak.csv")
    draw(samples, options.into / "soak.svg")
    found = growths(samples)
    print(f"{'what':<45}  {'first':>10}  {'last':>10}  {'an hour':>10}  {'limit':>8}")  # noqa: T201
    for growth in found:
        print(_text(growth))  # noqa: T201
    print(f"load {os.getloadavg()[2]:.1f} (15 min)")  # noqa: T201
    return 0 if all(one.is_good for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
