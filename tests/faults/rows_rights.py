"""What nobody may do, tried: with other accounts, without TLS, as another user of the machine."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from kiosk.config.keys import load_config
from kiosk.protocol.topics import KioskAddress
from tests.certificates import Authority
from tests.faults.count import Count
from tests.faults.real_kiosk import RealKiosk
from tests.faults.stage import NotPossibleError, Stage
from tests.systemd.test_mosquitto import (
    ALL,
    SAID_BY_KIOSK,
    SAID_BY_REGISTER,
    Client,
    accounts,
    configuration,
)

_DOOR: Final = KioskAddress("school", "room-1", "kiosk-1")
_NEIGHBOUR: Final = KioskAddress("school", "room-2", "kiosk-1")
_HELLO: Final = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x"
_CONNACK: Final = b"\x20"
_NOBODY: Final = "65534"
_EVERY: Final = (*SAID_BY_KIOSK, *SAID_BY_REGISTER)


def forbidden_acts(stage: Stage) -> int:
    """Try each forbidden act while people pass; the broker has the shipped access list, and TLS.

    Files are those of a `kiosk run` with umask 0. What the unit forbids to the kiosk itself
    would need a systemd.
    """
    if os.geteuid() or shutil.which("setpriv") is None:
        raise NotPossibleError("no other user can be tried (root may, with setpriv)")
    ca_file = _secure(stage)
    stage.register.start()
    stage.kiosk.start()
    count = stage.many(200)
    stage.kiosk.begin(count, count / 4.0)
    tried = [*_at_the_broker(stage, ca_file), *_at_the_files(stage)]
    stage.kiosk.finish()
    stage.beside = Count(0, 0, 0, forbidden=sum(tried))
    return len(tried)


def _secure(stage: Stage) -> Path:
    """Give the broker TLS, accounts and the access list; return the authority's certificate."""
    authority = Authority(stage.folder)
    certificate, key = authority.issue("server", "127.0.0.1")
    names = (str(_DOOR), str(_NEIGHBOUR), "register", "watch")
    passwords = accounts(stage.broker.folder, *names)
    tls = (f"certfile {certificate}", f"keyfile {key}")
    stage.broker.configure(
        *configuration(stage.broker.folder, *tls, f"password_file {passwords}"),
    )
    stage.broker.restart()
    secret = stage.folder / "secret"
    secret.touch(0o600)
    secret.write_text("secret")
    account = f'ca_file = "{authority.ca_file}"\npassword_file = "{secret}"\nusername = '
    stage.kiosk.connect_to(*stage.broker.address)  # the proxy reads no TLS
    stage.kiosk.add_to_mqtt(f'{account}"{_DOOR}"\n')
    stage.register.add_to_mqtt(f'{account}"register"\n')
    return authority.ca_file


def _at_the_broker(stage: Stage, ca_file: Path) -> Iterator[bool]:
    """Yield of each act whether it was not refused."""
    with ExitStack() as stack:

        def client(name: str, password: str = "secret") -> Client:
            return stack.enter_context(
                closing(Client(stage.broker, name, password, ca_file=ca_file))
            )

        neighbour = client(str(_NEIGHBOUR))
        neighbour.subscribe(ALL, "#")
        yield from _published(neighbour, _DOOR, _EVERY)
        yield from _published(client("watch"), _DOOR, _EVERY)
        yield from _published(client("register"), _DOOR, SAID_BY_KIOSK)
        own = client(str(_DOOR))
        yield from _published(own, _DOOR, SAID_BY_REGISTER)
        yield from _published(own, _NEIGHBOUR, _EVERY)
        yield bool(neighbour.hears())
        for name, password in (("", ""), ("register", "wrong"), ("unknown", "secret")):
            yield client(name, password).is_connected
    yield _is_heard_without_tls(stage.broker.address)


def _published(client: Client, address: KioskAddress, kinds: Iterable[str]) -> Iterator[bool]:
    for kind in kinds:
        yield client.may_publish(address.topic(kind))


def _is_heard_without_tls(address: tuple[str, int]) -> bool:
    with socket.create_connection(address, 10.0) as plain:
        plain.sendall(_HELLO)
        try:
            return plain.recv(1) == _CONNACK
        except ConnectionError:
            return False


def _at_the_files(stage: Stage) -> Iterator[bool]:
    """Yield of each file of a kiosk, and its folder, whether another user can use it."""
    with tempfile.TemporaryDirectory(prefix="kiosk-faults-") as name:
        place = Path(name)
        place.chmod(0o755)
        kiosk = RealKiosk(place, stage.broker.port)
        config = load_config(kiosk.config)
        with kiosk.running(umask=0):
            state = config.directory
            yield from _usable(state, "rx")
            state.chmod(0o711)  # or the folder would hide the files
            for file in sorted(state.iterdir()):
                yield from _usable(file, "rw")


def _usable(path: Path, how: str) -> Iterator[bool]:
    as_nobody = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    for one in how:
        yield not subprocess.run([*as_nobody, "test", f"-{one}", str(path)], check=False).returncode
