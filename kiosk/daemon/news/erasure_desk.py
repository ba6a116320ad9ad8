"""Carry out the erasure orders of the register, on a thread of its own, and send the receipts.

The thread that owns the connection passes on what it hears. Recognition goes on meanwhile; the
frame loop reads the new gallery as at a reload. What cannot be erased now is tried again, and the
register is told why.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from kiosk.daemon.news.erasure_list import ErasureFile
from kiosk.errors import PayloadError
from kiosk.logs import OnceWarner
from kiosk.protocol.erasure import (
    ErasureReceipts,
    ErasureResult,
    NotErased,
    Order,
    encode_receipts,
    open_order,
)
from kiosk.protocol.sealing import Opener

_log = logging.getLogger(__name__)

_SOON_S: Final = 10.0
_LATER_S: Final = 60.0
_LATEST_S: Final = 900.0
"""What another command uses is tried again soon; what a person must mend, later and later."""
_NOT_ERASED_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an erasure has done.

    Attributes:
        erased: How much, by place.
        not_erased: The places that could not be, with the reason in a word.
    """

    erased: Mapping[str, int] = field(default_factory=dict)
    not_erased: tuple[tuple[str, str], ...] = ()


class ErasureDesk:
    """Hears orders, has them carried out one by one, and answers.

    Args:
        file: Keeps the orders.
        opener: Opens the orders.
        erase: Erases a person; it may take seconds.
        answer: Sends the receipts, unsigned, from any thread.
    """

    def __init__(
        self,
        file: ErasureFile,
        opener: Opener,
        erase: Callable[[Order], Outcome],
        answer: Callable[[bytes], None],
    ) -> None:
        self._file = file
        self._opener = opener
        self._erase = erase
        self._answer = answer
        self._known = file.load()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._warner = OnceWarner(_log)
        if self._known.open:
            self._start()

    def hear(self, payload: bytes) -> None:
        """Take a list of orders, and say what became of those that are known already."""
        if not payload:  # the register has cleared what the broker kept; it takes nothing back
            return
        try:
            orders = self._file.verified(payload)
        except PayloadError as exc:
            self._warner.warn(f"erasure orders are refused: {exc}")
            return
        with self._lock:
            if orders.version > self._known.version:
                self._known = self._known.follow(payload, orders)
                self._file.save(self._known)
                _log.info("the register has %d erasure orders for us", len(orders.orders))
        self._tell()
        if self._known.open:
            self._start()

    def close(self, timeout_s: float = 3.0) -> None:
        """End the thread; what it was doing is done again at the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _start(self) -> None:
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="erasure", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            self._wake.clear()
            whys = self._turn()
            failures = failures + 1 if whys else 0
            later_s = min(_LATER_S * 2 ** max(0, failures - 1), _LATEST_S)
            self._wake.wait(None if not whys else _SOON_S if whys == {"locked"} else later_s)

    def _turn(self) -> set[str]:
        """Try each open order once; return why some could not be carried out."""
        known = self._known
        names = set(known.open)
        whys: set[str] = set()
        for one in known.orders.orders if known.orders else ():
            if self._stop.is_set():
                break
            if one.order in names:
                result = self._carry_out(one.order, one.sealed)
                self._note(result)
                whys |= {place.why for place in result.not_erased}
        return whys

    def _carry_out(self, order: str, sealed: str) -> ErasureResult:
        try:
            outcome = self._erase(open_order(sealed, self._opener))
        except PayloadError as exc:
            self._warner.warn(f"an erasure order cannot be read: {exc}")
            outcome = Outcome(not_erased=(("order", "not sealed for this key"),))
        except Exception as exc:  # noqa: BLE001 - the top of a thread: the other orders go on
            # The text of an error may hold a subject id, which belongs into no log.
            _log.error("erasure order %s: %s; tried again", order, type(exc).__name__)
            outcome = Outcome(not_erased=(("kiosk", "failed"),))
        places = [NotErased(place=p[:100], why=w) for p, w in outcome.not_erased[:_NOT_ERASED_MAX]]
        return ErasureResult(order=order, erased=dict(outcome.erased), not_erased=tuple(places))

    def _note(self, result: ErasureResult) -> None:
        """Keep a result, unless a newer list has taken its order back, and send it."""
        with self._lock:
            known = self._known
            orders = known.orders.orders if known.orders else ()
            if result.order not in {one.order for one in orders}:
                return
            is_news = known.results.get(result.order) != result
            known.results[result.order] = result
            if is_news:
                self._file.save(known)
        if not is_news:
            return
        if result.is_done:
            _log.info("erasure order %s is carried out", result.order)
        for one in result.not_erased:
            _log.warning("erasure order %s waits: %s: %s", result.order, one.place, one.why)
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            known = self._known
            receipts = ErasureReceipts(version=known.version, results=tuple(known.results.values()))
        if known.orders is not None:
            self._answer(encode_receipts(receipts))
