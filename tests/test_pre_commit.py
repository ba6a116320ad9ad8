"""What pre-commit checks before each commit: no data, and lint and types as in tests/run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.source
REPOSITORY = Path(__file__).parents[1]


def read(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def refuse_data(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPOSITORY / ".ci/refuse_data.py"), *names]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def write(folder: Path, name: str, size: int = 1) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


@pytest.mark.parametrize(
    "name", ["ada.jpg", "photos/ADA.JPG", "walk.mp4", "crops/teacher.npy", "school.kiosk-model"]
)
def test_a_picture_video_array_or_model_is_refused(name: str, tmp_path: Path) -> None:
    """A file with faces, or made from them, is named and not committed."""
    write(tmp_path, name)
    done = refuse_data(tmp_path, name)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name}: ")


@pytest.mark.parametrize(
    "name",
    [
        "kiosk/daemon/daemon.py",
        ".readme/at-work.svg",
        ".readme/class-now.png",
        "kiosk/default.kiosk-model",
        "tests/kiosk/outbox/outbox-schema-1.sqlite3",
    ],
)
def test_code_drawings_and_the_shipped_model_are_accepted(name: str, tmp_path: Path) -> None:
    """Source files, drawings, the model that ships and outboxes to migrate may be committed."""
    write(tmp_path, name)
    assert refuse_data(tmp_path, name).returncode == 0


def test_a_large_file_is_refused_whatever_its_name(tmp_path: Path) -> None:
    """A file of more than 12 MB does not belong into the repository."""
    write(tmp_path, "kiosk/default.kiosk-model", 12 * 1024**2 + 1)
    done = refuse_data(tmp_path, "kiosk/default.kiosk-model")
    assert (done.returncode, "larger than 12 MB" in done.stderr) == (1, True)


def test_the_hooks_need_no_network() -> None:
    """Each hook is local and starts a program that is here."""
    config = read(".pre-commit-config.yaml")
    assert set(re.findall(r"repo: (\S+)", config)) == {"local"}
    assert set(re.findall(r"language: (\S+)", config)) == {"system"}


def test_lint_and_types_are_those_of_the_test_script() -> None:
    """A commit that passes the hooks passes the lint and the types of tests/run."""
    entries = re.findall(r"entry: (\.venv/\S+.*)", read(".pre-commit-config.yaml"))
    assert len(entries) == 3
    assert not set(entries) - {line.strip() for line in read("tests/run").splitlines()}


@pytest.mark.slow
@pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="not a Git checkout")
@pytest.mark.skipif(not (REPOSITORY / ".venv").exists(), reason="no .venv, which the hooks use")
def test_all_files_pass_the_hooks(tmp_path: Path) -> None:
    """`pre-commit run --all-files` passes."""
    pytest.importorskip("pre_commit")
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", "--all-files"],
        cwd=REPOSITORY,
        env={**os.environ, "PRE_COMMIT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
