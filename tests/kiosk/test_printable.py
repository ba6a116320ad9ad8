"""Text that is safe to show on a terminal."""

import pytest

from kiosk.printable import printable


@pytest.mark.parametrize(
    "name",
    [
        "Zoë",
        "Ada\u00a0Lovelace",
        "山田\u3000太郎",
        "क्\u200dष",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "👩\u200d🎓",
    ],
)
def test_names_of_all_scripts_are_shown_whole(name: str) -> None:
    """No-break and ideographic spaces and zero-width joiners belong to names."""
    assert printable(name) == name


@pytest.mark.parametrize("char", ["\x1b", "\n", "\t", "\x7f", "\x9b", "\u2028", "\u202e", "\ufeff"])
def test_what_controls_a_terminal_is_replaced(char: str) -> None:
    """Escapes, line breaks and characters that turn the direction of writing are not shown."""
    assert printable(f"a{char}b") == "a\N{REPLACEMENT CHARACTER}b"
