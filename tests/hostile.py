"""Messages of anybody: valid ones with a few fields replaced, removed and added, and broken bytes.

A message that is only random is refused at the first byte. What passes most checks goes furthest.
"""

import json
from copy import deepcopy
from typing import Any, Final

from hypothesis import strategies as st

VALUES: Final[list[Any]] = [
    *(None, True, False, [], {}, [[]], {"a": [1]}, -1, 0, 1, 2, 2**31, 2**53 - 1, 2**53),
    *(2**63 - 1, 2**63, 2**64, 10**30, -(10**30), 0.5, 1e9, 1e18, 1e308, -1e308),
    *("", " ", "a", "/", "#", "\0", "\x1b[2J", "\u202e", "\ud800", "a\nb", "é" * 100, "x" * 300),
    *("2026-01-15/day", "9999-12-31/day", "0001-01-01/day", "2026-02-31/day"),
    *("0001-01-01T00:00:00.000+00:00", "0001-01-01T00:00:00.000+23:59"),
    *("9999-12-31T23:59:59.999+00:00", "9999-12-31T23:59:59.999-23:59"),
    *("2026-02-31T08:00:00.000+00:00", "2026-01-15T12:00:00.000+00:00"),
    *("11111111-1111-4111-8111-111111111111", "01932f00-0000-7000-8000-000000000001"),
    *("online", "offline", "open", "closed", "synchronised", "unsynchronised", "attendance"),
]
"""What some field somewhere does not expect."""

_KEYS: Final = ["", "type", "zz", "a" * 300, "\0"]


@st.composite
def altered(draw: st.DrawFn, messages: list[dict[str, Any]], *, times: int = 3) -> bytes:
    """Draw one of the messages with some of its values changed, as JSON."""
    message = json.loads(json.dumps(draw(st.sampled_from(messages))))
    for _ in range(draw(st.integers(0, times))):
        _alter(draw, message)
    return json.dumps(message).encode()


@st.composite
def broken(draw: st.DrawFn, contents: list[bytes]) -> bytes:
    """Draw one of the contents with bytes replaced, removed or inserted."""
    content = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 4) | st.just(len(content)))
        content[at : at + length] = draw(st.binary(max_size=4))
    return bytes(content)


def _alter(draw: st.DrawFn, message: dict[str, Any]) -> None:
    """Change one value of a message, at any depth."""
    place: Any = message
    while True:
        keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        inner = place[key]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            place = inner
            continue
        break
    of_its_type = [one for one in VALUES if type(one) is type(inner)]
    is_alike: bool = draw(st.booleans())
    values = of_its_type if of_its_type and is_alike else VALUES
    value = deepcopy(draw(st.sampled_from(values)))  # it may be changed in its turn
    match draw(st.sampled_from(["replace", "replace", "replace", "remove", "add"])):
        case "remove":
            del place[key]
        case "add" if isinstance(place, dict):
            place[draw(st.sampled_from(_KEYS))] = value
        case _:
            place[key] = value
