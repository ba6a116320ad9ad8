"""The register's configuration: each mistake is named by its key."""

import pytest

from kiosk.errors import ConfigError
from kiosk.register.config import REGISTER_FILE, RegisterConfig


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
        ("[database]\npassword_file = 'x'", "database.password_file: only for database.url"),
        ("[ingest]\nbatch_max = 0", "ingest.batch_max: "),
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
