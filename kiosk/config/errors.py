"""Describe an error in a configuration file: the key, and what is expected there."""

import json
import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import inspect

_NAMES: Final[Mapping[type[inspect.Type], str]] = {
    inspect.StrType: "a text in quotes",
    inspect.BoolType: "true or false",
    inspect.StructType: "a table",
}

_OF_TYPES: Final = ("Expected ", "Invalid ")
"""How msgspec's own messages begin; others are of a type's ``__post_init__``."""


def describe_error(error: str, content: type[msgspec.Struct]) -> str:
    """Turn msgspec's ``... - at `$.camera.fps` `` into ``camera.fps: ...``.

    Args:
        error: The text of msgspec's error.
        content: The type that the file is read into.
    """
    unknown = re.fullmatch(r"Object contains unknown field `(.+?)`(?: - at `\$\.?(.*)`)?", error)
    if unknown:
        key = ".".join(part for part in (unknown[2], unknown[1]) if part)
        keys = _keys(_type_at(unknown[2] or "", inspect.type_info(content)))
        return f"{key}: unknown key; expected {', '.join(keys)}"
    missing = re.fullmatch(r"Object missing required field `(.+?)`(?: - at `\$\.?(.*)`)?", error)
    if missing:
        return ".".join(part for part in (missing[2], missing[1]) if part) + ": missing"
    located = re.fullmatch(r"(.*) - at `\$\.?(.*)`", error)
    if not located:
        return error
    found = _type_at(located[2], inspect.type_info(content))
    if brackets := _brackets(located[1], located[2], _without_description(found)[0]):
        return f"{located[2]}: write {brackets}"
    expected = _expected(found) if located[1].startswith(_OF_TYPES) else ""
    return f"{located[2]}: {f'expected {expected}' if expected else located[1]}"


def _brackets(error: str, key: str, kind: inspect.Type) -> str:
    """Return how the header of a table is written, if its brackets are the mistake."""
    if error == "Expected `array`, got `object`" and isinstance(kind, inspect.VarTupleType):
        return f"[[{key}]], in double brackets"
    if error == "Expected `object`, got `array`" and "[" not in key:
        return f"[{key}], in single brackets"
    return ""


def _type_at(key: str, kind: inspect.Type) -> inspect.Type:
    """Find the type of a key such as ``lesson[0].days[1]``."""
    for name, index in re.findall(r"([a-z_]\w*)|(\[)", key):
        kind = _without_description(kind)[0]
        if index and isinstance(kind, inspect.VarTupleType):
            kind = kind.item_type
        elif isinstance(kind, inspect.StructType):
            kind = next(field.type for field in kind.fields if field.encode_name == name)
    return kind


def _keys(kind: inspect.Type) -> list[str]:
    """Return the keys of a table."""
    kind = _without_description(kind)[0]
    return (
        [field.encode_name for field in kind.fields] if isinstance(kind, inspect.StructType) else []
    )


def _expected(kind: inspect.Type) -> str:
    """Return what a type accepts; an empty string where msgspec's own words must do."""
    kind, description = _without_description(kind)
    if description:
        return description
    match kind:
        case inspect.LiteralType() | inspect.EnumType():
            return "one of " + ", ".join(json.dumps(value) for value in _choices(kind))
        case inspect.UnionType(types=(one, inspect.NoneType())):
            return _expected(one)
        case inspect.IntType() | inspect.FloatType():
            name = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
            return name + _limits(kind)
        case inspect.VarTupleType():
            return "a list with something in it" if kind.min_length else "a list"
        case _:
            return _NAMES.get(type(kind), "")


def _choices(kind: inspect.LiteralType | inspect.EnumType) -> list[object]:
    if isinstance(kind, inspect.EnumType):
        return [one.value for one in kind.cls]
    return list(kind.values)


def _limits(kind: inspect.IntType | inspect.FloatType) -> str:
    """Return `` from 64 to 4096``, `` above 0, at most 9`` or `` of at least 1``."""
    low, high, above = (f"{n:.12g}" if n is not None else "" for n in (kind.ge, kind.le, kind.gt))
    if low and high:
        return f" from {low} to {high}"
    parts = (f" above {above}" if above else "", f" at most {high}" if high else "")
    return f" of at least {low}" if low else ",".join(part for part in parts if part)


def _without_description(kind: inspect.Type) -> tuple[inspect.Type, str]:
    """Split a type from the description in its ``Meta``; an empty string without one."""
    if not isinstance(kind, inspect.Metadata):
        return kind, ""
    return kind.type, (kind.extra_json_schema or {}).get("description", "")
