"""Text that is safe to show on a terminal."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.logs import PlainFormatter
from kiosk.printable import is_shown, json_text, printable


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


@given(st.text() | st.text(st.characters(max_codepoint=0x9F)))
def test_json_controls_no_terminal_and_says_the_same(text: str) -> None:
    """Law: JSON of any text holds only characters that are shown, and is read back unchanged."""
    shown = json_text({"a": text})
    assert all(map(is_shown, shown))
    assert json.loads(shown) == {"a": text}


@pytest.mark.parametrize(
    ("text", "shown"),
    [("Zoë 山田", '"Zoë 山田"'), ("\x9b2J", r'"\u009b2J"'), ("\x7f", r'"\u007f"'),
     ("\udcff", r'"\udcff"'), ("\U000e0001", r'"\udb40\udc01"')],
)  # fmt: skip
def test_json_escapes_what_is_not_shown(text: str, shown: str) -> None:
    """Names stay readable; 8-bit controls, tags and bytes that are no text are escaped."""
    assert json_text(text) == shown


def test_a_log_line_is_one_line() -> None:
    """A message out of the network can neither colour the log nor forge a line of it."""
    record = logging.LogRecord("a", logging.WARNING, "", 0, "x\x1b[31m\nWARNING b", None, None)
    assert PlainFormatter("%(levelname)s %(message)s").format(record) == (
        "WARNING x\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}WARNING b"
    )
