"""The files of a kiosk, over which no command writes what it exports."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from kiosk.config.keys import Config
from kiosk.config.own_files import refuse_own_file
from kiosk.people.erased import NAME
from kiosk.people.keyring import default_path

_EXPORTED: Final = {".npz", ".csv"}
"""Endings of exports, which a person may keep in the kiosk's folder."""


def refuse_kiosk_file(
    path: Path,
    config: Config,
    config_file: Path,
    own: Iterable[tuple[Path, str]] = (),
    *,
    option: str = "",
) -> None:
    """Reject the path of a new file if it leads to a file of the kiosk.

    Args:
        path: Where the file is to be written.
        config: Names the kiosk's files.
        config_file: The file that the configuration was read from.
        own: What else must not be replaced, and what each is.
        option: Names the path in the error, such as "--summary".

    Raises:
        ConfigError: It is such a file; the message says which.
    """
    refuse_own_file(path, config, config_file, [*own, *_files(config)], option=option)


def _files(config: Config) -> Iterator[tuple[Path, str]]:
    yield config.gallery_path, "the kiosk's gallery"
    yield default_path(config.gallery_path), "the key of the kiosk's gallery"
    yield config.outbox_path, "the database of the kiosk's events"
    yield config.directory / NAME, "the list of erased people"
    if config.roster_path is not None:
        yield config.roster_path, "the roster"
    with suppress(OSError):
        for one in config.directory.iterdir():  # cards, timetable, keys, status and others
            if one.is_file() and one.suffix not in _EXPORTED:
                yield one, "a file of the kiosk (state.directory)"
