"""Log an outage of the database: one line when it begins, one when it ends."""

import logging
from dataclasses import dataclass
from typing import Final

_log = logging.getLogger(__name__)

_FIRST_S: Final = 0.2


@dataclass(slots=True)
class DatabaseOutage:
    """Counts failed attempts, and says how long to wait before the next.

    Attributes:
        name: How messages call the database.
        longest_s: Longest wait, seconds.
        is_quiet: Another part of this process says the same; log for debugging alone.
        attempts: Failed attempts in a row.
        began_s: When the first of them failed, monotonic seconds.
    """

    name: str
    longest_s: float
    is_quiet: bool = False
    attempts: int = 0
    began_s: float = 0.0

    def failed(self, cause: Exception, now_s: float) -> float:
        """Note a failed attempt; return the wait before the next, seconds."""
        if not self.attempts:
            self.began_s = now_s
            level = logging.DEBUG if self.is_quiet else logging.WARNING
            _log.log(level, "%s is away (%s); trying again", self.name, one_line(cause))
        self.attempts += 1
        return float(min(_FIRST_S * 2 ** min(self.attempts - 1, 16), self.longest_s))

    def succeeded(self, now_s: float) -> None:
        """Note an attempt that went well."""
        if self.attempts:
            level = logging.DEBUG if self.is_quiet else logging.INFO
            _log.log(level, "%s is back after %.0f s", self.name, now_s - self.began_s)
            self.attempts = 0


def one_line(error: Exception) -> str:
    """Return the text of a database's error in one line; libpq's has several."""
    return " ".join(str(error).split())
