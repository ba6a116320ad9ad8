"""What the commands of the project share: how options are read and how a command ends."""

import sys
from collections.abc import Callable

from kiosk.errors import KioskError


def count(text: str) -> int:
    """Read an option that counts something, for argparse.

    Raises:
        ValueError: It is no number of 1 or more.
    """
    number = int(text)
    if number < 1:
        raise ValueError("expected 1 or more")
    return number


def end_well(program: str, run: Callable[[], int]) -> int:
    """Run a command; its exit code (0 done, 130 interrupted, else see :mod:`kiosk.errors`)."""
    try:
        return run()
    except KioskError as exc:
        sys.stderr.write(f"{program}: {exc}\n")
        return exc.exit_code
    except KeyboardInterrupt:
        return 130
