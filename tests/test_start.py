"""The quick loop: a test file loads what it tests, and no more."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
HEAVY = {"cv2", "numpy", "hypothesis", "paho", "ai_edge_litert", "tflite_runtime", "tensorflow"}
LIGHT = ("protocol/test_topics.py", "config/test_timetable.py", "files/test_atomic_file.py")
ARITHMETIC = tuple(f"recognition/test_{name}.py" for name in ("match", "track", "decide"))


def loaded_by(test_file: str) -> set[str]:
    """Collect a test file in a fresh process, and list the packages that it loads."""
    code = (
        "import pytest, sys\n"
        "assert pytest.main(sys.argv[1:]) == 0\n"
        "print('loaded:', *{name.partition('.')[0] for name in sys.modules})"
    )
    command = [sys.executable, "-c", code, "--collect-only", "-q"]
    done = subprocess.run(
        [*command, f"tests/kiosk/{test_file}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.rpartition("loaded:")[2].split())


@pytest.mark.parametrize("name", LIGHT)
def test_a_light_test_file_loads_no_heavy_library(name: str) -> None:
    """Tests of topics, files and times start without arrays, pictures and a broker's client."""
    assert not loaded_by(name) & HEAVY


@pytest.mark.parametrize("name", ARITHMETIC)
def test_a_test_file_of_arithmetic_loads_no_opencv(name: str) -> None:
    """Tests of matching, tracking and voting start without OpenCV and a runtime."""
    assert not loaded_by(name) & {"cv2", "paho", "ai_edge_litert", "tflite_runtime"}


@pytest.mark.source
@pytest.mark.skipif(not (REPOSITORY / ".venv").exists(), reason="no .venv, which the loop uses")
def test_the_quick_loop_leaves_slow_tests_out_and_says_so() -> None:
    """`tests/run --quick FILE` leaves slow tests out, and says how to include them."""
    command = ["tests/run", "--quick", "-q", "tests/kiosk/camera/test_replay.py"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "add: -m ''" in done.stdout
    assert "1 deselected" in done.stdout
