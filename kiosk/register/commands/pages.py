"""``kiosk register pages``: serve the pages until stopped."""

import logging

import uvicorn

from kiosk.errors import RegisterError
from kiosk.register.accounts.oidc import client_of
from kiosk.register.config import PagesSection, RegisterConfig
from kiosk.register.database import explained, keep_connections, migrate
from kiosk.register.web.application import build_application

_log = logging.getLogger(__name__)


def serve_pages(config: RegisterConfig) -> int:
    """Serve the pages until SIGTERM or SIGINT; return the exit code.

    Raises:
        RegisterError: The database or the address cannot be used.
        ConfigError, MissingExtraError: A service for signing in cannot be used as configured.
    """
    for one in config.oidc:
        client_of(one)
    with explained():
        migrate()
    keep_connections()
    server = uvicorn.Server(server_config(config))
    _log.info("pages at %s", address(config.pages))
    try:
        server.run()
    except SystemExit as exc:  # uvicorn ends the process when it cannot listen, and says why
        pages = config.pages
        message = f"pages.host, pages.port: cannot listen at {pages.host}:{pages.port}"
        raise RegisterError(message) from exc
    return 0


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
