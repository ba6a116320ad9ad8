"""The composition root: builds every object of the daemon, in one place."""

import logging
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Final

from kiosk.atomic_file import create_for_owner_of
from kiosk.camera.base import Camera
from kiosk.camera.open import open_camera
from kiosk.clock import Clock, SystemClock, unix_s
from kiosk.config import Config, MqttSection, StateSection, make_directory
from kiosk.daemon.daemon import Daemon
from kiosk.daemon.health import HealthReporter, Vitals
from kiosk.daemon.recorder import Recorder
from kiosk.daemon.systemd import Notifier, Watchdog
from kiosk.mqtt.client import read_password
from kiosk.mqtt.embedded_broker import HOST, PROTOCOL, EmbeddedBroker, require_broker
from kiosk.mqtt.outbox import Outbox
from kiosk.mqtt.outbox_rows import Retention
from kiosk.mqtt.publisher import Publisher, kiosk_connection
from kiosk.mqtt.register_link import RegisterLink
from kiosk.mqtt.worker import ConnectionWorker
from kiosk.protocol.availability import Availability
from kiosk.protocol.topics import KioskAddress
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.recogniser import build_pipeline, build_recogniser

_log = logging.getLogger(__name__)


VERSION: Final = version("attendance-kiosk")
_BUSY_S: Final = 2.0
"""How long the frame loop waits for another process that writes to the outbox; the watchdog waits
for 30 s. The event then stays in memory and is tried again."""


def build_daemon(
    config: Config,
    stack: ExitStack,
    *,
    clock: Clock | None = None,
    camera: Callable[[], Camera] | None = None,
    gallery: Gallery | None = None,
    read_config: Callable[[], Config] | None = None,
) -> Daemon:
    """Build the daemon.

    Args:
        config: The configuration.
        stack: Closes what the daemon opened.
        clock: Time; the system's by default.
        camera: Opens the camera; the configured one by default.
        gallery: The enrolled people; the configured file by default.
        read_config: Reads the configuration again, for its thresholds; by default they stay.

    Raises:
        KioskError: A part cannot be built as configured. All files are read before anything is
            started.
    """
    clock = clock or SystemClock()
    require_broker(config.mqtt)
    recogniser = build_recogniser(config)
    if gallery is None:
        matcher, rule = recogniser.load_gallery()
    else:
        matcher, rule = recogniser.matcher(gallery)
    make_directory(config)
    create_for_owner_of(config.directory, config.outbox_path)
    outbox = stack.enter_context(
        Outbox(config.outbox_path, retention=_retention(config.state), busy_s=_BUSY_S)
    )
    mqtt, broker = _broker(config.mqtt, stack)
    address = KioskAddress.of(config.kiosk)
    connection = kiosk_connection(
        mqtt,
        address,
        Availability(state="online", boot_id=clock.boot_id(), version=VERSION),
        password=read_password(mqtt),
    )
    publisher = Publisher(connection, outbox, unix_s=partial(unix_s, clock))
    RegisterLink(
        connection,
        outbox,
        address,
        window=mqtt.inflight_max // 2,
        confirmed=publisher.trim_soon,
    )
    health = HealthReporter(
        connection=connection,
        address=address,
        outbox=outbox,
        vitals=Vitals(people=len(matcher)),
        clock=clock,
        model_id=recogniser.embedder.model_id,
        version=VERSION,
        directory=config.directory,
    )
    health.start()
    worker = ConnectionWorker(connection)
    notifier = Notifier.from_environment(os.environ)
    stop = threading.Event()
    return Daemon(
        open_camera=camera or (lambda: open_camera(config.camera, clock, stop)),
        pipeline=build_pipeline(recogniser, matcher, rule),
        embedder=recogniser.embedder,
        recorder=Recorder(
            outbox=outbox,
            clock=clock,
            config=config,
            model_id=recogniser.embedder.model_id,
            committed=publisher.notify,
        ),
        mqtt=worker,
        checks=(broker.check, worker.check) if broker else (worker.check,),
        load_gallery=lambda: recogniser.with_decision(read_config).load_gallery(),
        clock=clock,
        notifier=notifier,
        watchdog=Watchdog.from_environment(os.environ, notifier),
        retry_s=config.camera.retry_s,
        vitals=health.vitals,
        report=health.notify,
        stop=stop,
    )


def _retention(state: StateSection) -> Retention:
    return Retention(unconfirmed=timedelta(days=state.keep_days), events_max=state.events_max)


def _broker(mqtt: MqttSection, stack: ExitStack) -> tuple[MqttSection, EmbeddedBroker | None]:
    """Start the embedded broker if no broker is configured; return how to connect."""
    if mqtt.host:
        return mqtt, None
    broker = stack.enter_context(EmbeddedBroker(mqtt.port))
    return MqttSection(host=HOST, port=broker.port, protocol=PROTOCOL), broker
