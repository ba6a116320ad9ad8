"""The composition root: builds every object of the daemon, in one place."""

import logging
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Final

from kiosk.atomic_file import create_for_owner_of
from kiosk.camera.base import Camera
from kiosk.camera.open import open_camera
from kiosk.clock import Clock, SystemClock, unix_s
from kiosk.config import Config, MqttSection, make_directory
from kiosk.daemon.daemon import Daemon
from kiosk.daemon.health import HealthReporter, Vitals
from kiosk.daemon.recorder import Recorder
from kiosk.daemon.signing_key import signing_key
from kiosk.daemon.systemd import Notifier, Watchdog
from kiosk.errors import OutboxError
from kiosk.file_lock import file_lock
from kiosk.mqtt.client import read_password
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.embedded_broker import HOST, PROTOCOL, EmbeddedBroker, require_broker
from kiosk.mqtt.outbox import Outbox
from kiosk.mqtt.outbox_rows import Retention
from kiosk.mqtt.publisher import Publisher, kiosk_connection
from kiosk.mqtt.register_link import RegisterLink
from kiosk.mqtt.worker import ConnectionWorker
from kiosk.private_file import warn_of_readers
from kiosk.protocol.availability import Availability
from kiosk.protocol.signature import Signer, fingerprint
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
    model_id = recogniser.embedder.model_id
    matcher, rule = recogniser.load_gallery() if gallery is None else recogniser.matcher(gallery)
    make_directory(config)
    warn_of_readers("state.directory", config.directory)
    stack.enter_context(_alone(config))
    outbox = stack.enter_context(_outbox(config))
    mqtt, broker = _broker(config.mqtt, stack)
    address = KioskAddress.of(config.kiosk)
    signer = _signer(config)
    connection = _connection(mqtt, address, clock)
    publisher = Publisher(connection, outbox, unix_s=partial(unix_s, clock))
    window = mqtt.inflight_max // 2
    RegisterLink(
        connection,
        outbox,
        address,
        window=window,
        confirmed=publisher.trim_soon,
        sign=signer.sign,
    )
    health = _health(config, connection, signer, outbox, clock, model_id, people=len(matcher))
    worker = ConnectionWorker(connection)
    notifier = Notifier.from_environment(os.environ)
    stop = threading.Event()
    return Daemon(
        open_camera=camera or (lambda: open_camera(config.camera, clock, stop)),
        pipeline=build_pipeline(recogniser, matcher, rule),
        embedder=recogniser.embedder,
        recorder=Recorder(
            outbox, clock, config, model_id, committed=publisher.notify, sign=signer.sign
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


def _alone(config: Config) -> AbstractContextManager[None]:
    """Return the lock that keeps a second `kiosk run` from the outbox and the MQTT client id."""
    return file_lock(
        config.directory / ".lock-run",
        "kiosk run",
        busy=f"{config.directory}: {{holder}} is running on this machine with the same files; stop"
        " it first (the service: sudo systemctl stop kiosk)",
        error=OutboxError,
        owner_of=config.directory,
    )


def _outbox(config: Config) -> Outbox:
    """Create the file where it is absent, and open the outbox."""
    create_for_owner_of(config.directory, config.outbox_path)
    state = config.state
    retention = Retention(unconfirmed=timedelta(days=state.keep_days), events_max=state.events_max)
    return Outbox(config.outbox_path, retention=retention, busy_s=_BUSY_S)


def _signer(config: Config) -> Signer:
    """Read or make the kiosk's key; log the fingerprint, which a person compares."""
    key = signing_key(config.directory / "signing-key.pem")
    signer = Signer(key, KioskAddress.of(config.kiosk))
    _log.info("events are signed; fingerprint of the key: %s", fingerprint(signer.public_key))
    return signer


def _broker(mqtt: MqttSection, stack: ExitStack) -> tuple[MqttSection, EmbeddedBroker | None]:
    """Start the embedded broker if no broker is configured; return how to connect."""
    if mqtt.host:
        return mqtt, None
    broker = stack.enter_context(EmbeddedBroker(mqtt.port))
    return MqttSection(host=HOST, port=broker.port, protocol=PROTOCOL), broker


def _connection(mqtt: MqttSection, address: KioskAddress, clock: Clock) -> Connection:
    """Build the connection, which announces this boot and this version; it is not yet opened."""
    availability = Availability(state="online", boot_id=clock.boot_id(), version=VERSION)
    return kiosk_connection(mqtt, address, availability, password=read_password(mqtt))


def _health(
    config: Config,
    connection: Connection,
    signer: Signer,
    outbox: Outbox,
    clock: Clock,
    model_id: str,
    *,
    people: int,
) -> HealthReporter:
    """Build the health reporter, and start it on the connection."""
    health = HealthReporter(
        connection=connection,
        address=KioskAddress.of(config.kiosk),
        outbox=outbox,
        vitals=Vitals(people=people),
        clock=clock,
        model_id=model_id,
        version=VERSION,
        directory=config.directory,
        public_key=signer.public_key,
    )
    health.start()
    return health
