"""How messages call the source of a camera, without the password that may be in it."""

import re
from typing import Final

_HIDDEN: Final = "the URL (not shown: it may hold a password)"
_PLAIN: Final = re.compile(r"[A-Za-z0-9._/ -]+")
_URL: Final = re.compile(r"([a-z]+)://([A-Za-z0-9.-]+)(:[0-9]{1,5})?([/?#][^@]*)?")


def source_name(source: str) -> str:
    """Return what a message may say of ``camera.source``, which goes to screens and logs.

    A device, a number and a path are shown. Of a URL only scheme and host are, and those only if
    there is nothing like a user in it. Whatever else it is, somebody may have mistyped a URL with a
    password, so nothing of it is shown.
    """
    if _PLAIN.fullmatch(source):
        return source
    url = _URL.fullmatch(source)
    return f"{url[1]}://{url[2]}" if url else _HIDDEN
