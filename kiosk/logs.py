"""The log on standard error; for the journal with priorities, so that `journalctl -p` works."""

import logging
import os
import sys
from collections.abc import Mapping
from typing import Final, TextIO

_FORMAT: Final = "%(levelname)s %(name)s: %(message)s"
_ERROR: Final = 3
_PRIORITIES: Final = {
    logging.CRITICAL: 2,
    logging.ERROR: _ERROR,
    logging.WARNING: 4,
    logging.INFO: 6,
    logging.DEBUG: 7,
}
"""Levels of syslog(3), as sd-daemon(3) has them at the begin of a line."""


class JournalFormatter(logging.Formatter):
    """Puts the priority before each line of a message, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message with its priority."""
        lines = super().format(record).splitlines()
        priority = _PRIORITIES.get(record.levelno, _PRIORITIES[logging.INFO])
        return "\n".join(f"<{priority}>{line}" for line in lines)


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether a stream goes to the journal: systemd names it in ``JOURNAL_STREAM``."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def set_up_logging(level: int) -> None:
    """Log to standard error from this level on."""
    kind = JournalFormatter if is_journal(sys.stderr, os.environ) else logging.Formatter
    handler = logging.StreamHandler()
    handler.setFormatter(kind(_FORMAT))
    logging.basicConfig(level=level, handlers=[handler])


def write_error(text: str) -> None:
    """Write the last words of a command to standard error, in one line."""
    priority = f"<{_ERROR}>" if is_journal(sys.stderr, os.environ) else ""
    sys.stderr.write(f"{priority}{text}\n")
