"""Have the running service read gallery, thresholds and timetable again, and wait for its word."""

import os
import signal
import time
from collections.abc import Callable
from typing import Final

from kiosk.config.keys import Config
from kiosk.counted import counted_people
from kiosk.errors import ReloadError
from kiosk.service_status import ServiceStatus, read_status

PATIENCE_S: Final = 40.0
"""The watchdog ends a daemon that hangs after 30 s."""
_STEP_S: Final = 0.05


def request_reload(config: Config, *, patience_s: float = PATIENCE_S) -> ServiceStatus | None:
    """Ask for a reload, and wait until it is done.

    Args:
        config: Names the kiosk.
        patience_s: Longest wait, seconds.

    Returns:
        The state of the service afterwards; ``None`` if no service runs.

    Raises:
        ReloadError: The service kept the old files, or did not answer.
    """
    status = read_status(config)
    if status is None:
        return None
    asked_s = time.monotonic()
    _ask(status.pid)
    while time.monotonic() < asked_s + patience_s:
        status = read_status(config)
        if status is None:
            raise ReloadError("the service has ended meanwhile; see `journalctl -u kiosk`")
        # One that began earlier may have read the files before they were changed.
        if status.reload is not None and status.reload.started_s >= asked_s:
            if status.reload.error:
                raise ReloadError(status.reload.error)
            return status
        time.sleep(_STEP_S)
    raise ReloadError(f"the service did not answer in {patience_s:.0f} s; see `kiosk status`")


def run_reload(config: Config, say: Callable[[str], None]) -> int:
    """Run ``kiosk reload``: the command behind ``systemctl reload kiosk``.

    Raises:
        ReloadError: As :func:`request_reload`, or no service runs.
    """
    status = request_reload(config)
    if status is None:
        raise ReloadError("no service runs with this configuration; `sudo systemctl start kiosk`")
    say(f"read again: {counted_people(status.people)} enrolled")
    if status.restart_keys:
        say(f"changed, but used only after a restart: {', '.join(status.restart_keys)}")
    return 0


def _ask(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGHUP)
    except ProcessLookupError as exc:
        raise ReloadError("the service has ended meanwhile; see `journalctl -u kiosk`") from exc
    except PermissionError as exc:
        raise ReloadError(f"process {pid} belongs to another account; use sudo") from exc
