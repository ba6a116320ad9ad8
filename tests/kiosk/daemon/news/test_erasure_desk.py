"""The desk that carries out erasure orders: whose it obeys, how often, and what it answers."""

import logging
import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.daemon.news.erasure_desk import ErasureDesk, Outcome
from kiosk.daemon.news.erasure_list import ErasureFile
from kiosk.protocol.erasure import (
    ErasureOrders,
    ErasureReceipts,
    Order,
    SealedOrder,
    decode_receipts,
    encode_orders,
    seal_order,
)
from kiosk.protocol.sealing import Opener
from kiosk.protocol.signature import Signer
from kiosk.protocol.topics import KioskAddress

REGISTER = Ed25519PrivateKey.from_private_bytes(b"r" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
KIOSK = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
DOOR = KioskAddress("school", "room-1", "kiosk-1")
NEIGHBOUR = KioskAddress("school", "room-2", "kiosk-1")
TRUSTED = Signer(REGISTER, DOOR).public_key
PATIENCE_S = 20.0


def name(number: int) -> str:
    return f"11111111-1111-4111-8111-{number:012x}"


def orders(
    version: int,
    *subjects: str,
    key: Ed25519PrivateKey = REGISTER,
    address: KioskAddress = DOOR,
    sealed_for: Ed25519PrivateKey = KIOSK,
) -> bytes:
    """The list as the register publishes it; the order of "s-3" is number 3."""
    sealed = [
        SealedOrder(
            order=name(int(one[2:])),
            sealed=seal_order(Order(subject_id=one, consent=7), Opener(sealed_for).public_key),
        )
        for one in subjects
    ]
    return Signer(key, address).sign(
        encode_orders(ErasureOrders(version=version, orders=(*sealed,)))
    )


class Kiosk:
    """A desk with its files, what it has erased, and what it has answered."""

    def __init__(self, folder: Path, key: str = TRUSTED) -> None:
        self.path = folder / "erasure-orders.json"
        self.key = key
        self.erased: list[str] = []
        self.answers: queue.Queue[ErasureReceipts] = queue.Queue()
        self.outcome: Callable[[], Outcome] = lambda: Outcome({"gallery": 1})
        self.desk = self.start()

    def start(self) -> ErasureDesk:
        file = ErasureFile.at(self.path, DOOR, self.key)
        return ErasureDesk(
            file, Opener(KIOSK), self.erase, lambda one: self.answers.put(decode_receipts(one))
        )

    def erase(self, order: Order) -> Outcome:
        self.erased.append(order.subject_id)
        return self.outcome()

    def restart(self) -> None:
        self.desk.close()
        self.desk = self.start()

    def wait(self, done: int, version: int) -> ErasureReceipts:
        """The first answer that says so many orders of a list are carried out."""
        while True:
            answer = self.answers.get(timeout=PATIENCE_S)
            if answer.version == version and sum(one.is_done for one in answer.results) == done:
                return answer

    def wait_for(self, why: str) -> None:
        while True:
            answer = self.answers.get(timeout=PATIENCE_S)
            if why in {place.why for one in answer.results for place in one.not_erased}:
                return


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[Kiosk]:
    kiosk = Kiosk(tmp_path)
    yield kiosk
    kiosk.desk.close()


def test_an_order_is_carried_out_once_and_answered_each_time(kiosk: Kiosk) -> None:
    """The retained list comes at each connect; a receipt may have been lost."""
    heard = orders(1, "s-1", "s-2")
    kiosk.desk.hear(heard)
    answer = kiosk.wait(2, 1)
    assert [(one.order, one.erased) for one in answer.results] == [
        (name(1), {"gallery": 1}),
        (name(2), {"gallery": 1}),
    ]
    kiosk.desk.hear(heard)
    kiosk.wait(2, 1)
    kiosk.restart()
    kiosk.desk.hear(heard)
    kiosk.wait(2, 1)
    assert kiosk.erased == ["s-1", "s-2"]
    assert b"s-1" not in kiosk.path.read_bytes()


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (orders(2, "s-1", key=STRANGER), "not signed for this kiosk with the key"),
        (orders(2, "s-1", address=NEIGHBOUR), "not signed for this kiosk with the key"),
        (encode_orders(ErasureOrders(version=2, orders=())), "not signed for this kiosk"),
        (b"{}", "not a list of erasure orders"),
        (b"\xff" * 20_000, "not a list of erasure orders"),
    ],
)
def test_nobody_else_can_have_anybody_erased(
    payload: bytes, says: str, kiosk: Kiosk, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says why; what the register orders afterwards is carried out."""
    for _ in range(3):
        kiosk.desk.hear(payload)
    assert [says in line for line in caplog.messages] == [True]
    assert not kiosk.erased
    kiosk.desk.hear(orders(1, "s-2"))
    kiosk.wait(1, 1)
    assert kiosk.erased == ["s-2"]


def test_without_a_key_no_order_is_carried_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One clear line; with the key set and a restart, the same message is enough."""
    kiosk = Kiosk(tmp_path, key="")
    kiosk.desk.hear(orders(1, "s-1"))
    kiosk.desk.hear(orders(1, "s-1"))
    (line,) = caplog.messages
    assert line.endswith("no key of a register is set here (register.public_key)")
    assert (kiosk.erased, kiosk.path.exists(), kiosk.answers.empty()) == ([], False, True)
    kiosk.key = TRUSTED
    kiosk.restart()
    kiosk.desk.hear(orders(1, "s-1"))
    kiosk.wait(1, 1)
    kiosk.desk.close()


def test_an_old_list_is_not_obeyed(kiosk: Kiosk) -> None:
    """A recorded message, played again, erases nobody; the answer says what the kiosk knows."""
    old = orders(1, "s-1")
    kiosk.desk.hear(orders(5))
    kiosk.wait(0, 5)
    kiosk.desk.hear(old)
    kiosk.restart()
    kiosk.desk.hear(old)
    kiosk.wait(0, 5)
    assert not kiosk.erased


def test_an_empty_message_takes_nothing_back(kiosk: Kiosk) -> None:
    """Anybody could send it; the register takes an order back by a newer list."""
    kiosk.outcome = lambda: Outcome(not_erased=(("gallery.npz", "locked"),))
    kiosk.desk.hear(orders(1, "s-1"))
    kiosk.wait_for("locked")
    kiosk.desk.hear(b"")
    kiosk.outcome = Outcome
    kiosk.restart()  # without a network
    kiosk.wait(1, 1)
    kiosk.outcome = lambda: Outcome(not_erased=(("gallery.npz", "locked"),))
    kiosk.desk.hear(orders(2, "s-2"))
    kiosk.wait_for("locked")
    kiosk.desk.hear(orders(3))
    kiosk.wait(0, 3)
    seen = len(kiosk.erased)
    kiosk.restart()
    kiosk.desk.hear(orders(3))
    kiosk.wait(0, 3)
    assert len(kiosk.erased) == seen


def test_what_fails_is_said_and_tried_again(kiosk: Kiosk, caplog: pytest.LogCaptureFixture) -> None:
    """The other orders go on; the log says it once and names nobody."""
    caplog.set_level(logging.INFO)

    def fail() -> Outcome:
        if kiosk.erased[-1] == "s-1":
            raise ValueError("s-1 is a secret")
        return Outcome()

    kiosk.outcome = fail
    heard = orders(1, "s-1", "s-2")
    kiosk.desk.hear(heard)
    assert {one.is_done for one in kiosk.wait(1, 1).results} == {True, False}
    kiosk.outcome = Outcome
    kiosk.desk.hear(heard)
    kiosk.wait(2, 1)
    assert kiosk.erased.count("s-2") == 1
    assert "s-1" not in caplog.text
    assert caplog.text.count("waits: kiosk: failed") == 1


def test_an_order_for_another_key_is_said(kiosk: Kiosk) -> None:
    """After the kiosk got a new key; the register seals it anew when it hears of it."""
    kiosk.desk.hear(orders(1, "s-1", sealed_for=STRANGER))
    kiosk.wait_for("not sealed for this key")
    kiosk.desk.hear(orders(2, "s-1"))
    kiosk.wait(1, 2)
    assert kiosk.erased == ["s-1"]


@pytest.mark.parametrize("damage", [b"", b"{", b'{"orders":"","results":[]}'])
def test_a_damaged_file_is_not_used(
    damage: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The kiosk starts, and the register's message is enough."""
    (tmp_path / "erasure-orders.json").write_bytes(damage)
    kiosk = Kiosk(tmp_path)
    assert "erasure-orders.json: not used" in caplog.text
    kiosk.desk.hear(orders(1, "s-1"))
    kiosk.wait(1, 1)
    kiosk.desk.close()
