"""What the commands of the project share: how options are read and how a command ends."""

import argparse
import sys
from collections.abc import Callable

from kiosk.errors import KioskError


def count(text: str) -> int:
    """Read an option that counts something, for argparse.

    Raises:
        argparse.ArgumentTypeError: It is no whole number of 1 or more.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number of 1 or more")
    return int(text)


def run_command(program: str, run: Callable[[], int]) -> int:
    """Run a command; its exit code (0 done, 130 interrupted, else see :mod:`kiosk.errors`)."""
    try:
        return run()
    except KioskError as exc:
        sys.stderr.write(f"{program}: {exc}\n")
        return exc.exit_code
    except KeyboardInterrupt:
        return 130
