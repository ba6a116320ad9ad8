"""Check the broker: connect, subscribe and publish as the kiosk does, under another client id.

A running kiosk is not disturbed: the broker keeps its connection, its MQTT session and its retained
messages. What is published is the answer to a replay that no register asked for, which every reader
ignores; what is subscribed to are the kiosk's own commands.
"""

import time
import uuid
from typing import Final

from paho.mqtt.reasoncodes import ReasonCode

from kiosk.check.finding import Finding, attempt, fault, ok, warning
from kiosk.config.keys import Config
from kiosk.errors import BrokerError
from kiosk.mqtt.client import read_password
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.embedded_broker import require_broker
from kiosk.mqtt.subscriber import Message
from kiosk.protocol.delivery import ReplayDone, encode_delivery
from kiosk.protocol.topics import CONFIRMED, REPLAY, REPLAY_DONE, KioskAddress

_PATIENCE_S: Final = 10.0
_RETAINED_S: Final = 0.3
"""How long a retained confirmation may take after the answer to our message."""
_NO_SUBSCRIBER: Final = 0x10


class _Trial:
    """One connection to the broker, and what came of it."""

    def __init__(self, config: Config, outbox_id: str) -> None:
        address = KioskAddress.of(config.kiosk)
        self.topic = address.topic(REPLAY_DONE)
        self._payload = encode_delivery(ReplayDone(outbox_id=outbox_id, first=1, last=1))
        self.answer: ReasonCode | None = None
        self.is_confirmed = False
        self.connection = Connection(
            config.mqtt,
            f"kiosk-check:{uuid.uuid4().hex}",
            password=read_password(config.mqtt),
            fail_fast=True,
        )
        self.connection.subscribe(address.topic(CONFIRMED), self._on_confirmed)
        self.connection.subscribe(address.topic(REPLAY), lambda message: message.acknowledge())
        self.connection.each_connect(self._publish)

    def run(self) -> None:
        """Connect, and wait for the answers.

        Raises:
            BrokerError: The broker cannot be reached, refuses something, or does not answer.
        """
        self.connection.open()
        try:
            self._step(_PATIENCE_S)
            if self.answer is None:
                broker = self.connection.broker
                raise BrokerError(f"{broker} does not answer; check mqtt.host and mqtt.port")
            self._step(_RETAINED_S)
        finally:
            self.connection.close(1.0)

    def _step(self, patience_s: float) -> None:
        end_s, answer = time.monotonic() + patience_s, self.answer
        while self.answer is answer and (left_s := end_s - time.monotonic()) > 0:
            self.connection.step(min(left_s, 0.1))

    def _publish(self) -> None:
        self.connection.publish(self.topic, self._payload, self._on_answer)

    def _on_answer(self, reason: ReasonCode) -> None:
        self.answer = reason

    def _on_confirmed(self, message: Message) -> None:
        message.acknowledge()
        self.is_confirmed = True


def check_broker(config: Config, outbox_id: str) -> Finding:
    """Try the broker with everything that the kiosk asks of it.

    Args:
        config: The configuration.
        outbox_id: The kiosk's outbox, or "" if it cannot be used.
    """
    return attempt("broker", lambda: _try(config, outbox_id or str(uuid.uuid4())))


def _try(config: Config, outbox_id: str) -> Finding:
    require_broker(config.mqtt)
    if not config.mqtt.host:
        text = "none is configured (mqtt.host): a broker for trials starts with the kiosk"
        return warning("broker", text)
    trial = _Trial(config, outbox_id)
    trial.run()
    reason, broker = trial.answer, trial.connection.broker
    assert reason is not None
    if reason.is_failure:
        text = f"{broker} refuses {trial.topic} ({reason}); see its access list"
        return fault("broker", text, BrokerError.exit_code)
    if config.mqtt.protocol == "3.1.1":
        return ok("broker", f"{broker} answers; MQTT 3.1.1 cannot say which topics are granted")
    text = f"{broker} answers, and takes messages and subscriptions"
    if trial.is_confirmed:
        return ok("broker", f"{text}; a register confirms events")
    if reason.value == _NO_SUBSCRIBER:
        return warning("broker", f"{text}, but nobody receives them: is the register running?")
    return ok("broker", text)
