"""The configuration loader, used by a program other than the kiosk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.config_file import ConfigFile, Problem, Section, home_path
from kiosk.errors import ConfigError


class Window(Section, frozen=True):
    first: int = 0
    last: int = 9

    def problems(self) -> Iterator[Problem]:
        if self.last < self.first:
            yield "last", "expected at least first"


class Database(Section, frozen=True):
    """A table with a key that is required, and tables in it."""

    path: str
    window: Window = Window()
    windows: tuple[Window, ...] = ()


class Register(Section, frozen=True):
    """The configuration of a second program."""

    database: Database = Database("register.sqlite3")

    def problems(self) -> Iterator[Problem]:
        if self.database.window.first > 100:
            yield "database", "too many windows"


FILE = ConfigFile(Register, example="systemd/register.toml", renamed={"db": "database"})


def test_a_program_reads_its_file_into_its_own_type(tmp_path: Path) -> None:
    """The loader returns the type that it was made with."""
    path = tmp_path / "register.toml"
    path.write_text('[database]\npath = "x"\nwindow.last = 3\n')
    assert FILE.load(path) == Register(Database("x", Window(last=3)))
    assert FILE.parse(b"", "register.toml") == Register()


def test_a_file_that_cannot_be_read_points_to_the_programs_example(tmp_path: Path) -> None:
    """The message names the file and the example file of this program."""
    with pytest.raises(ConfigError, match=r"register\.toml: cannot be read.*see systemd/reg"):
        FILE.load(tmp_path / "register.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("port = 1", "port: unknown key; see systemd/register.toml for all keys"),
        ("[database]", "database.path: missing"),
        ("[database]\npath = 1", "database.path: Expected `str`, got `int`"),
        (
            '[database]\npath = ""\nwindow = {last = -1}',
            "database.window.last: expected at least first",
        ),
        (
            '[database]\npath = ""\nwindows = [{}, {first = 10}]',
            "database.windows[1].last: expected at least first",
        ),
        (
            '[database]\npath = ""\nwindow = {first = 101, last = 102}',
            "database: too many windows",
        ),
        ("[db]\npath = 1", "database.path: Expected `str`, got `int`"),
        ("[db]\n[database]", "db: renamed to database; the file has both"),
        ("=", "not valid TOML: Invalid statement (at line 1, column 1)"),
    ],
)
def test_an_error_names_the_file_and_the_full_key(text: str, message: str) -> None:
    """Problems of tables at any depth are reported with the key as it is in the file."""
    with pytest.raises(ConfigError) as caught:
        FILE.parse(text.encode(), "register.toml")
    assert str(caught.value) == f"register.toml: {message}"


def test_a_required_key_at_the_top_is_reported_without_a_table() -> None:
    """A missing top-level key is named alone."""

    class Named(Section, frozen=True):
        name: str

    with pytest.raises(ConfigError, match=r"^f\.toml: name: missing$"):
        ConfigFile(Named, example="example.toml").parse(b"", "f.toml")


def test_a_byte_order_mark_and_blanks_do_not_matter() -> None:
    """Editors of Windows write the mark, and a copied value often ends in a blank."""
    text = b'\xef\xbb\xbf[database]\npath = " x.sqlite3 \t"\n'
    assert FILE.parse(text, "register.toml") == Register(Database("x.sqlite3"))


def test_a_tilde_stands_for_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a list of tables, too; a tilde elsewhere in a value stays."""
    monkeypatch.setenv("HOME", "/home/ada")
    found = FILE.parse(b'[database]\npath = "~/a~/x"\n', "register.toml")
    assert found.database.path == "/home/ada/a~/x"
    assert FILE.parse(b'[database]\npath = "a/~/x"\n', "").database.path == "a/~/x"
    assert str(home_path("~/k.toml")) == "/home/ada/k.toml"


def test_a_user_without_a_home_folder_keeps_the_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is then reported as absent under the name that was typed."""

    def fail(_: Path) -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "expanduser", fail)
    assert str(home_path("~/k.toml")) == "~/k.toml"
