"""Write plain data as YAML; every string is quoted as in JSON, which YAML allows."""

import json
from collections.abc import Iterator


def yaml_text(data: object) -> str:
    """Return the YAML text of mappings, lists, strings, numbers, booleans and ``None``."""
    return "\n".join(_lines(data)) + "\n"


def _lines(data: object) -> Iterator[str]:
    match data:
        case dict() if data:
            for key, value in data.items():
                yield from _entry(f"{_key(key)}:", value, "  ")
        case list() if data:
            for value in data:
                yield from _entry("-", value, "  ")
        case _:
            yield json.dumps(data, ensure_ascii=False)


def _entry(begin: str, value: object, indent: str) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        yield begin
        for line in _lines(value):
            yield indent + line
    else:
        yield f"{begin} {json.dumps(value, ensure_ascii=False)}"


def _key(key: str) -> str:
    is_plain = key.replace("-", "").replace("_", "").isalpha()
    return key if is_plain else json.dumps(key, ensure_ascii=False)
