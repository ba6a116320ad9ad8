"""The one MQTT connection of a process, for publishing and subscribing.

paho's callbacks, on its network thread, become work in an inbox, which the caller of
:meth:`Connection.step` does: all state here and in what uses a connection belongs to one thread.
"""

import math
import time
from collections.abc import Callable
from functools import partial

from paho.mqtt.reasoncodes import ReasonCode

from kiosk.config.mqtt import MqttSection
from kiosk.errors import BrokerError
from kiosk.mqtt.announcements import Announcement, Announcements, announce
from kiosk.mqtt.client import Client
from kiosk.mqtt.inbox import Inbox, Reactions, Work
from kiosk.mqtt.outage import Outage
from kiosk.mqtt.properties import PublishProperties
from kiosk.mqtt.rivalry import Certainty, Verdict
from kiosk.mqtt.sender import OnAnswer, Sender
from kiosk.mqtt.subscriber import Handler, Subscriber
from kiosk.mqtt.tls import tls_advice


class Connection:
    """One MQTT connection; any thread may post and wake, the rest is for the owning one.

    Args:
        mqtt: The configuration; ``mqtt.host`` must be set.
        client_id: The MQTT client id.
        password: The password of ``mqtt.username``.
        persistent: The broker keeps the MQTT session (:class:`kiosk.mqtt.client.Client`).
        will: What the broker announces when this process vanishes (LWT); a clean end does so, too.
        fail_fast: Raise when the broker cannot be reached at first, or refuses something.
        retry_s: Shortest and longest wait, seconds, before the broker is tried again.
        answer_s: After how many seconds without an answer the connection is cut and made again.
        rival: What to log when another client uses the same client id.

    Attributes:
        outage: What is wrong with the connection; any thread may read it.

    Raises:
        ConfigError: A file for TLS cannot be used.
    """

    def __init__(
        self,
        mqtt: MqttSection,
        client_id: str,
        *,
        password: str = "",
        persistent: bool = False,
        will: Announcement | None = None,
        fail_fast: bool = False,
        retry_s: tuple[float, float] = (1.0, 60.0),
        answer_s: float = 60.0,
        rival: str = "another client uses the same MQTT client id",
    ) -> None:
        self.broker = f"MQTT broker {mqtt.host}:{mqtt.port}"
        self._will = will
        advise = partial(tls_advice, mqtt)
        self.outage = Outage(self.broker, rival=rival, advise=advise, fail_fast=fail_fast)
        self._announcements = Announcements()
        self._turns: list[Callable[[], float]] = []
        self._connect_hooks: list[Callable[[], None]] = []
        self._due_s = -math.inf
        self._is_connected = self._network_ended = False
        self._client = Client(
            mqtt, client_id, password=password, persistent=persistent, retry_s=retry_s
        )
        if will is not None:
            self._client.will_set(will.topic, will.payload, qos=1, retain=True)
        self._sender = Sender(self._client, mqtt.inflight_max, answer_s)
        self._subscriber = Subscriber(self._client, self.broker, fail_fast=fail_fast)
        self._inbox = Inbox(
            self._client,
            Reactions(
                connect=self._on_connect,
                unreachable=self._on_unreachable,
                disconnect=self._on_disconnect,
                puback=self._on_puback,
                suback=self._subscriber.answer,
                message=self._subscriber.deliver,
                end=self._on_end,
            ),
        )

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Subscribe with QoS 1, now and at every connect.

        Of several subscriptions that match a message, the first one's handler gets it. An error
        that a handler raises comes out of :meth:`step`.
        """
        self._subscriber.add(topic_filter, handler)
        if self._is_connected:
            self._subscriber.subscribe(topic_filter)

    def announce(self, announcement: Announcement) -> None:
        """Publish a retained message now and at every connect; it replaces the one of its topic."""
        self._announcements.add(announcement)

    def each_turn(self, turn: Callable[[], float]) -> None:
        """Call a function after every piece of work; it may publish while there is :attr:`room`.

        :meth:`close` calls it, too. It returns when to call it again, monotonic seconds.
        """
        self._turns.append(turn)

    def each_connect(self, hook: Callable[[], None]) -> None:
        """Call a function when the broker has accepted the connection, at each connect."""
        self._connect_hooks.append(hook)

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._inbox.closed.is_set()

    @property
    def is_connected(self) -> bool:
        """Whether the broker has accepted the connection."""
        return self._is_connected

    @property
    def rival(self) -> Certainty:
        """Whether another client uses the same client id."""
        return self._client.rival

    @property
    def room(self) -> int:
        """How many messages may be published now; 0 without a connection."""
        return self._sender.room if self._is_connected and not self.is_closed else 0

    def publish(
        self,
        topic: str,
        payload: bytes,
        on_answer: OnAnswer,
        *,
        retain: bool = False,
        properties: PublishProperties | None = None,
    ) -> None:
        """Publish a message with QoS 1.

        paho keeps it, and sends it again after a reconnection, until the broker answers.
        ``on_answer`` is called with the broker's answer; ``properties`` are dropped in MQTT 3.1.1.

        Raises:
            BrokerError: paho does not take it.
        """
        now_s = time.monotonic()
        self._sender.publish(topic, payload, on_answer, now_s, retain=retain, properties=properties)

    def post(self, work: Work) -> None:
        """Have the owning thread do something."""
        self._inbox.put(work)

    def wake(self) -> None:
        """Have the owning thread take a turn."""
        self._inbox.put(lambda: None)  # a turn follows every piece of work

    def open(self) -> None:
        """Start the network thread; return at once, whether the broker is there or not."""
        self._client.start()

    def step(self, timeout_s: float) -> bool:
        """Do the next piece of work that comes in within a time, then send what may be sent.

        Returns:
            Whether there was work. Steps with a time of 0 until there is none empty the inbox.

        Raises:
            BrokerError: The network thread has ended, or the broker failed with ``fail_fast``.
        """
        due_s = min(self._due_s, self._sender.overdue_s if self._is_connected else math.inf)
        has_worked = self._inbox.work(min(timeout_s, due_s - time.monotonic()))
        self._check_answers(time.monotonic())
        while self.room and (announcement := self._announcements.take()):
            announce(self.publish, announcement)
        self._take_turns()
        return has_worked

    def close(self, timeout_s: float) -> None:
        """Disconnect: wait for the broker's answers, announce the will, end the network thread.

        Messages that come in meanwhile are neither delivered nor acknowledged.

        Args:
            timeout_s: Return after so many seconds at the latest; the answers may take half.
        """
        deadline_s = time.monotonic() + timeout_s
        self._inbox.closed.set()
        self._await_answers(deadline_s - timeout_s / 2)
        self._take_turns()
        if self._will is not None and self._is_connected:
            announce(self.publish, self._will)
            self._await_answers(deadline_s)
        self._client.disconnect()
        while not self._network_ended and (left_s := deadline_s - time.monotonic()) > 0:
            self._inbox.work(left_s)

    def _check_answers(self, now_s: float) -> None:
        """Cut a connection whose acknowledgements do not come; paho sends again on a new one."""
        if self._is_connected and now_s >= self._sender.overdue_s:
            self.outage.unanswered(len(self._sender), now_s)
            self._is_connected = False
            self._client.cut()

    def _take_turns(self) -> None:
        self._due_s = min((turn() for turn in self._turns), default=math.inf)

    def _await_answers(self, deadline_s: float) -> None:
        while self._is_connected and len(self._sender) and time.monotonic() < deadline_s:
            self._inbox.work(deadline_s - time.monotonic())

    def _on_connect(self, reason: ReasonCode, receive_maximum: int) -> None:
        if reason.is_failure:
            if not self.is_closed:
                self.outage.refused(reason, time.monotonic())
            return
        now_s = time.monotonic()
        self.outage.connected(now_s)
        self._is_connected = True
        self._sender.connect(receive_maximum, now_s)
        self._announcements.connect()
        self._subscriber.connect()
        for hook in self._connect_hooks:
            hook()

    def _on_unreachable(self, cause: object) -> None:
        if not self.is_closed:
            self.outage.unreachable(cause, time.monotonic())

    def _on_disconnect(self, reason: ReasonCode, verdict: Verdict) -> None:
        self._is_connected = False
        if verdict.wait_s is not None and not self.is_closed:
            self.outage.displaced(verdict, time.monotonic())
        else:
            self._on_unreachable(reason)

    def _on_puback(self, packet_id: int, reason: ReasonCode) -> None:
        self._sender.answer(packet_id, reason)
        if not len(self._sender):
            self.outage.all_answered()

    def _on_end(self, error: Exception | None) -> None:
        self._network_ended = True
        if not self.is_closed:
            raise BrokerError(f"{self.broker}: the network thread has ended") from error
