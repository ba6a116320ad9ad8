"""The central side of the demonstration: a register and its pages, in threads of this process."""

import socket
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import uvicorn
from django.urls import reverse

from kiosk.clock import Clock
from kiosk.config.mqtt import MqttSection
from kiosk.demo.sample_class import fill
from kiosk.errors import RegisterError
from kiosk.mqtt.embedded_broker import HOST
from kiosk.protocol.topics import KioskAddress
from kiosk.register.commands.pages import address, server_config
from kiosk.register.config import DatabaseSection, PagesSection, RegisterConfig
from kiosk.register.database import migrate, use_database
from kiosk.register.models import Account
from kiosk.register.service import run
from kiosk.register.web.application import build_application
from kiosk.register.web.pages.sign_in_link import sign_in_address

_LATE_FROM: Final = timedelta(seconds=12)
"""The last of the sample people come later than this after the start of the walk."""
_START_S: Final = 15.0
_END_S: Final = 10.0


class Central:
    """A register with one sample class, and its pages.

    Args:
        folder: Where its database goes.
        mqtt: The broker.
        kiosk: The kiosk at the door of the class.
        people: Who is in the class, as :func:`kiosk.demo.sample_class.fill` takes them.
        clock: Time.
    """

    def __init__(
        self,
        folder: Path,
        mqtt: MqttSection,
        kiosk: KioskAddress,
        people: tuple[str, ...],
        *,
        clock: Clock,
    ) -> None:
        self._listener = socket.create_server((HOST, 0))
        port = self._listener.getsockname()[1]
        config = RegisterConfig(
            mqtt=mqtt,
            database=DatabaseSection(path=str(folder / "register.sqlite3")),
            pages=PagesSection(host=HOST, port=port),
        )
        use_database(config.database)
        migrate()
        now = datetime.now(UTC)
        late_after = config.rules.late_after
        lesson = fill(people, kiosk, late_from=now + _LATE_FROM, late_after=late_after)
        build_application(config)
        page = reverse("class-now", kwargs={"lesson_id": lesson.lesson_id})
        teacher = Account.objects.get(username="teacher")
        self.address = f"{address(config.pages)}{sign_in_address(teacher, page)}"
        """Signs in as the class's teacher and opens its page."""
        self._stop = threading.Event()
        self._pages = uvicorn.Server(server_config(config))
        self._threads = (
            threading.Thread(
                target=self._pages.run,
                kwargs={"sockets": [self._listener]},
                name="pages",
                daemon=True,
            ),
            threading.Thread(
                target=run,
                args=(config,),
                kwargs={"clock": clock, "stop": self._stop},
                name="register",
                daemon=True,
            ),
        )
        self._clock = clock

    def __enter__(self) -> Self:
        """Start both.

        Raises:
            RegisterError: The pages did not start.
        """
        for thread in self._threads:
            thread.start()
        deadline_s = self._clock.monotonic_s() + _START_S
        while not self._pages.started:
            if not self._threads[0].is_alive() or self._clock.monotonic_s() > deadline_s:
                raise RegisterError("the pages did not start")
            self._clock.sleep(0.02)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """End both."""
        self._stop.set()
        self._pages.should_exit = True
        for thread in self._threads:
            thread.join(_END_S)
        self._listener.close()
