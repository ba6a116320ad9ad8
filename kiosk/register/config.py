"""The register's configuration: every key, its default and its limits.

``systemd/register.toml`` is the same list with every key explained; a test keeps the two equal.
"""

from collections.abc import Iterator
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta

from kiosk.config import MqttSection
from kiosk.config_file import ConfigFile, Problem, Section
from kiosk.timetable import Name

URL_FORM: Final = "postgresql://USER@HOST:PORT/DATABASE"
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class RegisterSection(Section, frozen=True):
    """Which instance this is, which sites it serves (all by default), and how it shows times."""

    id: Name = "register-1"
    timezone: str = "UTC"
    sites: tuple[Name, ...] = ()

    def problems(self) -> Iterator[Problem]:
        """Check that the time zone is known."""
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield "timezone", "expected an IANA time zone such as Europe/Berlin"


class DatabaseSection(Section, frozen=True):
    """Where everything is stored: a SQLite file, or PostgreSQL if ``url`` is set."""

    path: str = "/var/lib/kiosk-register/register.sqlite3"
    url: str = ""
    password_file: str = ""

    def problems(self) -> Iterator[Problem]:
        """Check that the URL is one of PostgreSQL."""
        if self.url and not self.url.startswith(("postgresql://", "postgres://")):
            yield "url", f"expected {URL_FORM}"
        if self.password_file and not self.url:
            yield "password_file", "only for database.url"


class IngestSection(Section, frozen=True):
    """How many messages go into one transaction."""

    batch_max: Annotated[int, Meta(ge=1, le=10_000)] = 500
    batch_s: Seconds = 0.1
    retry_max_s: Seconds = 30.0


class RegisterConfig(Section, frozen=True):
    """The content of ``register.toml``; each field is the table of the same name."""

    register: RegisterSection = RegisterSection()
    mqtt: MqttSection = MqttSection(host="localhost")
    database: DatabaseSection = DatabaseSection()
    ingest: IngestSection = IngestSection()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of everything that is shown."""
        return ZoneInfo(self.register.timezone)

    @property
    def client_id(self) -> str:
        """The MQTT client id; no name holds a colon, so no kiosk has the same."""
        return f"kiosk-register:{self.register.id}"

    def problems(self) -> Iterator[Problem]:
        """Check that there is a broker: the register starts none."""
        if not self.mqtt.host:
            yield "mqtt.host", "the register needs a broker"


REGISTER_FILE: Final = ConfigFile(RegisterConfig, example="systemd/register.toml")
