"""The log on standard error; for the journal with priorities, so that `journalctl -p` works."""

import contextlib
import logging
import os
import sys
from collections.abc import Mapping
from typing import Final, TextIO

from kiosk.printable import printable

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


class PlainFormatter(logging.Formatter):
    """One line for a message, whose text may come from files and from the network."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line; the traceback, if any, follows it as it is."""
        return printable(super().formatMessage(record))


class JournalFormatter(PlainFormatter):
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


class OnceWarner:
    """Logs each warning once, and at most so many: whoever may publish could fill the log.

    Args:
        log: Where to.
        most: How many different warnings.
    """

    def __init__(self, log: logging.Logger, most: int = 100) -> None:
        self._log = log
        self._most = most
        self._said: set[str] = set()

    def warn(self, text: str) -> None:
        """Log a warning, unless it was logged before."""
        if text not in self._said and len(self._said) < self._most:
            self._said.add(text)
            self._log.warning("%s", text)


def set_up_logging(level: int) -> None:
    """Log to standard error from this level on."""
    kind = JournalFormatter if is_journal(sys.stderr, os.environ) else PlainFormatter
    handler = logging.StreamHandler()
    handler.setFormatter(kind(_FORMAT))
    logging.basicConfig(level=level, handlers=[handler])


def write_error(text: str) -> None:
    """Write the last words of a command to standard error, if it can be written.

    They may quote files, so they are printed without control characters.
    """
    priority = f"<{_ERROR}>" if is_journal(sys.stderr, os.environ) else ""
    with contextlib.suppress(OSError):
        for line in text.splitlines():
            sys.stderr.write(f"{priority}{printable(line)}\n")
