"""The register's configuration: each mistake is named by its key."""

import pytest

from kiosk.errors import ConfigError
from kiosk.register.config import REGISTER_FILE, RegisterConfig
from kiosk.register.rules.codes import Code, code_table


def parse(text: str) -> RegisterConfig:
    return REGISTER_FILE.parse(text.encode(), "register.toml")


def test_an_empty_file_has_the_defaults() -> None:
    """A register on the broker's machine needs no configuration."""
    assert parse("") == RegisterConfig()
    assert parse("").mqtt.host == "localhost"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[register]\nid = 'a:b'", "register.id: "),
        ("[register]\ntimezone = 'Middle/Earth'", "register.timezone: "),
        ("[mqtt]\nport = 1883", "mqtt.host: the register needs a broker"),
        ("[database]\nurl = 'mysql://x'", "database.url: expected postgresql://"),
        ("[database]\npath = ''", "database.path: expected a file"),
        ("[database]\npassword_file = 'x'", "database.password_file: only for database.url"),
        ("[ingest]\nbatch_max = 0", "ingest.batch_max: "),
        ("[rules]\nlate_after_min = -1", "rules.late_after_min: "),
        ("[rules]\nexit_direction = 'up'", "rules.exit_direction: expected one of"),
        ("[rules]\nhalf_day_at = '24:00'", "rules.half_day_at: "),
        ("[rules]\nabsent_after_min = 9", "rules.absent_after_min: expected at least rules.late_"),
        ("[[code]]\ncode = 'sick'", 'code[0].code: expected one of "present", '),
        ("[[code]]\ncode = 'late'\nmoodle = 'LATE'", "code[0].moodle: expected at most 2"),
        ("[[code]]\ncode = 'late'\ncounts_absent = true", "code[0].counts_absent: late would"),
        ("[[code]]\ncode = 'not-known'\nmoodle = 'P'", "code[0].code: not-known counts as"),
        ("[[code]]\ncode = 'late'\n" * 2, "code[1].code: 'late' is there twice"),
        ("[[site]]\nname = 'n'", "site[0].timezone: missing"),
        ("[[oidc]]\nname = 'n'", "oidc[0].title: missing"),
        ("[[site]]\nname = 'n'\ntimezone = 'X/Y'", "site[0].timezone: expected an IANA"),
        ("[[site]]\nname = 'n'\ntimezone = 'UTC'\n" * 2, "site[1].name: 'n' is there twice"),
        ("[camera]\nfps = 5", "camera: unknown key; expected register, mqtt, database"),
    ],
)
def test_a_mistake_is_named_by_its_key(text: str, key: str) -> None:
    """The message names the file, the key, and what is expected."""
    with pytest.raises(ConfigError) as error:
        parse(text)
    assert str(error.value).startswith(f"register.toml: {key}")


def test_instances_have_client_ids_of_their_own() -> None:
    """The broker keeps an MQTT session for each, and no kiosk has such an id."""
    assert parse("[register]\nid = 'b'").client_id == "kiosk-register:b"


def test_a_site_may_have_a_time_zone_of_its_own() -> None:
    """Tijuana has daylight saving, Mexico City has not; one register may serve both."""
    config = parse(
        "[register]\ntimezone = 'America/Mexico_City'\n"
        "[[site]]\nname = 'tijuana'\ntimezone = 'America/Tijuana'"
    )
    assert config.zone_of("tijuana").key == "America/Tijuana"
    assert config.zone_of("centro").key == "America/Mexico_City"


def test_a_school_counts_a_code_otherwise() -> None:
    """What the section leaves out keeps its default."""
    (section,) = parse("[[code]]\ncode = 'excused'\ncounts_toward_rate = true").code
    facts = code_table([section])[Code.EXCUSED]
    assert (facts.counts_toward_rate, facts.counts_absent, facts.moodle) == (True, True, "E")
