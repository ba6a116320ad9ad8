"""What a person names as a new file never replaces a file of the program."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.config.mqtt import MqttSection
from kiosk.config.own_files import refuse_own_file
from kiosk.errors import ConfigError
from kiosk.register.config import DatabaseSection, OidcSection, RegisterConfig


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of a register, in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "register.toml.d").mkdir()
    for name in ("register.toml", "register.toml.d/a.toml", "events.csv", "secret", "own"):
        (tmp_path / name).write_text("one\n")
    with closing(sqlite3.connect(tmp_path / "other")) as database:
        database.execute("CREATE TABLE t (a)")
    (tmp_path / "gallery").write_bytes(
        b'attendance-kiosk sealed 1\n{"key":"file and credential","salt":"00"}\n'
    )
    (tmp_path / "symbolic").symlink_to(tmp_path / "secret")
    os.link(tmp_path / "secret", tmp_path / "hard")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    return tmp_path


def check(name: str) -> None:
    """Check a name, as an export of a register does."""
    people = OidcSection(
        name="a", title="A", issuer="https://a", client_id="a", secret_file="oidc", claim="hd",
        allowed=("a.example",),
    )  # fmt: skip
    config = RegisterConfig(
        mqtt=MqttSection(host="broker", password_file="secret"),
        database=DatabaseSection(path="register.sqlite3"),
        oidc=(people,),
    )
    refuse_own_file(Path(name), config, Path("register.toml"), [(Path("own"), "the list")])


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("register.toml", "the configuration"),
        ("register.toml.d/a.toml", "a part of the configuration"),
        ("register.sqlite3", "the file that database.path names"),
        ("register.sqlite3-wal", "the file that database.path names"),
        ("register.sqlite3-journal", "the file that database.path names"),
        ("register.toml.d/../secret", "the file that mqtt.password_file names"),
        ("symbolic", "the file that mqtt.password_file names"),
        ("hard", "the file that mqtt.password_file names"),
        ("oidc", "the file that oidc.secret_file names"),
        ("own", "the list"),
        ("other", "a database"),
        ("gallery", "a gallery of a kiosk, encrypted with its key"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_file_of_the_program_is_refused_by_what_it_is(name: str, what: str) -> None:
    """Also where it is absent yet, beside a database, or behind a link."""
    with pytest.raises(ConfigError, match=f"^{name}: this is {what}; nothing was .* another name"):
        check(name)


@pytest.mark.parametrize("name", ["events.csv", "new.csv", "no/such", "loop", "register.toml.d"])
@pytest.mark.usefixtures("folder")
def test_any_other_file_may_be_written(name: str) -> None:
    """An export is written again every night; whoever writes the file says what else is wrong."""
    check(name)
