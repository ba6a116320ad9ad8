"""Configurations, timetables, rosters and lists from anybody: a value or one error."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.config.keys import parse_config
from kiosk.config.toml_text import BYTES_MAX
from kiosk.errors import ConfigError, RosterError
from kiosk.people.roster import load_roster
from kiosk.register.commands.lists import read_list

WORDS = st.sampled_from(
    [
        *(b"[", b"]", b"{", b"}", b"=", b'"', b"'''", b"\n", b"\0", b",", b"\xff", b"\\u0000"),
        *(b"[[lesson]]\n", b"[camera]\nfps=", b"a.b", b"nan", b"9" * 30),
        b"1979-05-27T07:32:00-99:00",
    ]
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"a = " + b"[" * 900, "nested"),
        (b"a = " + b"[\n" * 3000, "nested"),
        (b"a = " + b"{b=" * 300, "not valid TOML"),
        (b".".join([b"a"] * 400) + b" = 1", "nested more than 8 deep"),
        (b"[" + b".".join([b"a"] * 400) + b"]", "nested more than 8 deep"),
        (b"[[lesson]]\nname = " + b"[" * 9 + b"]" * 9, "nested more than 8 deep"),
        (b"a = " + b"9" * 900 + b"\n", "unknown key"),
        (b"a = [" + b"9" * 4301 + b"]", "a line of more than 1000 bytes"),
        (b"a = '" + b"x" * 2000 + b"'", "a line of more than 1000 bytes"),
        (b"#\n" * BYTES_MAX, "longer than 128 kB"),
        (b"a = '\0'", "haracter"),
        (b"a = 1979-99-99", "line 1"),
        (b"\xff", "decode"),
    ],
)
def test_hostile_toml_is_one_error(text: bytes, reason: str) -> None:
    """Depth, digits, length and characters of no text are a ConfigError with the reason."""
    with pytest.raises(ConfigError, match=rf"^kiosk\.toml: .*{reason}"):
        parse_config(text, "kiosk.toml")


@given(st.binary(max_size=200) | st.lists(WORDS, max_size=20).map(b"".join))
def test_any_configuration_is_a_value_or_one_error(text: bytes) -> None:
    """Law: whatever the bytes, a configuration or a ConfigError."""
    try:
        parse_config(text, "kiosk.toml")
    except ConfigError as exc:
        assert str(exc).startswith("kiosk.toml: ")  # noqa: PT017 - either outcome is right


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists") / "list.csv"


@given(
    st.sampled_from([b"", b"subject_id,name\n", b"subject_id;name\r\n"]),
    st.binary(max_size=200)
    | st.lists(
        st.sampled_from([b'"', b",", b";", b"\n", b"\r", b"\0", b"a", b"\xff", b"x" * 140_000]),
        max_size=12,
    ).map(b"".join),
)
def test_any_list_is_a_value_or_one_error(path: Path, header: bytes, rows: bytes) -> None:
    """Law: whatever the bytes, a roster or a RosterError that names the file."""
    path.write_bytes(header + rows)
    for read in (load_roster, lambda path: read_list(path, ["subject_id", "name"], ["name"])):
        try:
            read(path)
        except RosterError as exc:
            assert str(exc).startswith(str(path))  # noqa: PT017 - either outcome is right
