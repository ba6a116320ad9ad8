"""Ask kiosks for events that the register misses."""

import logging
from collections.abc import Collection
from datetime import datetime

from paho.mqtt.reasoncodes import ReasonCode

from kiosk.mqtt.connection import Connection
from kiosk.mqtt.properties import PublishProperties
from kiosk.protocol.delivery import ReplayRequest, encode_delivery
from kiosk.protocol.topics import REPLAY
from kiosk.register.ingest.outbox_state import GRACE, OutboxState, next_request, requested
from kiosk.register.ingest.outbox_table import claim_request, load_states

_log = logging.getLogger(__name__)


def request_missing(connection: Connection, sites: Collection[str], now: datetime) -> int:
    """Send the requests that are due, as far as the connection has room.

    Of several instances on one database, the one that is first to store the request sends it.

    Args:
        connection: The connection to the broker.
        sites: The sites that this instance serves; empty for all.
        now: The current time, UTC.

    Returns:
        How many were sent.

    Raises:
        django.db.OperationalError, django.db.InterfaceError: The database is away.
    """
    sent = 0
    for state in load_states(sites, missing_before=now - GRACE):
        if not connection.room:
            break
        request = next_request(state, now)
        if request is not None and claim_request(state, requested(state, now)):
            _send(connection, state, request)
            sent += 1
    return sent


def _send(connection: Connection, state: OutboxState, request: ReplayRequest) -> None:
    topic = state.address.topic(REPLAY)
    _log.info("%s: events %d to %d are missing", topic, request.first, request.last)

    def on_answer(reason: ReasonCode) -> None:
        if reason.is_failure:
            _log.warning("MQTT broker refuses %s (%s); see its access list", topic, reason)

    # The answer says itself what it answers; the correlation is for those who trace messages.
    correlation = f"{request.outbox_id}/{request.first}-{request.last}".encode()
    properties = PublishProperties(correlation=correlation)
    connection.publish(topic, encode_delivery(request), on_answer, properties=properties)
