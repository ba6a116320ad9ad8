"""Check the broker: connect, subscribe and publish as the kiosk does, under another client id.

A running kiosk is not disturbed: the broker keeps its connection, its MQTT session and its retained
messages. What is published is the answer to a replay that no register asked for. A register that
runs confirms after every such answer, so it shows itself; a confirmation that the broker has kept
may be of any age. What is subscribed to are the kiosk's own commands.
"""

import time
import uuid
from collections.abc import Callable
from typing import Final, Literal

from paho.mqtt.reasoncodes import ReasonCode

from kiosk.check.files import Speaker
from kiosk.check.finding import Finding, attempt, fault, ok, warning
from kiosk.config.keys import Config
from kiosk.errors import BrokerError, PayloadError
from kiosk.mqtt.client import read_password
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.embedded_broker import require_broker
from kiosk.mqtt.publisher import is_delivery
from kiosk.mqtt.subscriber import Message
from kiosk.protocol.delivery import Confirmation, ReplayDone, decode_delivery, encode_delivery
from kiosk.protocol.topics import CONFIRMED, REPLAY, REPLAY_DONE, KioskAddress

_PATIENCE_S: Final = 10.0
_REGISTER_S: Final = 5.0
"""How long the register may take. It confirms once a second, after it has stored what came in."""
_SUBSCRIBED_S: Final = 0.5
"""How long the answer to a subscription may take, if nothing is published."""


class _Trial:
    """One connection to the broker, and what came of it.

    Attributes:
        topic: Where something is published.
        connection: The connection.
        answer: The broker's answer to it.
        register: Whether a register has confirmed now, or at some time before.
    """

    def __init__(self, config: Config, speaker: Speaker | None) -> None:
        address = KioskAddress.of(config.kiosk)
        self.topic = address.topic(REPLAY_DONE)
        self.answer: ReasonCode | None = None
        self.register: Literal["silent", "confirmed before", "confirms"] = "silent"
        self._speaker = speaker
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
            self._step_until(lambda: self._is_answered, _PATIENCE_S)
            if not self._is_answered:
                broker = self.connection.broker
                raise BrokerError(f"{broker} does not answer; check mqtt.host and mqtt.port")
            if self.answer is None:
                self._step_until(lambda: False, _SUBSCRIBED_S)
            elif self.is_heard:
                self._step_until(lambda: self.register == "confirms", _REGISTER_S)
        finally:
            self.connection.close(1.0)

    def _step_until(self, is_done: Callable[[], bool], patience_s: float) -> None:
        end_s = time.monotonic() + patience_s
        while not is_done() and (left_s := end_s - time.monotonic()) > 0:
            self.connection.step(min(left_s, 0.1))

    @property
    def is_heard(self) -> bool:
        """Whether the broker has passed the message on, as far as it says."""
        return self.answer is not None and is_delivery(self.answer)

    @property
    def _is_answered(self) -> bool:
        return self.connection.is_connected if self._speaker is None else self.answer is not None

    def _publish(self) -> None:
        if self._speaker is not None:
            done = ReplayDone(outbox_id=self._speaker.outbox_id, first=1, last=1)
            payload = self._speaker.sign(encode_delivery(done))
            self.connection.publish(self.topic, payload, self._on_answer)

    def _on_answer(self, reason: ReasonCode) -> None:
        self.answer = reason

    def _on_confirmed(self, message: Message) -> None:
        message.acknowledge()
        if message.retained:
            self.register = "confirmed before"
        elif self._is_ours(message.payload):
            self.register = "confirms"

    def _is_ours(self, payload: bytes) -> bool:
        try:
            outbox_id = decode_delivery(payload, Confirmation).outbox_id
        except PayloadError:
            return False
        return self._speaker is not None and outbox_id == self._speaker.outbox_id


def check_broker(config: Config, speaker: Speaker | None) -> Finding:
    """Try the broker with everything that the kiosk asks of it.

    Args:
        config: The configuration.
        speaker: Outbox and key; ``None`` if they cannot be used: then nothing is published.
    """
    return attempt("broker", lambda: _try(config, speaker))


def _try(config: Config, speaker: Speaker | None) -> Finding:
    require_broker(config.mqtt)
    if not config.mqtt.host:
        text = "none is configured (mqtt.host): a broker for trials starts with the kiosk"
        return warning("broker", text)
    trial = _Trial(config, speaker)
    trial.run()
    reason, broker = trial.answer, trial.connection.broker
    if reason is None:
        text = (
            f"{broker} takes subscriptions; messages were not tried, because the outbox is faulty"
        )
        return ok("broker", text)
    if reason.is_failure:
        text = f"{broker} refuses {trial.topic} ({reason}); see its access list"
        return fault("broker", text, BrokerError.exit_code)
    return _register(trial, _grants(config, broker))


def _grants(config: Config, broker: str) -> str:
    if config.mqtt.protocol == "3.1.1":
        return f"{broker} answers; MQTT 3.1.1 cannot say which topics are granted"
    return f"{broker} answers, and takes messages and subscriptions"


def _register(trial: _Trial, text: str) -> Finding:
    """Say whether a register runs; a school may do with a dashboard alone."""
    if trial.register == "confirms":
        return ok("broker", f"{text}; a register confirms events")
    if trial.register == "confirmed before":
        return warning(
            "broker",
            f"{text}; the register that has confirmed events does not answer: does it run?",
        )
    if not trial.is_heard:
        return warning("broker", f"{text}, but nobody receives them: is the register running?")
    return ok("broker", f"{text}; no register answers")
