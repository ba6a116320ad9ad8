"""The wheel: what a school installs holds every file of the packages, and nothing else."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.source, pytest.mark.slow]
REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("kiosk", "train", "convert")


def package_files() -> set[str]:
    """The files of the packages, but for their pages and what Python itself leaves there."""
    return {
        str(path.relative_to(REPOSITORY))
        for package in PACKAGES
        for path in (REPOSITORY / package).rglob("*")
        if path.is_file() and path.parent.name != "__pycache__" and path.name != "README.md"
    }


@pytest.fixture(scope="module")
def wheel_files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build the wheel from a copy of the source, and list its files."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, source / package)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    # Without isolation nothing is downloaded: setuptools is among the development packages.
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    command = [sys.executable, "-m", "pip", "wheel", *options, str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_holds_every_file_of_the_packages(wheel_files: set[str]) -> None:
    """Each module, model, schema, recipe and ``py.typed`` of the source tree is in the wheel."""
    assert package_files() - wheel_files == set()


def test_the_wheel_holds_nothing_but_the_packages(wheel_files: set[str]) -> None:
    """Neither tests nor anything else lies beside the packages and the metadata."""
    others = {name for name in wheel_files if ".dist-info/" not in name}
    assert others - package_files() == set()
    assert sum(name.endswith("METADATA") for name in wheel_files) == 1
