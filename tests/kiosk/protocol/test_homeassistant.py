"""What Home Assistant is told of a kiosk.

By hand, the payload went through the schemas of Home Assistant 2026.11.0 (device, components);
it needs Python 3.14 and is too large for the tests.
"""

import json
import re
from typing import Any

from jinja2 import Environment

from kiosk.protocol.availability import Availability, encode_availability
from kiosk.protocol.event import encode
from kiosk.protocol.health import encode_health
from kiosk.protocol.homeassistant import discovery_topic, encode_discovery
from kiosk.protocol.topics import KioskAddress, parse_topic
from tests.kiosk.protocol.test_event import EVENT
from tests.kiosk.protocol.test_health import HEALTH

ADDRESS = KioskAddress("north", "room.12", "kiosk-1")


def device() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode_discovery(ADDRESS, "1.4.0"))
    return found


def test_the_topic_is_one_that_home_assistant_takes() -> None:
    """An object id has letters, digits, - and _; two kiosks never share one."""
    topic = discovery_topic("homeassistant", ADDRESS)
    assert re.fullmatch(r"homeassistant/device/[A-Za-z0-9_-]+/config", topic)
    alike = KioskAddress("north", "room-12", "kiosk-1")
    assert topic != discovery_topic("homeassistant", alike)


def test_the_device_has_what_the_schema_demands() -> None:
    """Device, origin, and for each component its platform and an id that is there once."""
    found = device()
    assert found["dev"]["ids"]
    assert found["o"] == {"name": "attendance-kiosk", "sw": "1.4.0"}
    entities = found["cmps"]
    assert {key: one["p"] for key, one in entities.items()} == {
        "attendance": "event",
        "connectivity": "binary_sensor",
        "camera": "binary_sensor",
        "waiting": "sensor",
        "people": "sensor",
        "temperature": "sensor",
    }
    assert len({one["uniq_id"] for one in entities.values()}) == len(entities)
    for one in entities.values():
        assert re.fullmatch(rf"{one['p']}\.[a-z0-9_]+", one["default_entity_id"])
        assert "object_id" not in one  # which Home Assistant dropped in 2026.4
        topic = parse_topic(one["stat_t"])
        assert topic is not None
        assert topic.address == ADDRESS


def rendered(key: str, payload: bytes) -> str:
    """What Home Assistant makes of a message, by the component's template."""
    template = Environment(autoescape=False).from_string(device()["cmps"][key]["val_tpl"])
    return template.render(value_json=json.loads(payload))


def test_an_event_tells_nothing_of_the_person() -> None:
    """Home Assistant records what it gets."""
    said = json.loads(rendered("attendance", encode(EVENT)))
    assert said == {"event_type": "attendance", "time": EVENT.time, "clock": EVENT.clock}
    text = encode_discovery(ADDRESS, "1.4.0").decode()
    assert not re.search("subject_id|score|margin", text)


def test_states_come_from_the_messages_of_the_kiosk() -> None:
    """Each template reads a real message; the will turns the device off."""
    online = Availability(state="online", boot_id="b", version="1")
    assert rendered("connectivity", encode_availability(online)) == "online"
    assert rendered("connectivity", encode_availability(online.as_offline())) == "offline"
    (availability,) = device()["avty"]
    assert availability["t"] == ADDRESS.availability
    health = encode_health(HEALTH)
    assert rendered("camera", health) == "OFF"
    assert rendered("camera", health.replace(b'"camera":"ok"', b'"camera":"black"')) == "ON"
    assert rendered("waiting", health) == str(HEALTH.waiting)
    assert rendered("people", health) == str(HEALTH.people)
    assert rendered("temperature", health) == str(HEALTH.temperature_c)
