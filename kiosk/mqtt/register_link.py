"""What the register says to the kiosk: events it has committed, and events to send again.

The messages and their topics stand in :mod:`kiosk.protocol.delivery`. A request is answered in
pieces, each a few events that wait for their PUBACK, so that new events go out meanwhile.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol, TypeVar

from paho.mqtt.reasoncodes import ReasonCode

from kiosk.errors import OutboxError, PayloadError
from kiosk.logs import OnceWarner
from kiosk.mqtt.cloud_event import event_properties
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.in_flight import PendingEvent
from kiosk.mqtt.properties import PublishProperties
from kiosk.mqtt.publisher import is_delivery
from kiosk.mqtt.subscriber import Message
from kiosk.protocol.delivery import (
    Confirmation,
    ReplayDone,
    ReplayRequest,
    SequenceRange,
    decode_delivery,
    encode_delivery,
)
from kiosk.protocol.topics import CONFIRMED, REPLAY, REPLAY_DONE, REPLAYED, KioskAddress

_log = logging.getLogger(__name__)

_NUMBERS_MAX: Final = 10_000
"""How many numbers one answer covers; of a longer request the rest must be asked for again."""
_GONE_MAX: Final = 400
"""How many ranges of missing numbers one answer names, so that its payload is small enough."""
_REQUESTS_MAX: Final = 8
"""How many requests wait; each register has one outstanding and asks again after a time-out."""
_FAULT_S: Final = 5.0
"""How long to wait before an outbox that cannot be used is tried again."""
_NEVER_S: Final = float("inf")

M = TypeVar("M", Confirmation, ReplayRequest)


class Archive(Protocol):
    """What the link needs of the outbox."""

    @property
    def outbox_id(self) -> str:
        """Which outbox this is."""

    def last_sequence(self) -> int:
        """Return the number of the newest event ever stored."""

    def confirm(self, register_id: str, sequence: int) -> bool:
        """Note a confirmation; return whether the number was ever given."""

    def stored(self, first: int, last: int, limit: int) -> Sequence[PendingEvent]:
        """Read events of a range of numbers, delivered or not."""


@dataclass(slots=True, eq=False)
class _Replay:
    """A request, and how far it is answered.

    Attributes:
        first: First number of the answer.
        last: Last number of the answer.
        correlation: MQTT 5 correlation data of the request.
        next: The number to read next; above :attr:`end` when all is sent.
        end: The last number to read.
        unanswered: How many events were sent and wait for their PUBACK.
        gone: Numbers that are not there.
    """

    first: int
    last: int
    correlation: bytes | None
    next: int
    end: int
    unanswered: int = 0
    gone: list[SequenceRange] = field(default_factory=list)

    def skip_to(self, sequence: int) -> None:
        """Note that there is no event from :attr:`next` to before this number."""
        if sequence > self.next:
            self.gone.append((self.next, sequence - 1))
        self.next = max(self.next, sequence)


class RegisterLink:
    """Hears the register over a kiosk's connection, on the thread that owns the connection.

    Args:
        connection: The connection, not yet opened.
        outbox: Holds the events.
        address: The kiosk's address.
        window: How many events that are sent again may wait for their PUBACK; fewer than the
            connection takes, so that new events need not wait.
        confirmed: Called when events were confirmed, which may be deleted now.
        sign: Signs an answer.
    """

    def __init__(
        self,
        connection: Connection,
        outbox: Archive,
        address: KioskAddress,
        *,
        window: int = 10,
        confirmed: Callable[[], None] = lambda: None,
        sign: Callable[[bytes], bytes] = lambda payload: payload,
    ) -> None:
        self._connection = connection
        self._outbox = outbox
        self._address = address
        self._window = max(1, window)
        self._confirmed = confirmed
        self._sign = sign
        self._confirmation: Confirmation | None = None
        self._requests: deque[tuple[ReplayRequest, bytes | None]] = deque(maxlen=_REQUESTS_MAX)
        self._replays: deque[_Replay] = deque()
        self._warner = OnceWarner(_log)
        connection.subscribe(address.topic(CONFIRMED), self._on_confirmation)
        connection.subscribe(address.topic(REPLAY), self._on_request)
        connection.each_turn(self._take_turn)

    def _on_confirmation(self, message: Message) -> None:
        confirmation = self._read(message, Confirmation)
        if confirmation is not None and confirmation.outbox_id == self._outbox.outbox_id:
            self._confirmation = confirmation
        message.acknowledge()

    def _on_request(self, message: Message) -> None:
        request = self._read(message, ReplayRequest)
        if request is not None and request.outbox_id == self._outbox.outbox_id:
            self._requests.append((request, message.correlation))
        message.acknowledge()

    def _take_turn(self) -> float:
        """Do what the register asked for; return when to try again after a fault of the outbox."""
        try:
            self._confirm()
            while self._requests:
                self._queue(*self._requests[0])
                self._requests.popleft()
            self._answer()
        except OutboxError:  # the outbox logs it
            return time.monotonic() + _FAULT_S
        return _NEVER_S  # a turn follows each message and each PUBACK

    def _confirm(self) -> None:
        if self._confirmation is None:
            return
        sequence = self._confirmation.sequence
        if self._outbox.confirm(self._confirmation.register_id, sequence):
            self._confirmed()
        else:
            self._warn(f"event {sequence}, which this kiosk never stored")
        self._confirmation = None

    def _queue(self, request: ReplayRequest, correlation: bytes | None) -> None:
        last = min(request.last, request.first + _NUMBERS_MAX - 1)
        if any((one.first, one.last) == (request.first, last) for one in self._replays):
            return
        end = min(last, self._outbox.last_sequence())
        if end < request.last and end < last:
            self._warn(f"event {request.last}, which this kiosk never stored")
        if len(self._replays) < _REQUESTS_MAX:
            first = request.first
            self._replays.append(_Replay(first, last, correlation, next=first, end=end))

    def _answer(self) -> None:
        while self._replays and self._connection.room:
            replay = self._replays[0]
            self._send_events(replay)
            if replay.next <= replay.end or replay.unanswered:
                break
            self._replays.popleft()
            self._send_done(replay)

    def _send_events(self, replay: _Replay) -> None:
        """Read and send as many events as may be unanswered."""
        while replay.next <= replay.end:
            limit = min(self._connection.room, self._window - replay.unanswered)
            if limit <= 0:
                return
            events = self._outbox.stored(replay.next, replay.end, limit)
            for event in events:
                replay.skip_to(event.sequence)
                replay.next = event.sequence + 1
                replay.unanswered += 1
                topic = self._address.topic(REPLAYED)
                on_answer = partial(self._on_answer, replay)
                properties = event_properties(event.payload)
                self._connection.publish(topic, event.payload, on_answer, properties=properties)
                if len(replay.gone) >= _GONE_MAX:
                    replay.last = replay.end = replay.next - 1
                    return
            if len(events) < limit:
                replay.skip_to(replay.end + 1)

    def _send_done(self, replay: _Replay) -> None:
        done = ReplayDone(
            outbox_id=self._outbox.outbox_id,
            first=replay.first,
            last=replay.last,
            gone=tuple(replay.gone),
        )
        self._connection.publish(
            self._address.topic(REPLAY_DONE),
            self._sign(encode_delivery(done)),
            lambda _reason: None,
            properties=PublishProperties(correlation=replay.correlation),
        )

    def _on_answer(self, replay: _Replay, reason: ReasonCode) -> None:
        replay.unanswered -= 1
        if not is_delivery(reason) and replay in self._replays:
            _log.warning("a replay is not answered, because the broker says: %s", reason)
            self._replays.remove(replay)  # the register asks again

    def _read(self, message: Message, kind: type[M]) -> M | None:
        try:
            return decode_delivery(message.payload, kind)
        except PayloadError as exc:
            if message.payload:  # an empty one clears a retained message
                self._warn(f"what is no valid message on {message.topic} ({exc})")
            return None

    def _warn(self, what: str) -> None:
        self._warner.warn(f"ignored: the register sent {what}")
