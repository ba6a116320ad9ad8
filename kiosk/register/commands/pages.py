"""``kiosk register pages``: serve the pages until stopped."""

import logging
import multiprocessing.connection
import signal
import socket
import threading
from typing import Final

import uvicorn
from django.db import connections

from kiosk.cli import end_with_parent
from kiosk.errors import RegisterError
from kiosk.register.accounts.oidc import client_of
from kiosk.register.config import PagesSection, RegisterConfig
from kiosk.register.database import explained, keep_connections, migrate
from kiosk.register.web.application import build_application

_log = logging.getLogger(__name__)
_STOP: Final = (signal.SIGTERM, signal.SIGINT)
_BACKLOG: Final = 2048
"""Connections that may wait for a process; uvicorn's own number."""


def serve_pages(config: RegisterConfig) -> int:
    """Serve the pages until SIGTERM or SIGINT; return the exit code.

    Raises:
        RegisterError: The database or the address cannot be used, or one of several processes has
            ended by itself.
        ConfigError, MissingExtraError: A service for signing in cannot be used as configured.
    """
    for one in config.oidc:
        client_of(one)
    with explained():
        migrate()
    keep_connections()
    _log.info("pages at %s", address(config.pages))
    if config.pages.processes > 1:
        serve_by_processes(config)
        return 0
    try:
        uvicorn.Server(server_config(config)).run()
    except SystemExit as exc:  # uvicorn ends the process when it cannot listen, and says why
        raise RegisterError(_no_address(config.pages)) from exc
    return 0


def serve_by_processes(config: RegisterConfig) -> None:
    """Serve the pages in several processes, which share nothing but the database and the port.

    If one ends by itself, all end: whoever started this program starts it again.

    Raises:
        RegisterError: The address cannot be used, or a process has ended by itself.
    """
    listeners = _listen(config.pages)
    connections.close_all()  # a connection is of one process
    # No thread runs yet. Forked, the processes share the memory of what is loaded.
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_serve, args=(config, one)) for one in listeners]
    is_told = threading.Event()

    def stop(*_signal: object) -> None:
        is_told.set()
        for one in processes:
            if one.is_alive():
                one.terminate()

    for number in _STOP:
        signal.signal(number, stop)
    for one in processes:
        one.start()
    multiprocessing.connection.wait([one.sentinel for one in processes])
    has_failed = not is_told.is_set()
    stop()
    for one in processes:
        one.join()
    if has_failed:
        raise RegisterError("a process of the pages has ended; see the lines before this one")


def _serve(config: RegisterConfig, listener: socket.socket) -> None:
    for number in _STOP:  # until the server has its own
        signal.signal(number, signal.SIG_DFL)
    end_with_parent()  # without systemd, nobody else would free the port
    uvicorn.Server(server_config(config)).run(sockets=[listener])


def _listen(pages: PagesSection) -> list[socket.socket]:
    """Return a socket for each process; the kernel divides the connections among them.

    Raises:
        RegisterError: The address is used, or not of this machine.
    """
    family = socket.AF_INET6 if ":" in pages.host else socket.AF_INET
    at = (pages.host, pages.port)
    try:
        # The first one is opened alone: another program at this port is an error.
        socket.create_server(at, family=family).close()
        return [
            socket.create_server(at, family=family, backlog=_BACKLOG, reuse_port=True)
            for _ in range(pages.processes)
        ]
    except OSError as exc:
        raise RegisterError(f"{_no_address(pages)} ({exc.strerror})") from exc


def _no_address(pages: PagesSection) -> str:
    return f"pages.host, pages.port: cannot listen at {pages.host}:{pages.port}"


def server_config(config: RegisterConfig) -> uvicorn.Config:
    """Return how uvicorn serves the application."""
    return uvicorn.Config(
        build_application(config),
        host=config.pages.host,
        port=config.pages.port,
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        # Only a web server on this machine may say whom it speaks for.
        forwarded_allow_ips="127.0.0.1",
        timeout_graceful_shutdown=3,
    )


def address(pages: PagesSection) -> str:
    """Return the address to type into a browser."""
    return pages.url or f"http://{pages.host}:{pages.port}"
