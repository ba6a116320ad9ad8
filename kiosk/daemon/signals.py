"""Run the daemon as a service: handle its signals and return its exit code."""

import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

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
        events: dict[int, threading.Event] = {
            signal.SIGTERM: daemon.stop,
            signal.SIGINT: daemon.stop,
            signal.SIGHUP: daemon.reload,
        }
        stack.enter_context(_set_by_signals(events))
        daemon.run()
    _log.info("stopped")
    return 0


@contextmanager
def _set_by_signals(events: Mapping[int, threading.Event]) -> Iterator[None]:
    """Set the event of each signal that arrives.

    Python runs a handler in the main thread, between two of its steps. A signal that arrives while
    that thread begins to wait for a lock is handled only after the wait, which a slow recording
    makes long. So a thread reads the signals' numbers from the socket to which Python writes them
    at once.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)  # required by set_wakeup_fd
    for number in events:
        signal.signal(number, _do_nothing)
    signal.set_wakeup_fd(writer.fileno())
    thread = threading.Thread(target=_set_events, args=(reader, events), name="signals")
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        writer.close()  # ends the thread
        thread.join()
        reader.close()


def _set_events(reader: socket.socket, events: Mapping[int, threading.Event]) -> None:
    while numbers := reader.recv(64):
        for number in numbers:
            if number in events:
                events[number].set()


def _do_nothing(_number: int, _frame: object) -> None:
    """Handle a signal; without a handler Python would not write its number to the socket."""
