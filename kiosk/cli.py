"""What all commands share: option parsers, and the mapping from errors to exit codes."""

import argparse
import sys
from collections.abc import Callable

from kiosk.errors import KioskError


def positive_int(text: str) -> int:
    """Parse an option that is a whole number of 1 or more, for argparse.

    Raises:
        argparse.ArgumentTypeError: ``text`` is anything else.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number of 1 or more")
    return int(text)


def run_command(program: str, run: Callable[[], int]) -> int:
    """Run a command and print its error, if any, in one line on standard error.

    Returns:
        The exit code: that of ``run``, or of the error (:mod:`kiosk.errors`), or 130 after Ctrl-C.
    """
    try:
        return run()
    except KioskError as exc:
        sys.stderr.write(f"{program}: {exc}\n")
        return exc.exit_code
    except KeyboardInterrupt:
        return 130
