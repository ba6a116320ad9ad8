"""Properties of MQTT 5 that a published message carries; MQTT 3.1.1 has none."""

from dataclasses import dataclass

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


@dataclass(frozen=True, slots=True)
class PublishProperties:
    """What is said about a message beside its payload; nothing may depend on it.

    Attributes:
        correlation: Correlation data of the request that the message answers.
        content_type: Media type of the payload.
        user: User properties, as pairs of name and value.
    """

    correlation: bytes | None = None
    content_type: str | None = None
    user: tuple[tuple[str, str], ...] = ()

    def to_paho(self) -> Properties:
        """Return them as paho takes them."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's
        if self.correlation is not None:
            properties.CorrelationData = self.correlation
        if self.content_type is not None:
            properties.ContentType = self.content_type
        if self.user:
            properties.UserProperty = list(self.user)
        return properties
