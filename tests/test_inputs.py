"""The table of unusual inputs: each row names a test that is there."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.source

ROOT = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split(" | ")]
    for line in (ROOT / ".github" / "INPUTS.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| **", "| Input "))
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_the_test_of_each_input_is_there(row: list[str]) -> None:
    """A renamed or deleted test is missed here."""
    said, test = row[1], row[2]
    file, name = test.strip("` ").split("::")
    assert said
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_kind_has_rows() -> None:
    """Eleven kinds of people and their files, eight of the technician."""
    text = (ROOT / ".github" / "INPUTS.md").read_text(encoding="utf-8")
    people, technician = text.split("## The technician")
    assert people.count("| **") == 11
    assert technician.count("| **") == 8
    assert len(ROWS) > 80
