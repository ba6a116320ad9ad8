"""Run the daemon as a service: handle its signals and return its exit code."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final

from kiosk.clock import Clock, SystemClock
from kiosk.config.keys import Config
from kiosk.daemon.state_folder import open_outbox
from kiosk.daemon.systemd import Notifier, Watchdog
from kiosk.daemon.wiring import build_board, build_daemon
from kiosk.errors import OutboxError

_log = logging.getLogger(__name__)

_DISK_S: Final = 2.0
"""How often an outbox that cannot be opened is tried again; systemd expects a heartbeat in 30 s."""


def serve(read_config: Callable[[], Config]) -> int:
    """Run until SIGTERM or SIGINT, or until the recording ends.

    SIGHUP reads gallery, thresholds and timetable again. A long-lived thread that fails ends the
    process with an error, and systemd restarts it.

    Args:
        read_config: Reads the configuration.

    Returns:
        The exit code, 0.

    Raises:
        KioskError: The configuration or the model cannot be used, or a part failed later.
    """
    with ExitStack() as stack:
        config, clock = read_config(), SystemClock()
        stop, reload = threading.Event(), threading.Event()
        events: dict[int, threading.Event] = {
            signal.SIGTERM: stop,
            signal.SIGINT: stop,
            signal.SIGHUP: reload,
        }
        stack.enter_context(_set_by_signals(events))
        while not stop.is_set():
            try:
                daemon = build_daemon(
                    config, stack, clock=clock, read_config=read_config, stop=stop, reload=reload
                )
            except OutboxError as exc:
                wait_for_disk(config, exc, clock, stop)
                continue
            daemon.run()
            break
    _log.info("stopped")
    return 0


def wait_for_disk(config: Config, error: OutboxError, clock: Clock, stop: threading.Event) -> None:
    """Wait until the outbox can be opened, or until ``stop`` is set.

    Args:
        config: Names the outbox.
        error: Why it cannot be opened.
        clock: Time.
        stop: Ends the wait.

    Raises:
        ConfigError: ``state.directory`` cannot be created.
    """
    _log.error("waiting for the disk: %s", error)
    notifier = Notifier.from_environment(os.environ)
    watchdog = Watchdog.from_environment(os.environ, notifier)
    board = build_board(config, notifier, clock)
    try:
        while not stop.is_set():
            board.show(outbox_fault=str(error))
            if not board.is_ready:
                board.tell_ready()
            watchdog.beat(clock.monotonic_s())
            clock.sleep(_DISK_S, stop)
            try:
                open_outbox(config).close()
            except OutboxError as exc:
                error = exc
            else:
                _log.info("the outbox can be opened")
                return
    finally:
        board.close()


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
