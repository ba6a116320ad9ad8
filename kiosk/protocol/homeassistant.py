"""What Home Assistant is told of a kiosk: one retained message of its MQTT device discovery.

The topic is ``<prefix>/device/<object id>/config``. The payload uses the short names of Home
Assistant 2026.11 (``dev``, ``o``, ``cmps``). It refers to topics that the kiosk publishes anyway,
and its templates take no subject id and no score out of them: Home Assistant keeps all it gets.
"""

import re
from hashlib import sha256
from typing import Any, Final

import msgspec

from kiosk.protocol.event import AttendanceEvent
from kiosk.protocol.topics import HEALTH, KioskAddress

_EVENT: Final = (
    "{{ {'event_type': 'attendance', 'time': value_json.time, 'clock': value_json.clock}"
    " | tojson }}"
)
_STATE: Final = "{{ value_json.state }}"
_PROBLEM: Final = "{{ 'OFF' if value_json.camera in ['ok', 'starting'] else 'ON' }}"


def discovery_topic(prefix: str, address: KioskAddress) -> str:
    """Return the topic; an empty retained message on it removes the device again.

    Args:
        prefix: Home Assistant's discovery prefix, usually "homeassistant".
        address: The kiosk.
    """
    return f"{prefix}/device/{_object_id(address)}/config"


def encode_discovery(address: KioskAddress, version: str) -> bytes:
    """Return the payload.

    Args:
        address: The kiosk.
        version: Version of its software.
    """
    name = _object_id(address)
    slug = name.replace("-", "_").lower()
    entities = _entities(address)
    for key, entity in entities.items():
        kind = entity["p"]
        entity |= {"uniq_id": f"{name}-{key}", "default_entity_id": f"{kind}.{slug}_{key}"}
    return msgspec.json.encode(
        {
            "dev": {
                "ids": [name],
                "name": f"Kiosk {address.site}/{address.room}/{address.kiosk}",
                "mdl": "Attendance kiosk",
                "sw": version,
                "sa": address.room,
            },
            "o": {"name": "attendance-kiosk", "sw": version},
            "avty": [{"t": address.availability, "val_tpl": _STATE}],
            "qos": 1,
            "cmps": entities,
        }
    )


def _entities(address: KioskAddress) -> dict[str, dict[str, Any]]:
    """Return what Home Assistant shows of a kiosk, by name."""
    availability, health = address.availability, address.topic(HEALTH)
    attendance = address.topic_of(AttendanceEvent)
    number = {"stat_t": health, "stat_cla": "measurement", "ent_cat": "diagnostic"}
    return {
        "attendance": {
            "p": "event",
            "name": "Attendance",
            "event_types": ["attendance"],
            "stat_t": attendance,
            "val_tpl": _EVENT,
        },
        "connectivity": {
            "p": "binary_sensor",
            "name": "Connectivity",
            "dev_cla": "connectivity",
            "ent_cat": "diagnostic",
            "stat_t": availability,
            "val_tpl": _STATE,
            "pl_on": "online",
            "pl_off": "offline",
            "avty": [],  # otherwise it would be unavailable instead of off
        },
        "camera": {
            "p": "binary_sensor",
            "name": "Camera",
            "dev_cla": "problem",
            "ent_cat": "diagnostic",
            "stat_t": health,
            "val_tpl": _PROBLEM,
        },
        "waiting": {
            "p": "sensor",
            "name": "Waiting events",
            "val_tpl": "{{ value_json.waiting }}",
            **number,
        },
        "people": {
            "p": "sensor",
            "name": "Enrolled people",
            "val_tpl": "{{ value_json.people }}",
            **number,
        },
        "temperature": {
            "p": "sensor",
            "name": "Temperature",
            "dev_cla": "temperature",
            "unit_of_meas": "°C",
            "val_tpl": "{{ value_json.temperature_c }}",
            **number,
        },
    }


def _object_id(address: KioskAddress) -> str:
    """Return letters, digits, "-" and "_": the names, and a hash that keeps two kiosks apart."""
    names = f"{address.site}/{address.room}/{address.kiosk}"
    readable = re.sub(r"[^A-Za-z0-9_-]", "-", names)
    return f"kiosk-{readable}-{sha256(names.encode()).hexdigest()[:8]}"
