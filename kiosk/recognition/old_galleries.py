"""Galleries of earlier models, kept in the folder of the gallery in use.

A new model cannot use their templates; they can be imported again when their model is in use. They
still hold people's templates, so an erasure covers them too.
"""

import os
import re
from datetime import date
from itertools import count
from pathlib import Path

from kiosk.errors import GalleryError


def old_galleries(path: Path) -> tuple[Path, ...]:
    """List the galleries that were kept aside for the gallery file ``path``, by name.

    They lie beside the real file where ``path`` is a link.

    Raises:
        GalleryError: The folder cannot be read.
    """
    path = path.resolve()
    try:
        found = sorted(path.parent.iterdir())
    except FileNotFoundError:
        return ()
    except OSError as exc:
        raise GalleryError(f"{path.parent}: cannot be read ({exc.strerror})") from exc
    named = [other for other in found if other.name.startswith(f"{path.stem}.old-")]
    return tuple(other for other in named if other.suffix == path.suffix)


def keep_aside(path: Path, model_id: str, day: date) -> Path:
    """Give a gallery file a second name, made of the day and the model.

    The first name stays, so that there is a gallery at every moment until a new one replaces it.
    A second name is the same file: its owner and permission bits are kept.

    Args:
        path: The gallery file, for example ``gallery.npz``.
        model_id: The model that it belongs to.
        day: Today.

    Returns:
        The second name, for example ``gallery.old-2026-11-25-MODEL.npz``; a number follows where
        that name is taken.

    Raises:
        GalleryError: The folder cannot be written, or its file system has no hard links.
    """
    path = path.resolve()  # not a second link to a file that will be another
    # A model id is any text, a file name is not.
    name = f"{path.stem}.old-{day.isoformat()}-{re.sub(r'[^A-Za-z0-9._-]', '_', model_id)[:100]}"
    for number in count(1):
        kept = path.with_name(f"{name}{'' if number == 1 else f'-{number}'}{path.suffix}")
        try:
            os.link(path, kept)
        except FileExistsError:
            continue
        except OSError as exc:
            raise GalleryError(f"{kept}: cannot be made ({exc.strerror})") from exc
        break
    return kept
