"""The links between the pages of the documentation lead somewhere."""

import re
from pathlib import Path

import pytest

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
