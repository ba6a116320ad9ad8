"""A kiosk that runs carries out the register's erasure orders, heard from a real broker."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from kiosk.clock import ManualClock
from kiosk.config.keys import load_config
from kiosk.daemon.backlog import Backlog
from kiosk.daemon.daemon import Daemon
from kiosk.daemon.health.report import Vitals
from kiosk.daemon.health.status_board import State, StatusBoard
from kiosk.daemon.news.erasing import GalleryUse
from kiosk.daemon.systemd import Notifier
from kiosk.daemon.wiring import build_daemon
from kiosk.erasure import order
from kiosk.errors import ReloadError
from kiosk.outbox.outbox import Outbox
from kiosk.people.keyring import Keyring
from kiosk.people.write_lock import write_lock
from kiosk.protocol.erasure import (
    ErasureOrders,
    ErasureReceipts,
    Order,
    SealedOrder,
    decode_receipts,
    encode_orders,
    seal_order,
)
from kiosk.protocol.health import decode_health
from kiosk.protocol.signature import Signer, is_signed_by
from kiosk.protocol.topics import ERASURE, ERASURE_RECEIPT, HEALTH, KioskAddress
from kiosk.records import Image
from kiosk.service_status import Reload
from tests.kiosk.daemon.news.test_erasure_desk import REGISTER, TRUSTED, name
from tests.kiosk.daemon.test_daemon import open_scripts
from tests.kiosk.erasure.support import attend, enrolled, holding, roster
from tests.mosquitto import PATIENCE_S, Listener, Mosquitto
from tests.support import write_config

EMPTY: Image = np.full((120, 160, 3), 128, np.uint8)


class School:
    """A register's side of the broker, and the kiosk's files."""

    def __init__(self, mosquitto: Mosquitto, folder: Path, bundle: Path, protocol: str) -> None:
        mqtt = f'[mqtt]\nhost = "{mosquitto.host}"\nport = {mosquitto.port}\n'
        more = f'{mqtt}protocol = "{protocol}"\n[register]\npublic_key = "{TRUSTED}"\n'
        self.config = load_config(write_config(folder, bundle, more))
        enrolled(self.config, "s-1", "s-2")
        attend(self.config, "s-1")
        roster(self.config, "s-1,Ana\n")
        self.address = KioskAddress.of(self.config.kiosk)
        self.heard: Listener = mosquitto.listen(self.address.topic(ERASURE_RECEIPT))
        self.health: Listener = mosquitto.listen(self.address.topic(HEALTH))
        self.signing_key = self.sealing_key = ""

    def order(self, version: int, *subjects: str) -> None:
        """Publish a list, sealed with the key that the kiosk's signed health tells."""
        if not self.sealing_key:
            self._read_health()
        orders = tuple(
            SealedOrder(
                order=name(int(one[2:])),
                sealed=seal_order(Order(subject_id=one, consent=7), self.sealing_key),
            )
            for one in subjects
        )
        listed = encode_orders(ErasureOrders(version=version, orders=orders))
        payload = Signer(REGISTER, self.address).sign(listed)
        self.heard.client.publish(self.address.topic(ERASURE), payload, qos=1, retain=True)

    def _read_health(self) -> None:
        payload = self.health.next()[1]
        health = decode_health(payload)
        assert health.public_key
        assert health.sealing_key
        assert is_signed_by(payload, self.address, health.public_key)
        assert health.register_key == TRUSTED
        self.signing_key, self.sealing_key = health.public_key, health.sealing_key

    def answer(self) -> ErasureReceipts | None:
        """The next receipts, if there are any, signed by the kiosk."""
        if self.heard.heard.empty():
            return None
        payload = self.heard.next()[1]
        assert is_signed_by(payload, self.address, self.signing_key)
        return decode_receipts(payload)

    def clear(self) -> None:
        for kind in (ERASURE, HEALTH):
            self.heard.client.publish(self.address.topic(kind), b"", 1, retain=True)


def state(folder: Path, clock: ManualClock) -> State:
    """The state of a daemon that has nobody to talk to."""
    return State(
        StatusBoard(folder / "status.json", Notifier(""), clock, folder, "0"),
        clock,
        Vitals(people=1),
        Outbox(folder / "outbox.sqlite3"),
        Backlog(),
        model_id="model-1",
        broker="",
        broker_fault=str,
        report=lambda: None,
    )


def run(school: School, script: Iterator[Image]) -> Daemon:
    with ExitStack() as stack:
        clock = ManualClock()
        camera = open_scripts(clock, [script])
        daemon = build_daemon(school.config, stack, clock=clock, camera=camera)
        daemon.run()
    return daemon


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_running_kiosk_erases_and_answers(
    protocol: str,
    mosquitto: Mosquitto,
    bundle_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Frames go on while another command holds the gallery; then the face is gone everywhere."""
    monkeypatch.setattr(order, "_WAIT_S", 0.05)
    school = School(mosquitto, tmp_path, bundle_path, protocol)
    whys: list[str] = []
    last: list[ErasureReceipts] = []

    def script() -> Iterator[Image]:
        yield EMPTY
        until_s = time.monotonic() + PATIENCE_S
        with write_lock(school.config, "kiosk enrol"):
            school.order(1, "s-1")
            while not whys and time.monotonic() < until_s:
                yield EMPTY
                if answer := school.answer():
                    whys.extend(place.why for one in answer.results for place in one.not_erased)
        school.order(2, "s-1")  # as when it is heard again after a reconnection
        while not last and time.monotonic() < until_s:
            yield EMPTY
            answer = school.answer()
            if answer and answer.results and answer.results[0].is_done:
                last.append(answer)

    daemon = run(school, script())
    school.clear()
    assert whys == ["locked"]
    (receipt,) = last
    assert (receipt.version, receipt.results[0].erased) == (2, {"gallery": 1, "attendance": 1})
    assert len(daemon.pipeline.matcher) == 1
    assert holding(school.config, "s-1") == ["outbox.sqlite3"]  # the event that waits
    assert Keyring.of(school.config).path.exists()
    assert "Ana" in Path(school.config.state.roster).read_text()


@pytest.mark.parametrize(
    ("began_s", "fault", "expected"),
    [
        (-0.1, "", "did not read the gallery again"),
        (0.0, "", ""),
        (0.0, "gallery.npz: is damaged", "is damaged"),
    ],
)
def test_a_reload_counts_that_began_after_the_erasure(
    began_s: float, fault: str, expected: str, tmp_path: Path
) -> None:
    """One that began before it may have read the face; one that failed has the old gallery."""
    clock = ManualClock()
    use_gallery = GalleryUse(state(tmp_path, clock), Event(), Event(), clock, patience_s=0.2)
    started_s = clock.monotonic_s() + began_s
    use_gallery.state.reload = Reload(number=1, started_s=started_s, error=fault)
    with pytest.raises(ReloadError, match=expected) if expected else nullcontext():
        use_gallery()
