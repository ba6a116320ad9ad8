"""``kiosk retire``: take this kiosk's last words back from the broker.

For a kiosk that goes out of service: the broker keeps what it announced last (availability, health,
the device in Home Assistant) for ever, and its MQTT session for a time.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from paho.mqtt.reasoncodes import ReasonCode

from kiosk.config.keys import Config
from kiosk.counted import counted
from kiosk.daemon.home_assistant import announced_topic
from kiosk.daemon.state_folder import open_outbox
from kiosk.errors import BrokerError, InUseError
from kiosk.files.presence import may_exist
from kiosk.mqtt.client import read_password
from kiosk.mqtt.connection import Connection
from kiosk.protocol.topics import HEALTH, KioskAddress
from kiosk.service_status import read_status

_PATIENCE_S: Final = 10.0


def run_retire(
    config: Config, say: Callable[[str], None], agree: Callable[[str], bool], *, sure: bool
) -> int:
    """Clear what the broker keeps of this kiosk; return the exit code.

    Args:
        config: The configuration.
        say: Prints a line.
        agree: Asks a person; returns whether the answer is yes.
        sure: Do not ask about events that wait for the register.

    Raises:
        InUseError: The service runs, or events wait and nobody agreed.
        OutboxError: The events cannot be counted.
        BrokerError: The broker cannot be reached, or refuses.
    """
    if read_status(config) is not None:
        raise InUseError("the service runs and would announce itself again; stop it first")
    waiting = _waiting(config)
    text = f"{counted(waiting, 'event')} waiting for the register"
    if waiting and not sure and not agree(f"{text}."):
        raise InUseError(f"{text}; start the service until none is, or give --yes")
    if not config.mqtt.host:
        say("no broker is configured (mqtt.host), so none keeps anything")
        return 0
    clear_retained(config)
    say("the broker keeps nothing more of this kiosk")
    return 0


def clear_retained(config: Config, *, patience_s: float = _PATIENCE_S) -> None:
    """Publish an empty retained message on each topic of this kiosk's announcements.

    The connection has the kiosk's own client id and keeps no MQTT session, so the broker drops the
    one that it has.

    Args:
        config: The configuration.
        patience_s: Longest wait for the broker, seconds.

    Raises:
        BrokerError: The broker cannot be reached, refuses a topic, or does not answer.
        ConfigError: Its password, or a file for TLS, cannot be used.
    """
    address = KioskAddress.of(config.kiosk)
    topics = [address.availability, address.topic(HEALTH)]
    if topic := announced_topic(config):
        topics.append(topic)
    connection = Connection(
        config.mqtt, address.client_id, password=read_password(config.mqtt), fail_fast=True
    )
    refused: list[str] = []
    answered: list[str] = []

    def on_answer(topic: str, reason: ReasonCode) -> None:
        answered.append(topic)
        if reason.is_failure:
            refused.append(f"{topic} ({reason})")

    def publish() -> None:
        for topic in topics:
            connection.publish(topic, b"", partial(on_answer, topic), retain=True)

    connection.each_connect(publish)
    connection.open()
    try:
        end_s = time.monotonic() + patience_s
        while len(answered) < len(topics) and (left_s := end_s - time.monotonic()) > 0:
            connection.step(min(left_s, 0.1))
    finally:
        connection.close(1.0)
    if refused:
        raise BrokerError(f"{connection.broker} refuses {', '.join(refused)}; see its access list")
    if len(answered) < len(topics):
        raise BrokerError(f"{connection.broker} does not answer; check mqtt.host and mqtt.port")


def _waiting(config: Config) -> int:
    """Return how many events no register has confirmed; nothing is created."""
    if not may_exist(config.outbox_path):
        return 0
    with open_outbox(config) as outbox:
        return outbox.counts().kept
