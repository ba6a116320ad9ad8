"""Section of the configuration that kiosk and register share: the MQTT broker."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from kiosk.config.file import Problem, Section
from kiosk.config.host_name import host_problem


class MqttSection(Section, frozen=True):
    """The MQTT broker. Without a host, the embedded broker starts on the loopback address."""

    host: str = ""
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    protocol: Literal["5", "3.1.1"] = "5"
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    session_expiry_s: Annotated[int, Meta(ge=0, le=4294967295)] = 604800
    inflight_max: Annotated[int, Meta(ge=1, le=1000)] = 20

    def problems(self) -> Iterator[Problem]:
        """Check the address, and that an account is for a broker and a certificate for TLS."""
        if self.username and not self.host:
            yield "host", "needed when mqtt.username is set"
        if self.host and (problem := host_problem(self.host)):
            yield "host", problem
        if self.key_file and not self.cert_file:
            yield "cert_file", "needed when mqtt.key_file is set"
        if self.cert_file and not self.key_file:
            yield "key_file", "needed when mqtt.cert_file is set"
        if self.cert_file and not self.ca_file:
            yield "ca_file", "needed when mqtt.cert_file is set: only TLS uses it"


Prefix = Annotated[
    str,
    Meta(
        pattern="^([^+#/]+(/[^+#/]+)*)?$",
        description='the begin of a topic, such as "homeassistant", without + and #, or ""',
    ),
]


class KioskMqttSection(MqttSection, frozen=True):
    """The MQTT broker as a kiosk uses it, and whether Home Assistant is told of the kiosk."""

    homeassistant_prefix: Prefix = ""
