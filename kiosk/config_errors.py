"""Say what a key of the configuration should have been, from the types that it is checked by."""

import re

import msgspec
from msgspec import inspect


def readable(problem: str, config: type[msgspec.Struct]) -> str:
    """Turn msgspec's ``... - at `$.camera.fps` `` into ``camera.fps: ...``.

    Args:
        problem: The text of msgspec's error.
        config: What was to be read.
    """
    unknown = re.fullmatch(r"Object contains unknown field `(.+?)`(?: - at `\$\.?(.*)`)?", problem)
    if unknown:
        key = ".".join(part for part in (unknown[2], unknown[1]) if part)
        return f"{key}: unknown key; see systemd/kiosk.toml for all that there are"
    missing = re.fullmatch(r"Object missing required field `(.+?)` - at `\$\.?(.*)`", problem)
    if missing:
        return f"{missing[2]}.{missing[1]}: missing"
    placed = re.fullmatch(r"(.*) - at `\$\.?(.*)`", problem)
    if not placed:
        return problem
    expected = _in_words(_type_at(placed[2], inspect.type_info(config)))
    return f"{placed[2]}: {f'expected {expected}' if expected else placed[1]}"


def _type_at(key: str, kind: inspect.Type) -> inspect.Type:
    """Find the type of ``session[0].days[1]`` and the like."""
    for name, index in re.findall(r"([a-z_]\w*)|(\[)", key):
        kind = _without_description(kind)[0]
        if index and isinstance(kind, inspect.VarTupleType):
            kind = kind.item_type
        elif isinstance(kind, inspect.StructType):
            kind = next(field.type for field in kind.fields if field.name == name)
    return kind


def _in_words(kind: inspect.Type) -> str:
    """Put into words what msgspec's own message leaves open; empty when it says enough."""
    kind, description = _without_description(kind)
    if isinstance(kind, inspect.LiteralType):
        return "one of " + ", ".join(f'"{value}"' for value in kind.values)
    return description


def _without_description(kind: inspect.Type) -> tuple[inspect.Type, str]:
    if not isinstance(kind, inspect.Metadata):
        return kind, ""
    return kind.type, (kind.extra_json_schema or {}).get("description", "")
