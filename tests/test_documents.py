"""The links between the pages of the documentation lead somewhere."""

import re
from pathlib import Path

import pytest

from kiosk import errors
from kiosk.cli import BROKEN_PIPE
from kiosk.errors import DISK_FAULT, NO_PERMISSION, KioskError
from tests.documents import PAGES, ROOT

pytestmark = pytest.mark.source
ALL = [*PAGES, *(ROOT / ".github").glob("*.md"), ROOT / "systemd" / "WALK.md"]
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def links(page: Path) -> list[str]:
    found = [one or other for one, other in LINK.findall(page.read_text(encoding="utf-8"))]
    return [link for link in found if not link.startswith(("http:", "https:"))]


def anchors(page: Path) -> set[str]:
    """Return the names that a heading can be linked by."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one).strip().lower().replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """A file that was moved, and a heading that has another name, are missed here."""
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_can_be_reached() -> None:
    """The README links to each page."""
    found = {(ROOT / link.partition("#")[0]).resolve() for link in links(ROOT / "README.md")}
    assert {*PAGES[1:], *ALL[len(PAGES) :]} - found == {ROOT / ".github" / "CHANGELOG.md"}


def test_the_readmes_figures_are_those_of_the_tables() -> None:
    """A model that is measured again changes both."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## How well it recognises")[2].partition("\n## ")[0]
    figures = re.findall(r"[\d.]+ \([\d.]+ to [\d.]+\)|[\d.]+ ± [\d.]+", section)
    tables = (ROOT / "train" / "README.md").read_text(encoding="utf-8")
    assert len(figures) >= 5
    assert [one for one in figures if one not in tables] == []


def test_the_table_of_exit_codes_is_complete() -> None:
    """A new class of errors with a new code gets its row."""
    text = (ROOT / "systemd" / "README.md").read_text(encoding="utf-8")
    table = text.partition("## Exit codes")[2].partition("\n## ")[0]
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    tree = [one for one in vars(errors).values() if isinstance(one, type)]
    codes = {one.exit_code for one in tree if issubclass(one, KioskError) and one is not KioskError}
    assert listed == codes | {0, 2, 130, BROKEN_PIPE, DISK_FAULT, NO_PERMISSION}
