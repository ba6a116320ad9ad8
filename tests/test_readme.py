"""What the documentation says can be typed is typed here, on real photos and a real broker."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from kiosk.demo.sample_people import _photos
from kiosk.protocol.availability import Availability, encode_availability
from kiosk.protocol.topics import KioskAddress
from kiosk.recognition.bundle import default_bundle
from tests.documents import ROOT, shell_lines
from tests.mosquitto import Mosquitto
from tests.support import needs_photos

SHORTER = {
    "kiosk-train fit": ["--set", "images=256", "--set", "epoch_images=128", "--set", "blends=64"],
    "kiosk-train report": ["--epochs", "1", "--size", "64"],
    "kiosk-convert runs/one": [
        "--cosine-mean",
        "0.5",
        "--cosine-p1",
        "0.3",
        "--accuracy",
        "0.5",
        "--figure",
        "1",
        "--false-match",
        "1",
    ],
}
"""Options that make a command quick, where the one of the page would take hours."""
ELSEWHERE = {
    "python3 -m venv": "the CI script",
    "tests/run": "the CI script",
    "sudo systemd/install.sh": "tests/systemd/test_install.py",
    "sudo nano": "an editor",
    "sudo kiosk": "tests/kiosk/check and tests/kiosk/enrolment",
    "sudo systemctl": "tests/kiosk/daemon/test_daemon.py",
}
"""Commands that run elsewhere, and where."""


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program, *arguments = shlex.split(line)
    module = {"kiosk": "kiosk", "kiosk-train": "train", "kiosk-convert": "convert"}[program]
    extra = next((more for start, more in SHORTER.items() if line.startswith(start)), [])
    return subprocess.run(
        [sys.executable, "-m", module, *arguments, *extra],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def test_every_command_is_run_somewhere() -> None:
    """No command of a page is left untried."""
    own = [c for c in shell_lines() if c.startswith(("kiosk", "kiosk-train", "kiosk-convert"))]
    others = [c for c in shell_lines() if c not in own]
    assert len(own) >= 10
    for command in others:
        assert any(command.startswith(start) for start in ELSEWHERE), command


def workplace(folder: Path, broker: Mosquitto) -> None:
    """Lay out what the README's user has: model, photos, facts, a configuration and a roster."""
    (folder / "kiosk").mkdir()
    (folder / "kiosk" / "default.kiosk-model").symlink_to(default_bundle())
    for number in range(1, 17):
        name = {1: "ada", 2: "ben"}.get(number, f"person {number}")
        (folder / "photos" / name).mkdir(parents=True)
        for i, photo in enumerate(_photos(f"orl-s{number:02d}", range(1, 11)), 1):
            cv2.imwrite(str(folder / "photos" / name / f"{i}.jpg"), photo)
    for i in (1, 2, 3):
        (folder / f"ada-{i}.jpg").write_bytes((folder / f"photos/ada/{i}.jpg").read_bytes())
    (folder / "7b").mkdir()
    (folder / "7b" / "s-1042").symlink_to(folder / "photos" / "ben")
    (folder / "door").mkdir()
    for i in range(10):
        picture = cv2.imread(str(folder / f"photos/ada/{6 + i % 5}.jpg"))
        assert picture is not None
        large = cv2.resize(picture, None, fx=2.5, fy=2.5)
        cv2.imwrite(str(folder / f"door/{i}.png"), large)
    (folder / "facts.toml").write_text('name = "school"\nlicence = "ours"\ndata = ["ours"]\n')
    (folder / "roster.csv").write_text("subject_id,name\ns-1041,Ada Example\n")
    (folder / "kiosk.toml").write_text(
        f"""
        camera = {{backend = "replay", source = "door", fps = 5, pace = "fast"}}
        mqtt = {{host = "{broker.host}", port = {broker.port}}}
        state = {{directory = "state", roster = "roster.csv"}}
        """
    )


def wait_until_it_hears(watch: subprocess.Popen[str], broker: Mosquitto) -> None:
    """Wait until the list shows another kiosk, whose availability the broker keeps."""
    place = KioskAddress(site="school", room="room-9", kiosk="kiosk-9")
    online = encode_availability(Availability(state="online", boot_id="b", version="1"))
    broker.listen("$SYS/none").client.publish(place.availability, online, qos=1, retain=True)
    assert watch.stdout is not None
    assert "kiosk-9" in watch.stdout.readline()


@pytest.mark.slow
@needs_photos
@pytest.mark.skipif(not default_bundle().exists(), reason="no default model bundle yet")
def test_the_readme_works_as_it_stands(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """From photos to a model, from photos to a gallery, from the door to the attendance list."""
    workplace(tmp_path, mosquitto)
    lines = [line for line in shell_lines() if line.startswith("kiosk")]
    watching = next(line for line in lines if line.startswith("kiosk watch"))
    running = next(line for line in lines if line.startswith("kiosk run"))
    for line in lines:
        if line == running:
            watch = subprocess.Popen(
                [sys.executable, "-m", *shlex.split(watching), "--limit", "1"],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                text=True,
            )
            wait_until_it_hears(watch, mosquitto)
        if line == watching:
            seen, _ = watch.communicate(timeout=60)
            assert "Ada Example" in seen
            continue
        done = run(line, tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stderr[-2000:]}"
    left = {path.name for path in (tmp_path / "runs/one").iterdir()}
    assert {"config.json", "history.csv", "curves.png", "evaluation.txt", "det.png"} <= left
