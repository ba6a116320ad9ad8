"""Requests of the pages: in a few threads, each of which keeps its connection to the database."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from http import HTTPStatus
from typing import IO, Any, Final, TypeAlias

from csp.middleware import CSPMiddleware
from django.core import signals
from django.core.exceptions import RequestAborted, RequestDataTooBig
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.http import HttpResponse, HttpResponseBase
from django.middleware.security import SecurityMiddleware
from django.urls import set_script_prefix
from servestatic.middleware import ServeStaticMiddleware

from kiosk.register.office.uploads import SIZE_MAX

THREADS: Final = 8
"""So many requests are handled at once; more of them would only wait for each other's processor."""
BODY_MAX: Final = 2 * SIZE_MAX
"""Bytes of the longest request: of a file that is a little too large, the page itself says so."""

Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]


class PooledHandler(ASGIHandler):
    """Django's handler, in which a page costs one change of threads, and no new connection.

    Django's own changes threads for each middleware that is not asynchronous, and waits for the
    processor each time. A stream lives for hours and needs the database at its begin alone, and a
    file needs none: these get no thread of the pages, and are handled as Django does it.

    Args:
        streams: What the paths of streams and files begin with.
    """

    def __init__(self, streams: tuple[str, ...]) -> None:
        super().__init__()
        inner = self._middleware_chain  # type: ignore[has-type] # load_middleware has set it
        self._middleware_chain = SecurityMiddleware(CSPMiddleware(ServeStaticMiddleware(inner)))
        self._streams = streams
        self._pages = BaseHandler()
        self._pages.load_middleware()
        # The last one first: its connection is the one that is surely open.
        self._free: asyncio.LifoQueue[ThreadPoolExecutor] = asyncio.LifoQueue()
        for _ in range(THREADS):
            self._free.put_nowait(ThreadPoolExecutor(1, "pages"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request.

        A server may begin it within the context of the request before on the same connection, which
        is not for this one, so it gets a context of its own.
        """
        is_page = scope["type"] == "http" and not scope["path"].startswith(self._streams)
        handle = self._show if is_page else super().__call__
        try:
            await asyncio.create_task(handle(scope, receive, send), context=Context())
        except RequestDataTooBig:
            too_large = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            text = f"A request has at most {BODY_MAX} bytes.\n"
            refusal = HttpResponse(text, content_type="text/plain", status=too_large)
            refusal.headers["Connection"] = "close"  # or the rest would still be read
            await self.send_response(refusal, send)

    async def read_body(self, receive: Receive) -> IO[bytes]:
        """Read the body of a request; what is long goes into a temporary file.

        Anybody may send one before anything is known of the sender, so it must not fill the disk.

        Raises:
            django.core.exceptions.RequestDataTooBig: It is longer than :data:`BODY_MAX`.
        """
        received = 0

        async def receive_within() -> Mapping[str, Any]:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > BODY_MAX:
                raise RequestDataTooBig
            return message

        return await super().read_body(receive_within)

    async def _show(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        executor = await self._free.get()
        try:
            loop = asyncio.get_running_loop()
            response = await loop.run_in_executor(executor, self._respond, scope, body)
        finally:
            self._free.put_nowait(executor)
        await self.send_response(response, send)

    def _respond(self, scope: Scope, body: IO[bytes]) -> HttpResponseBase:
        """Return the page; everything of it happens in this thread, with its connection."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        response = self._pages.get_response(request) if request is not None else refusal
        assert response is not None  # the one or the other
        response.close()  # of the request; what is in the response stays
        body.close()
        return response
