"""Publish what the pages want published.

The pages write rows and never touch the broker. The newest row of a topic wins. Each instance may
publish each row: the message is the same, and if an instance was slow and published an old one
last, its answer is followed by the newest once more.
"""

import logging
from datetime import datetime
from functools import partial
from typing import Final

from django.db.models import Max
from paho.mqtt.reasoncodes import ReasonCode

from kiosk.mqtt.connection import Connection
from kiosk.register.models import Publication

_log = logging.getLogger(__name__)

_POLL_S: Final = 0.2


class PublicationSender:
    """Sends publications, on the thread that owns the connection.

    Args:
        connection: Where to publish.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._under_way: set[int] = set()
        self._answered: list[tuple[int, bool]] = []
        self._is_new_connection = False
        self._next_s = 0.0
        connection.each_connect(self._on_connect)

    def turn(self, now: datetime, now_s: float) -> None:
        """Note what the broker has answered, and send what is new, now and then.

        Args:
            now: The current time, UTC.
            now_s: Monotonic seconds.

        Raises:
            django.db.OperationalError, django.db.InterfaceError: The database is away.
        """
        if now_s < self._next_s:
            return
        self._note_answers(now)
        if self._is_new_connection and self._connection.room:
            # The broker may have lost what it kept.
            self._is_new_connection = not self._send(_newest_retained())
        self._send(self._unsent(now))
        self._next_s = now_s + _POLL_S  # last: a turn that failed is not done

    def _on_connect(self) -> None:
        self._is_new_connection = True

    def _note_answers(self, now: datetime) -> None:
        answered = self._answered[:]
        ids = [number for number, is_sent in answered if is_sent]
        if not ids:
            return
        topics = set(Publication.objects.filter(pk__in=ids).values_list("topic", flat=True))
        Publication.objects.filter(pk__in=ids, sent_at=None).update(sent_at=now)
        newest = Publication.objects.filter(topic__in=topics).values("topic")
        numbers = set(newest.annotate(newest=Max("id")).values_list("newest", flat=True))
        newer = list(Publication.objects.filter(pk__in=numbers - set(ids)))
        del self._answered[: len(answered)]  # noted now; without a database they are kept
        self._send(newer)

    def _unsent(self, now: datetime) -> list[Publication]:
        """Return the newest unsent row of each topic; older ones are done with."""
        rows = list(Publication.objects.filter(sent_at=None).order_by("id"))
        newest = {one.topic: one for one in rows}
        old = [one.pk for one in rows if one.pk != newest[one.topic].pk and one.retain]
        if old:
            Publication.objects.filter(pk__in=old).update(sent_at=now)
        return [one for one in rows if one.pk not in set(old)]

    def _send(self, rows: list[Publication]) -> bool:
        """Publish rows that are not under way, as far as there is room; whether all are."""
        for one in rows:
            if one.pk in self._under_way:
                continue
            if not self._connection.room:
                return False
            self._under_way.add(one.pk)
            on_answer = partial(self._on_answer, one.pk, one.topic)
            self._connection.publish(one.topic, bytes(one.payload), on_answer, retain=one.retain)
        return True

    def _on_answer(self, number: int, topic: str, reason: ReasonCode) -> None:
        self._under_way.discard(number)
        self._answered.append((number, True))
        if reason.is_failure:
            _log.warning("MQTT broker refuses %s (%s); see its access list", topic, reason)


def _newest_retained() -> list[Publication]:
    newest = Publication.objects.filter(retain=True).values("topic").annotate(newest=Max("id"))
    return list(Publication.objects.filter(pk__in=newest.values("newest")))
