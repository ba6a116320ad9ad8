"""The lock files name every package that is installed, in a version that pyproject.toml allows."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "systemd/requirements").glob("*.txt"))


def locked(path: Path) -> dict[str, str]:
    """Return the version of each package."""
    return dict(re.findall(r"^([\w.-]+)==(\S+) ", path.read_text(), re.MULTILINE))


def wanted(part: str) -> list[Requirement]:
    """Return what pyproject.toml asks for: of a kiosk, or of the register."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = ["register", "oidc"] if part == "register" else []
    lists = [project["optional-dependencies"][extra] for extra in extras]
    return [Requirement(text) for one in (project["dependencies"], *lists) for text in one]


def test_there_is_a_lock_for_each_part_and_release() -> None:
    """Kiosk and register on Bookworm and Trixie, and what builds the wheel."""
    names = [path.stem for path in LOCKS]
    parts = [f"{part}-{name}" for part in ("kiosk", "register") for name in ("bookworm", "trixie")]
    assert names == ["build", *parts]


@pytest.mark.parametrize("path", LOCKS[1:], ids=lambda path: path.stem)
def test_a_lock_satisfies_the_dependencies(path: Path) -> None:
    """A changed dependency needs new locks: run systemd/lock.sh."""
    versions = locked(path)
    for one in wanted(path.stem.partition("-")[0]):
        version = versions.get(canonicalize_name(one.name), "absent")
        assert one.specifier.contains(version), f"{one}: {version}; run systemd/lock.sh"


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_package_has_hashes_and_nothing_says_where_it_is(path: Path) -> None:
    """No package can be installed without one; the registry is that of each machine."""
    packages = path.read_text().replace("\\\n", "").splitlines()
    assert len(packages) == len(locked(path)) > 1
    for line in packages:
        assert re.fullmatch(r"[\w.-]+==[\w.]+( +--hash=sha256:[0-9a-f]{64})+", line), line


def test_bookworm_has_the_numpy_that_picamera2_was_built_for() -> None:
    """With numpy 2 it cannot be imported there."""
    folder = ROOT / "systemd/requirements"
    assert locked(folder / "kiosk-bookworm.txt")["numpy"].startswith("1.")
    assert locked(folder / "kiosk-trixie.txt")["numpy"].startswith("2.")


def test_a_kiosk_gets_no_web_framework() -> None:
    """Nothing that the kiosk does not need is installed on a Pi."""
    for path in LOCKS:
        if path.stem.startswith("kiosk-"):
            assert not {"django", "uvicorn", "psycopg", "tensorflow", "pytest"} & set(locked(path))
