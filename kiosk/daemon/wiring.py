"""The composition root: builds every object of the daemon, in one place."""

import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from threading import Event
from typing import Final

from kiosk.camera.base import Camera
from kiosk.camera.open import open_camera
from kiosk.clock import Clock, SystemClock, unix_s
from kiosk.config.keys import Config
from kiosk.config.mqtt import MqttSection
from kiosk.daemon.card_desk import build_card_desk
from kiosk.daemon.daemon import Daemon
from kiosk.daemon.health.observer import Observer
from kiosk.daemon.health.report import HealthReporter, Vitals
from kiosk.daemon.health.status_board import State, StatusBoard
from kiosk.daemon.home_assistant import discovery
from kiosk.daemon.news.erasing import GalleryUse, build_erasure_desk
from kiosk.daemon.news.register_news import subscribe
from kiosk.daemon.news.room_lessons import load_room_lessons
from kiosk.daemon.participation import Windows
from kiosk.daemon.recorder import Recorder
from kiosk.daemon.redating import Redater
from kiosk.daemon.reloading import Loaded, Loader
from kiosk.daemon.state_folder import (
    KioskKeys,
    only_kiosk,
    open_outbox,
    read_keys,
    refuse_second,
)
from kiosk.daemon.systemd import Notifier, Watchdog
from kiosk.daemon.times.steady_clock import steady_clock
from kiosk.errors import GalleryError, MissingExtraError, SignalsError
from kiosk.feedback.feedback import Feedback
from kiosk.feedback.gpio import open_panel
from kiosk.feedback.panel import NoPanel
from kiosk.mqtt.client import check_broker_files, read_password
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.embedded_broker import HOST, PROTOCOL, EmbeddedBroker, require_broker
from kiosk.mqtt.publisher import Publisher, kiosk_connection
from kiosk.mqtt.register_link import RegisterLink
from kiosk.mqtt.worker import ConnectionWorker
from kiosk.outbox.outbox import Outbox
from kiosk.protocol.availability import Availability
from kiosk.protocol.topics import KioskAddress
from kiosk.recognition.decide import DecisionRule
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.match import Matcher
from kiosk.recognition.recogniser import Recogniser, build_pipeline, build_recogniser
from kiosk.service_status import status_path

_log = logging.getLogger(__name__)

VERSION: Final = version("attendance-kiosk")


def build_daemon(
    config: Config,
    stack: ExitStack,
    *,
    clock: Clock | None = None,
    camera: Callable[[], Camera] | None = None,
    gallery: Gallery | None = None,
    read_config: Callable[[], Config] | None = None,
    stop: Event | None = None,
    reload: Event | None = None,
) -> Daemon:
    """Build the daemon.

    A gallery that cannot be used is no error: the daemon waits for it.

    Args:
        config: The configuration.
        stack: Closes what the daemon opened; nothing, if the outbox cannot be opened.
        clock: Time; the system's by default.
        camera: Opens the camera; the configured one by default.
        gallery: The enrolled people; the configured file by default.
        read_config: Reads the configuration again, for a reload; by default it stays.
        stop: Ends the daemon when it is set.
        reload: Has the daemon read its files again when it is set.

    Raises:
        ConfigError: The configuration cannot be used.
        ModelError: The model cannot be used.
        OutboxError: The outbox cannot be opened.
        InUseError: Another kiosk runs with the same files.
        BrokerError, MissingExtraError: The embedded broker cannot be started.
    """
    system, stop, reload = clock or SystemClock(), stop or Event(), reload or Event()
    require_broker(config.mqtt)
    check_broker_files(config.mqtt)
    notifier = Notifier.from_environment(os.environ)
    refuse_second(config)
    board = build_board(config, notifier, system)
    board.show()  # before the gallery is read: an erasure changes it first, or finds the daemon
    recogniser = build_recogniser(config)
    model_id = recogniser.embedder.model_id
    loader = Loader(recogniser, read_config)
    (matcher, rule), gallery_fault = _people(recogniser, gallery)
    outbox = stack.enter_context(open_outbox(config))
    keys = read_keys(config)
    stack.enter_context(only_kiosk(config))  # last of what may have to wait for the disk
    clock = steady_clock(system, outbox)
    mqtt, broker = _broker(config.mqtt, stack)
    address = KioskAddress.of(config.kiosk)
    connection = _connection(mqtt, address, clock)
    for announcement in discovery(config, address, VERSION):
        connection.announce(announcement)
    publisher = Publisher(connection, outbox, unix_s=partial(unix_s, clock))
    sign, window = keys.signer.sign, mqtt.inflight_max // 2
    confirmed = publisher.trim_soon
    RegisterLink(connection, outbox, address, window=window, confirmed=confirmed, sign=sign)
    lessons, windows = load_room_lessons(config), Windows(clock)
    subscribe(connection, address, lessons, windows, clock)
    health = _health(config, connection, keys, outbox, clock, model_id)
    loaded = Loaded(matcher, rule, config)
    loaded.note(health.vitals)
    worker = ConnectionWorker(connection)
    committed = publisher.notify
    recorder = Recorder(
        outbox, clock, config, model_id, committed=committed, sign=sign, lessons=lessons
    )
    recorder = loaded.recorder(recorder)
    feedback = _feedback(config)
    state = State(
        board=board,
        clock=clock,
        vitals=health.vitals,
        outbox=outbox,
        backlog=recorder.backlog,
        model_id=model_id,
        broker=worker.broker,
        broker_fault=worker.fault,
        report=health.notify,
        signals_fault=lambda: feedback.fault,
        gallery_fault=gallery_fault,
    )
    use_gallery = GalleryUse(state, reload, stop, clock)
    desk = build_erasure_desk(config, connection, keys, outbox, use_gallery)
    stack.callback(desk.close)
    return Daemon(
        open_camera=camera or (lambda: open_camera(config.camera, clock, stop)),
        pipeline=build_pipeline(recogniser, matcher, rule),
        embedder=recogniser.embedder,
        recorder=recorder,
        mqtt=worker,
        checks=(broker.check, worker.check) if broker else (worker.check,),
        loader=loader,
        clock=clock,
        windows=windows,
        feedback=feedback,
        redater=Redater(outbox),
        notifier=notifier,
        state=state,
        observer=Observer(state),
        cards=build_card_desk(config, connection, clock, feedback),
        watchdog=Watchdog.from_environment(os.environ, notifier),
        retry_s=config.camera.retry_s,
        stop=stop,
        reload=reload,
    )


def build_board(config: Config, notifier: Notifier, clock: Clock) -> StatusBoard:
    """Build what shows the status of the daemon."""
    path = status_path(config, os.environ)
    return StatusBoard(path, notifier, clock, config.directory, VERSION)


def _people(
    recogniser: Recogniser, gallery: Gallery | None
) -> tuple[tuple[Matcher, DecisionRule], str]:
    """Prepare the enrolled people; nobody, and the reason, while the gallery cannot be used."""
    if gallery is not None:
        return recogniser.matcher(gallery), ""
    try:
        return recogniser.load_gallery(), ""
    except GalleryError as exc:
        _log.warning("waiting for a gallery: %s", exc)
        return recogniser.matcher(Gallery(recogniser.embedder.model_id, {})), str(exc)


def _feedback(config: Config) -> Feedback:
    """Open lights, buzzer and button; without them the kiosk records, too."""
    try:
        return Feedback(open_panel(config.signals, config.directory))
    except (MissingExtraError, SignalsError) as exc:
        _log.error("no lights, buzzer and button: %s", exc)  # the message says it all
        return Feedback(NoPanel(), str(exc))


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
    keys: KioskKeys,
    outbox: Outbox,
    clock: Clock,
    model_id: str,
) -> HealthReporter:
    """Build the health reporter, and start it on the connection."""
    health = HealthReporter(
        connection=connection,
        address=KioskAddress.of(config.kiosk),
        outbox=outbox,
        vitals=Vitals(),
        clock=clock,
        model_id=model_id,
        version=VERSION,
        directory=config.directory,
        signer=keys.signer,
        sealing_key=keys.opener.public_key,
        register_key=config.register.public_key or None,
    )
    health.start()
    return health
