"""The configuration loader, used by a program other than the kiosk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.config.file import ConfigFile, Problem, Section
from kiosk.config.sources import home_path, read_sources
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


FILE = ConfigFile(Register, renamed={"db": "database"})


def test_a_program_reads_its_file_into_its_own_type(tmp_path: Path) -> None:
    """The loader returns the type that it was made with."""
    path = tmp_path / "register.toml"
    path.write_text('[database]\npath = "x"\nwindow.last = 3\n')
    assert FILE.load(path) == Register(Database("x", Window(last=3)))
    assert FILE.parse(b"", "register.toml") == Register()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The message names the file and the reason."""
    with pytest.raises(ConfigError, match=r"register\.toml: cannot be read \(No such file"):
        FILE.load(tmp_path / "register.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("port = 1", "port: unknown key; expected database"),
        ("[database]", "database.path: missing"),
        ("[database]\npath = 1", "database.path: expected a text in quotes"),
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
        ("[db]\npath = 1", "database.path: expected a text in quotes"),
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
        ConfigFile(Named).parse(b"", "f.toml")


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


# Drop-ins


def drop_in(folder: Path, **files: str) -> Path:
    """Write register.toml, and the other files into register.toml.d."""
    (folder / "register.toml.d").mkdir()
    for name, text in files.items():
        place = folder if name == "register" else folder / "register.toml.d"
        (place / f"{name}.toml").write_text(text)
    return folder / "register.toml"


def test_drop_ins_are_merged_in_the_order_of_their_names(tmp_path: Path) -> None:
    """A later file replaces single keys, and adds its repeated tables; other files do not count."""
    path = drop_in(
        tmp_path,
        b="[database]\nwindow.last = 5\n[[database.windows]]\nfirst = 2\n",
        register='[database]\npath = "x"\nwindow.last = 3\n[[database.windows]]\nfirst = 1\n',
        a="[database]\nwindow.first = 4\nwindow.last = 4\n",
    )
    (tmp_path / "register.toml.d" / ".b.toml.swp").write_text("?")
    (tmp_path / "register.toml.d" / ".hidden.toml").write_text("?")
    windows = (Window(first=1), Window(first=2))
    assert FILE.load(path) == Register(Database("x", Window(4, 5), windows))


@pytest.mark.parametrize("name", ["t.toml.txt", "T.TOML", "t.Toml"])
def test_a_drop_in_of_another_ending_is_not_passed_over_in_silence(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As an editor on Windows names it; a backup or a note is left alone."""
    path = tmp_path / "kiosk.toml"
    path.write_text("")
    folder = tmp_path / "kiosk.toml.d"
    folder.mkdir()
    for one in (name, "t.toml.bak", "README"):
        (folder / one).write_text("no = [toml")
    assert len(read_sources(path)) == 1
    (said,) = [one.getMessage() for one in caplog.records]
    assert said == f"{folder / name}: not read; a drop-in's name must end in .toml"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("port = 1", "b.toml: port: unknown key"),
        ("?", "b.toml: not valid TOML"),
        ("[database]\nwindow.last = -1", "b.toml: database.window.last: expected at least first"),
        ("[database]\nwindow.last = 'x'", "b.toml: database.window.last: expected a whole number"),
    ],
)
def test_an_error_of_a_drop_in_names_it(text: str, says: str, tmp_path: Path) -> None:
    """The technician who copied a file to all doors learns which one is wrong, and where."""
    path = drop_in(tmp_path, register='[database]\npath = "x"\n', a="", b=text)
    with pytest.raises(ConfigError) as caught:
        FILE.load(path)
    assert f"{tmp_path}/register.toml.d/{says}" in str(caught.value)
