"""Several processes serve the pages together: they share the database, and nothing else."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from msgspec import structs

from kiosk.errors import RegisterError
from kiosk.register.commands.pages import serve_pages
from kiosk.register.config import RegisterConfig
from kiosk.register.models import Account, Change
from tests.kiosk.register.web.support import PASSWORD, School, mark, session_of

PROCESSES = 2
CONNECTIONS = 20
"""So many that each process gets some: all in one would be a chance of 1 in 500,000."""
OWN_SOCKETS = 4
"""Of each process: the listeners, and the two with which a loop wakes itself."""
PATIENCE_S = 30.0


class Pages:
    """`kiosk register pages` as a service runs it."""

    def __init__(self, config: RegisterConfig, folder: Path) -> None:
        self.port = config.pages.port
        path = folder / "register.toml"
        path.write_text(
            f'[mqtt]\nhost = "localhost"\n[database]\npath = "{config.database.path}"\n'
            f"[pages]\nport = {self.port}\nprocesses = {PROCESSES}\n"
        )
        command = [sys.executable, "-m", "kiosk", "register", "--config", str(path), "pages"]
        self.program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        until_s = time.monotonic() + PATIENCE_S
        while len(self.children) < PROCESSES or not self.answers():
            assert self.program.poll() is None, self.program.stderr and self.program.stderr.read()
            assert time.monotonic() < until_s
            time.sleep(0.05)

    @property
    def children(self) -> list[int]:
        path = Path(f"/proc/{self.program.pid}/task/{self.program.pid}/children")
        return [int(one) for one in path.read_text().split()]

    def answers(self) -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(
        self, path: str, session: str = "", form: str | None = None, token: str = ""
    ) -> http.client.HTTPResponse:
        """Return the answer over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        cookie = f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={token}"
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("GET" if form is None else "POST", path, form, headers)
        return connection.getresponse()


@pytest.fixture
def pages(config: RegisterConfig, school: School, tmp_path: Path) -> Iterator[Pages]:
    assert school
    pages = Pages(config, tmp_path)
    yield pages
    pages.program.terminate()
    pages.program.communicate(timeout=PATIENCE_S)


@pytest.mark.slow
def test_both_serve_the_same(pages: Pages, school: School) -> None:
    """Live updates reach the pages of each; wrong passwords are counted together; both end."""
    session = session_of("alice")
    path = f"/changes?kind=lesson&key={school.lesson.lesson_id}"
    streams = [pages.ask(path, session) for _ in range(CONNECTIONS)]
    for one in streams:
        assert _event(one) == "event: connected"
    open_streams = [_sockets(child) - OWN_SOCKETS for child in pages.children]
    assert min(open_streams) > 0
    assert sum(open_streams) == CONNECTIONS
    mark(school.lesson, "s-1", "late")
    assert Change.objects.count() == 1
    for one in streams:
        assert _event(one) == "event: lesson"
    token = "a" * 32
    form = f"username=bob&csrfmiddlewaretoken={token}&password="
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        assert pages.ask("/sign-in", form=form + "wrong", token=token).status == 200
    assert pages.ask("/sign-in", form=form + "wrong", token=token).status == 429
    right = form + PASSWORD.replace(" ", "+")
    assert {pages.ask("/sign-in", form=right, token=token).status for _ in range(4)} == {429}
    Account.objects.filter(username="alice").update(sessions_valid_from=datetime.now(UTC))
    assert {pages.ask("/now", session).status for _ in range(4)} == {302}
    pages.program.terminate()
    assert pages.program.wait(PATIENCE_S) == 0
    assert not pages.answers()


@pytest.mark.slow
def test_if_one_ends_by_itself_all_end(pages: Pages) -> None:
    """So that the service starts them again, and says so."""
    os.kill(pages.children[0], signal.SIGKILL)
    _, said = pages.program.communicate(timeout=PATIENCE_S)
    assert pages.program.returncode not in (0, None)
    assert "a process of the pages has ended" in said
    assert "Traceback" not in said
    assert not pages.answers()


@pytest.mark.slow
def test_if_the_first_process_is_killed_all_end(pages: Pages) -> None:
    """Without systemd nobody else ends them, and the next start would find the port in use."""
    pages.program.kill()
    until_s = time.monotonic() + PATIENCE_S
    while pages.answers():
        assert time.monotonic() < until_s
        time.sleep(0.05)


def test_a_port_that_is_used_is_an_error(config: RegisterConfig) -> None:
    """Also one that other pages share."""
    pages = structs.replace(config.pages, processes=PROCESSES)
    with (
        socket.create_server(("127.0.0.1", pages.port), reuse_port=True),
        pytest.raises(RegisterError, match=rf"pages.port: cannot listen at 127.0.0.1:{pages.port}"),
    ):
        serve_pages(structs.replace(config, pages=pages))


def _event(stream: http.client.HTTPResponse) -> str:
    """Return the next event of a stream; the lines around it are no news."""
    while line := stream.readline().decode():
        if line.startswith("event"):
            return line.strip()
    return "the end"


def _sockets(process: int) -> int:
    """Return how many sockets a process has open."""
    files = Path(f"/proc/{process}/fd").iterdir()
    return sum(str(one.readlink()).startswith("socket:") for one in files)
