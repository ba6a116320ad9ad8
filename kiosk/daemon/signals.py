"""Run the daemon as a service: handle its signals and return its exit code."""

import logging
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack

from kiosk.config import Config
from kiosk.daemon.wiring import build_daemon

_log = logging.getLogger(__name__)


def serve(read_config: Callable[[], Config]) -> int:
    """Run until SIGTERM or SIGINT, or until the recording ends.

    SIGHUP reads the gallery and section ``decision`` of the configuration again. A long-lived
    thread that fails ends the process with an error, and systemd restarts it.

    Args:
        read_config: Reads the configuration.

    Returns:
        The exit code, 0.

    Raises:
        KioskError: A part failed its check at the start, or failed later.
    """
    with ExitStack() as stack:
        daemon = build_daemon(read_config(), stack, read_config=read_config)
        for number in (signal.SIGTERM, signal.SIGINT):
            _on(number, daemon.stop)
        _on(signal.SIGHUP, daemon.reload)
        daemon.run()
    _log.info("stopped")
    return 0


def _on(number: signal.Signals, event: threading.Event) -> None:
    # A handler runs between two steps of the main thread, which may hold the event's lock at that
    # moment: setting the event in the handler could then wait for ever.
    signal.signal(number, lambda _number, _frame: threading.Thread(target=event.set).start())
