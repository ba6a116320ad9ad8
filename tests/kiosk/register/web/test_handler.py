"""How requests are divided among threads."""

import asyncio
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from typing import Any

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse

from kiosk.register.config import RegisterConfig
from kiosk.register.web.application import build_application
from kiosk.register.web.handler import BODY_MAX, THREADS, PooledHandler, Receive

STREAM = "/stream"


class Counting(PooledHandler):
    """Notes the thread of each request, which takes as long as all others need to begin."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__((STREAM,))
        self.threads: list[int] = []
        monkeypatch.setattr(self._pages, "get_response", self.show)

    def show(self, request: HttpRequest) -> HttpResponse:
        assert request.method == "GET"
        self.threads.append(threading.get_ident())
        time.sleep(0.01)
        return HttpResponse("a page")

    async def get_response_async(self, request: HttpRequest) -> HttpResponse:
        assert request.method == "GET"
        self.threads.append(await sync_to_async(threading.get_ident)())
        await asyncio.sleep(0.01)
        return HttpResponse("a stream")


async def _ask(handler: ASGIHandler, path: str) -> list[Mapping[str, Any]]:
    """Return what the handler sends."""
    messages: list[dict[str, object]] = [{"type": "http.request"}]

    async def receive() -> dict[str, object]:
        if messages:
            return messages.pop()
        return await asyncio.Future()

    return await _ask_with(handler, path, receive)


async def _ask_with(handler: ASGIHandler, path: str, receive: Receive) -> list[Mapping[str, Any]]:
    """Return what the handler sends to who sends this."""
    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    sent: list[Mapping[str, Any]] = []

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    await handler(scope, receive, send)
    return sent


@pytest.mark.usefixtures("school")
def test_many_requests_share_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few connections to the database serve all pages, and stay open."""

    async def course() -> Counting:
        handler = Counting(monkeypatch)
        for _ in range(2):
            await asyncio.gather(*(_ask(handler, "/now") for _ in range(3 * THREADS)))
        return handler

    threads = asyncio.run(course()).threads
    assert len(threads) == 6 * THREADS
    assert len(set(threads)) == THREADS


@pytest.mark.usefixtures("school")
def test_a_stream_takes_no_thread_from_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages stay open, requests are handled."""

    async def course() -> Counting:
        handler = Counting(monkeypatch)
        await asyncio.gather(*(_ask(handler, STREAM) for _ in range(2 * THREADS)))
        return handler

    assert len(set(asyncio.run(course()).threads)) == 2 * THREADS


@pytest.mark.parametrize("path", ["/now", STREAM])
@pytest.mark.usefixtures("school")
def test_a_request_does_not_use_the_context_of_the_one_before(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may begin the next request of a connection within the last one's context."""

    async def leave_context() -> Context:
        async with ThreadSensitiveContext(executor=ThreadPoolExecutor(1)):
            return copy_context()

    async def course() -> Counting:
        handler = Counting(monkeypatch)
        left = await leave_context()
        await asyncio.create_task(_ask(handler, path), context=left)
        return handler

    assert len(asyncio.run(course()).threads) == 1


def test_pages_and_files_are_answered_with_the_same_headers(config: RegisterConfig) -> None:
    """Whichever way a request takes, the browser is told what it may do with the answer."""
    handler = build_application(config)
    paths = {"/sign-in": 200, "/absent": 404, "/static/style.css": 200, "/static/absent.css": 404}

    async def course() -> list[Mapping[str, Any]]:
        return [(await _ask(handler, path))[0] for path in paths]

    begun = asyncio.run(course())
    assert [one["status"] for one in begun] == list(paths.values())
    wanted = {b"Content-Security-Policy", b"X-Content-Type-Options", b"Referrer-Policy"}
    for one in begun:
        assert wanted <= {name for name, _ in one["headers"]}


@pytest.mark.parametrize("path", ["/sign-in", STREAM])
def test_a_request_without_end_is_refused(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would fill the disk, and nobody needs to be signed in to send it."""
    piece = bytes(1_000_000)
    received = 0

    async def receive() -> dict[str, object]:
        nonlocal received
        received += len(piece)
        assert received <= BODY_MAX + len(piece)
        return {"type": "http.request", "body": piece, "more_body": True}

    (start, _body) = asyncio.run(_ask_with(Counting(monkeypatch), path, receive))
    assert start["status"] == 413
    assert (b"Connection", b"close") in start["headers"]
