"""The pages of the documentation, in the order in which a newcomer reads them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / name
    for name in (
        "README.md",
        "systemd/README.md",
        "train/README.md",
        "kiosk/register/README.md",
        "kiosk/protocol/README.md",
        "tests/faults/README.md",
        ".readme/privacy.md",
    )
]


def text() -> str:
    """Return all pages."""
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def shell_lines() -> list[str]:
    """Return the commands of all blocks that a person types into a shell."""
    blocks = re.findall(r"```sh\n(.*?)```", text(), re.DOTALL)
    lines = [line.split(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]
