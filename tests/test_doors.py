"""The technician's loop over the doors, typed as it stands; ssh and sudo are replaced."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kiosk.config.keys import load_config
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from tests.support import write_config
from tests.support_recognition import embedding, small_bundle

pytestmark = pytest.mark.source
ROOT = Path(__file__).parents[1]
MODEL = small_bundle().card.model_id
STAND_INS = {
    "ssh": 'DOOR=$1 exec sh -c "$2"',
    "sudo": 'exec "$@"',
    "systemctl": "test ! -e ../$DOOR/broken",
    "kiosk": f'exec {sys.executable} -m kiosk "$@" --config "../${{DOOR:-office}}/kiosk.toml"',
}


def loop() -> str:
    text = (ROOT / "systemd" / "README.md").read_text()
    (block,) = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    return str(block)


def test_the_loop_brings_the_same_people_to_all_doors(bundle_path: Path, tmp_path: Path) -> None:
    """Every door has the people of the file alone, tells its version, and a failure is named."""
    people = {"office": ("s-1", "s-2"), "door-1": ("s-9",), "door-2": ()}
    for place, subjects in people.items():
        (tmp_path / place / "state").mkdir(parents=True)
        config = load_config(write_config(tmp_path / place, bundle_path))
        templates = {who: embedding(i)[None] for i, who in enumerate(subjects)}
        save_gallery(config.gallery_path, Gallery(MODEL, templates, revision=5))
    (tmp_path / "door-2" / "broken").touch()
    (tmp_path / "bin").mkdir()
    for name, text in STAND_INS.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "doors.txt").write_text("door-1\ndoor-2\n")
    done = subprocess.run(
        ["bash", "-c", loop()],
        cwd=tmp_path / "work",
        env={
            **os.environ,
            "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    source = load_gallery(tmp_path / "office" / "state" / "gallery.npz")
    for door in ("door-1", "door-2"):
        copy = load_gallery(tmp_path / door / "state" / "gallery.npz")
        assert copy.content_hash == source.content_hash
    told = f"version 5, hash {source.content_hash}, 2 people\n"
    assert done.stdout.count(told) == 1
    assert done.stdout.endswith("door-2: failed\n"), done.stderr
