"""The log: with priorities for the journal, and without them for a person."""

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kiosk.logs import OnceWarner

ROOT = Path(__file__).parents[2]
CODE = """
import logging
from kiosk.cli import run_command
from kiosk.errors import CameraError
from kiosk.logs import set_up_logging
set_up_logging(logging.INFO)
log = logging.getLogger("kiosk.x")
log.info("an information")
log.warning("a warning")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("a failure")
def fail():
    raise CameraError("no camera")
run_command("kiosk", fail)
"""


def said(*, to_journal: bool) -> list[str]:
    """Run a program whose standard error is a file, which systemd names as the journal or not."""
    with tempfile.TemporaryFile() as errors:
        found = os.fstat(errors.fileno())
        inode = found.st_ino if to_journal else found.st_ino + 1
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "JOURNAL_STREAM": f"{found.st_dev}:{inode}",
        }
        subprocess.run([sys.executable, "-c", CODE], stderr=errors, env=environment, check=True)
        errors.seek(0)
        return errors.read().decode().splitlines()


def test_the_journal_gets_a_priority_for_each_line() -> None:
    """`journalctl -p warning` shows warnings and errors, with whole tracebacks, and no more."""
    lines = said(to_journal=True)
    assert lines[:2] == ["<6>INFO kiosk.x: an information", "<4>WARNING kiosk.x: a warning"]
    assert lines[2:4] == ["<3>ERROR kiosk.x: a failure", "<3>Traceback (most recent call last):"]
    assert lines[-1] == "<3>kiosk: no camera"
    assert all(line.startswith("<3>") for line in lines[2:])


def test_a_terminal_gets_no_priority() -> None:
    """Somebody who redirects standard error of a service to a file reads plain lines."""
    lines = said(to_journal=False)
    assert lines[1] == "WARNING kiosk.x: a warning"
    assert not any(line.startswith("<") for line in lines)


def test_a_warning_is_logged_once_and_only_so_many_are(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever may publish at the broker fills neither the log nor the memory."""
    warner = OnceWarner(logging.getLogger("kiosk.x"), most=2)
    for text in ("one", "one", "two %s", "three", "one"):
        warner.warn(text)
    assert caplog.messages == ["one", "two %s"]
