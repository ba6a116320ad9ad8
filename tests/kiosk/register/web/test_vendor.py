"""Scripts of others are the files that they were."""

import hashlib
from pathlib import Path

import pytest

from kiosk.register import web

FOLDERS = (Path(web.__file__).parent / "static" / "vendor", Path(__file__).parents[3] / "vendor")


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_vendored_file_has_its_hash(folder: Path) -> None:
    """Every script and style of a folder is in its list, with the hash that it has."""
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in map(str.split, lines)}
    found = {path.name for path in folder.iterdir() if path.suffix in {".js", ".css"}}
    assert found == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
