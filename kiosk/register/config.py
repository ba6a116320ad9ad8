"""The register's configuration: every key, its default and its limits.

``systemd/register.toml`` is the same list with every key explained; a test keeps the two equal.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta

from kiosk.config.file import ConfigFile, Problem, Section
from kiosk.config.mqtt import MqttSection
from kiosk.config.timetable import Name
from kiosk.register.rules.codes import Code, CodeFacts, CodeSection, code_problems, code_table
from kiosk.register.rules.settings import RuleSettings

DEFAULT_CONFIG: Final = Path("/etc/kiosk-register/register.toml")
URL_FORM: Final = "postgresql://USER@HOST:PORT/DATABASE"
RETENTION_MIN_DAYS: Final = 31
"""Events and marks of the last month may still be corrected."""
DailyTime = Annotated[
    str,
    Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?\Z", description='hours and minutes, or ""'),
]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class RegisterSection(Section, frozen=True):
    """Which instance this is, which sites it serves, how it shows times, and whom it believes."""

    id: Name = "register-1"
    timezone: str = "UTC"
    sites: tuple[Name, ...] = ()
    require_signatures: Literal["off", "listed", "all"] = "listed"
    trust_on_first_use: bool = False

    def problems(self) -> Iterator[Problem]:
        """Check that the time zone is known."""
        yield from _zone_problems(self.timezone)


class SiteSection(Section, frozen=True, kw_only=True):
    """A site with a time zone of its own."""

    name: Name
    timezone: str
    ed_fi_school_id: Annotated[int, Meta(ge=0)] = 0

    def problems(self) -> Iterator[Problem]:
        """Check that the time zone is known."""
        yield from _zone_problems(self.timezone)


class DatabaseSection(Section, frozen=True):
    """Where everything is stored: a SQLite file, or PostgreSQL if ``url`` is set."""

    path: str = "/var/lib/kiosk-register/register.sqlite3"
    url: str = ""
    password_file: str = ""

    def problems(self) -> Iterator[Problem]:
        """Check that there is a file, or a URL of PostgreSQL."""
        if not self.path and not self.url:
            yield "path", "expected a file, such as /var/lib/kiosk-register/register.sqlite3"
        if self.url and not self.url.startswith(("postgresql://", "postgres://")):
            yield "url", f"expected {URL_FORM}"
        if self.password_file and not self.url:
            yield "password_file", "only for database.url"


class IngestSection(Section, frozen=True):
    """How many messages go into one transaction."""

    batch_max: Annotated[int, Meta(ge=1, le=10_000)] = 500
    batch_s: Seconds = 0.1
    retry_max_s: Seconds = 30.0


class PagesSection(Section, frozen=True):
    """Where the pages are served (``kiosk register pages``), and what addresses they have."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65_535)] = 8000
    processes: Annotated[int, Meta(ge=1, le=8)] = 1
    url: str = ""
    language: Literal["en", "es"] = "en"
    teachers_see: Literal["own", "all"] = "own"

    @property
    def is_https(self) -> bool:
        """Browsers reach the pages through HTTPS, so cookies are sent over it alone."""
        return self.url.startswith("https://")

    def problems(self) -> Iterator[Problem]:
        """Check the address."""
        try:
            parts = urlsplit(self.url)
            is_address = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:  # a bracket without its pair
            is_address = False
        if self.url and not is_address:
            yield "url", "expected the address in a browser, such as https://attendance.example.org"


class OidcSection(Section, frozen=True, kw_only=True):
    """A service at which people sign in (OpenID Connect), such as Google or Microsoft."""

    name: Name
    title: str
    issuer: str
    client_id: str
    secret_file: str
    claim: Literal["hd", "tid"]
    allowed: Annotated[tuple[str, ...], Meta(min_length=1)]

    def problems(self) -> Iterator[Problem]:
        """Check the address of the issuer."""
        parts = urlsplit(self.issuer)
        is_local = parts.hostname in {"localhost", "127.0.0.1"}
        if not parts.hostname or (parts.scheme != "https" and not is_local):
            yield "issuer", "expected an address with https://, such as https://accounts.google.com"


class ExportsSection(Section, frozen=True):
    """What other systems want to be called in the files for them."""

    canvas_column: str = "Attendance"
    ed_fi_school_id: Annotated[int, Meta(ge=0)] = 0
    school_year_begins: Annotated[int, Meta(ge=1, le=12)] = 8


class RetentionSection(Section, frozen=True):
    """How long is kept what names students, 0 for ever; and when the rest is deleted each day."""

    at: DailyTime = "03:30"
    marks_days: Annotated[int, Meta(ge=0, le=36_500)] = 0
    events_days: Annotated[int, Meta(ge=0, le=36_500)] = 0

    def problems(self) -> Iterator[Problem]:
        """Check that nothing goes that corrections still need."""
        for key in ("marks_days", "events_days"):
            if 0 < getattr(self, key) < RETENTION_MIN_DAYS:
                yield key, f"expected 0 (for ever), or at least {RETENTION_MIN_DAYS}"


class RegisterConfig(Section, frozen=True):
    """The content of ``register.toml``; each field is the table of the same name."""

    register: RegisterSection = RegisterSection()
    mqtt: MqttSection = MqttSection(host="localhost")
    database: DatabaseSection = DatabaseSection()
    ingest: IngestSection = IngestSection()
    pages: PagesSection = PagesSection()
    rules: RuleSettings = RuleSettings()
    exports: ExportsSection = ExportsSection()
    retention: RetentionSection = RetentionSection()
    code: tuple[CodeSection, ...] = ()
    site: tuple[SiteSection, ...] = ()
    oidc: tuple[OidcSection, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of everything that is shown of no site, or of a site without its own."""
        return ZoneInfo(self.register.timezone)

    def zone_of(self, site: str) -> ZoneInfo:
        """Return the time zone of a site."""
        own = next((one.timezone for one in self.site if one.name == site), None)
        return self.zone if own is None else ZoneInfo(own)

    def ed_fi_school_id(self, site: str) -> int:
        """Return the number of a site's school in Ed-Fi; 0 if it has none."""
        own = next((one.ed_fi_school_id for one in self.site if one.name == site), 0)
        return own or self.exports.ed_fi_school_id

    @property
    def codes(self) -> Mapping[Code, CodeFacts]:
        """What each code counts as: the defaults with the sections ``[[code]]``."""
        return code_table(self.code)

    @property
    def client_id(self) -> str:
        """The MQTT client id; no name holds a colon, so no kiosk has the same."""
        return f"kiosk-register:{self.register.id}"

    def problems(self) -> Iterator[Problem]:
        """Check that there is a broker, since the register starts none; and for repetitions."""
        if not self.mqtt.host:
            yield "mqtt.host", "the register needs a broker"
        yield from code_problems(self.code)
        yield from _repeated("site", [one.name for one in self.site])
        yield from _repeated("oidc", [one.name for one in self.oidc])


def _repeated(table: str, names: Sequence[str]) -> Iterator[Problem]:
    for i, name in enumerate(names):
        if name in names[:i]:
            yield f"{table}[{i}].name", f"{name!r} is there twice"


def _zone_problems(timezone: str) -> Iterator[Problem]:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "timezone", "expected an IANA time zone such as Europe/Berlin"


REGISTER_FILE: Final = ConfigFile(RegisterConfig)
