"""The contributor's page and the changelog: what they name exists."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.test_architecture import ROOMS

pytestmark = pytest.mark.source
REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / ".github/CONTRIBUTING.md"
CHANGELOG = REPOSITORY / ".github/CHANGELOG.md"
TOP = r"(?:kiosk|train|convert|tests|systemd|\.github|\.ci)/"


def named_paths(text: str) -> set[str]:
    """The paths of the repository that a page names in code or links."""
    return set(re.findall(rf"[\s`(]({TOP}[\w./-]*|pyproject\.toml)", text))


def test_every_path_that_is_named_exists() -> None:
    """A moved or removed file is moved or removed on the contributor's page as well."""
    names = named_paths(PAGE.read_text("utf-8"))
    assert len(names) > 20
    assert {name for name in names if not (REPOSITORY / name).exists()} == set()


def test_every_name_in_the_instructions_is_in_the_code() -> None:
    """A renamed class, function or field is renamed in "How to add" as well."""
    instructions = PAGE.read_text("utf-8").partition("## How to add")[2].partition("## Style")[0]
    names = re.findall(r"`(?:\w+\.)?(\w*[A-Z_]\w*)`", instructions)
    code = "".join(path.read_text("utf-8") for path in (REPOSITORY / "kiosk").rglob("*.py"))
    assert len(names) > 5
    assert {name for name in names if not re.search(rf"\b{name}\b", code)} == set()


def test_the_table_of_rooms_is_that_of_the_architecture() -> None:
    """The page names each room with the rooms that it may import."""
    rows = re.findall(r"^\| `(\w+)` \|.*\|([^|]*)\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {room: set(re.findall(r"`(\w+)`", others)) for room, others in rows} == ROOMS


def test_each_term_is_explained_once() -> None:
    """The glossary is in alphabetical order, and no term stands there twice."""
    glossary = PAGE.read_text("utf-8").partition("## Glossary")[2]
    terms = [line.split("|")[1].strip() for line in glossary.splitlines() if line[:1] == "|"][2:]
    assert terms == sorted(set(terms), key=str.lower)


def test_the_changelog_has_this_version() -> None:
    """The version of the package has its section, below what is not released yet."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    headings = re.findall(r"^## (\S+)", CHANGELOG.read_text("utf-8"), re.MULTILINE)
    assert headings[:2] == ["Unreleased", project["version"]]
