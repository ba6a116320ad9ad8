"""The sd_notify protocol, against real datagram sockets."""

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.daemon.systemd import Notifier, Watchdog
from kiosk.errors import ConfigError


class Manager:
    """The receiving end, in the place of systemd."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """All messages so far; a datagram is there as soon as it was sent."""
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(str(tmp_path / "notify"))
    yield manager
    manager.close()


@pytest.mark.parametrize("form", ["{folder}/notify", "@attendance-kiosk-test-{pid}"])
def test_each_state_is_one_datagram(form: str, tmp_path: Path) -> None:
    """Path and abstract sockets get READY, RELOADING, STATUS, WATCHDOG and STOPPING as defined."""
    manager = Manager(form.format(folder=tmp_path, pid=os.getpid()))
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": manager.address})
    notifier.ready()
    notifier.ready("watching the door")
    notifier.reloading(12.3456789)
    notifier.status("camera gone")
    notifier.watchdog()
    notifier.stopping()
    assert manager.heard() == [
        "READY=1",
        "READY=1\nSTATUS=watching the door",
        "RELOADING=1\nMONOTONIC_USEC=12345679",
        "STATUS=camera gone",
        "WATCHDOG=1",
        "STOPPING=1",
    ]
    manager.close()


def test_a_status_cannot_contain_another_assignment(manager: Manager) -> None:
    """Line breaks in a status become spaces."""
    Notifier(manager.address).status("one\nWATCHDOG=1\n")
    assert manager.heard() == ["STATUS=one WATCHDOG=1"]


def test_without_a_service_manager_nothing_happens() -> None:
    """A kiosk started by hand has no NOTIFY_SOCKET, and sends nothing."""
    notifier = Notifier.from_environment({})
    notifier.ready("here")
    Watchdog.from_environment({"WATCHDOG_USEC": "1000000"}, notifier).beat(1.0)


def test_an_address_of_another_kind_is_rejected() -> None:
    """An address that is neither a path nor an abstract name is an error naming the variable."""
    with pytest.raises(ConfigError, match="NOTIFY_SOCKET"):
        Notifier("vsock:2:1234")


def test_an_unreachable_manager_is_logged_once_and_its_return_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A manager that does not listen gives one line, its return another, and never an error."""
    caplog.set_level(logging.INFO)
    notifier = Notifier(str(tmp_path / "notify"))
    notifier.watchdog()
    notifier.watchdog()
    manager = Manager(str(tmp_path / "notify"))
    notifier.watchdog()
    notifier.watchdog()
    manager.close()
    assert [r.levelname for r in caplog.records] == ["WARNING", "INFO"]


def test_a_heartbeat_is_sent_every_quarter_of_the_timeout(manager: Manager) -> None:
    """The first beat is sent, then one in every quarter of WATCHDOG_USEC, however many come."""
    watchdog = Watchdog.from_environment({"WATCHDOG_USEC": "20000000"}, Notifier(manager.address))
    sent_at = []
    for tenth in range(200):
        watchdog.beat(1000 + tenth / 10)
        sent_at += [tenth / 10 for _ in manager.heard()]
    assert sent_at == [0.0, 5.0, 10.0, 15.0]


def test_a_hung_loop_sends_no_heartbeat(manager: Manager) -> None:
    """Heartbeats are sent only by beats of the loop, and missed ones are not sent later."""
    watchdog = Watchdog.from_environment({"WATCHDOG_USEC": "4000000"}, Notifier(manager.address))
    watchdog.beat(0.0)
    watchdog.beat(100.0)
    assert manager.heard() == ["WATCHDOG=1", "WATCHDOG=1"]


@pytest.mark.parametrize(
    ("environment", "beats"),
    [
        ({}, 0),
        ({"WATCHDOG_USEC": "1000000"}, 1),
        ({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}, 1),
        ({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid() + 1)}, 0),
    ],
)
def test_only_the_process_that_systemd_watches_sends_heartbeats(
    environment: dict[str, str], beats: int, manager: Manager
) -> None:
    """Without WATCHDOG_USEC, or with another process's WATCHDOG_PID, beats send nothing."""
    Watchdog.from_environment(environment, Notifier(manager.address)).beat(1.0)
    assert len(manager.heard()) == beats


@pytest.mark.parametrize(
    ("name", "text"),
    [("WATCHDOG_USEC", "soon"), ("WATCHDOG_USEC", "0"), ("WATCHDOG_PID", "-1")],
)
def test_a_malformed_variable_is_named(name: str, text: str) -> None:
    """A watchdog variable that is not a positive number is an error that names it."""
    environment = {"WATCHDOG_USEC": "1000000", name: text}
    with pytest.raises(ConfigError, match=name):
        Watchdog.from_environment(environment, Notifier(""))
