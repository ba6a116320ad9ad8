"""Check the address of a broker before a library fails on it, seconds or days later."""

import ipaddress
import re
from typing import Final

_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_LENGTH_MAX: Final = 253
_EXAMPLE: Final = 'such as "broker.school.example" or "192.0.2.7"'


def host_problem(host: str) -> str:
    """Return what is wrong with a host name or IP address, for a message; "" if nothing is.

    The text does not quote the address: somebody may have put a password into it.
    """
    if "/" in host or "@" in host:
        return f'expected a host alone, {_EXAMPLE}, without "mqtt://", user or path'
    if _is_address(host):
        return ""
    if "[" in host or "]" in host:
        return (
            'expected an IPv6 address without brackets, such as "::1"; the port is a key of its own'
        )
    if ":" in host:
        return f"expected a host alone, {_EXAMPLE}; the port is a key of its own"
    try:
        name = host.encode("idna").decode("ascii").removesuffix(".")
    except UnicodeError:  # a label that is empty, or longer than 63 characters
        name = ""
    if len(name) > _LENGTH_MAX or not all(map(_LABEL.fullmatch, name.split("."))):
        return f"expected a host name, {_EXAMPLE}: words of at most 63 letters, digits and '-'"
    return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
