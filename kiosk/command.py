"""How every command of the project ends: an error of ours is one line and an exit code."""

import sys
from collections.abc import Callable

from kiosk.errors import KioskError


def end_well(program: str, run: Callable[[], int]) -> int:
    """Run a command; its exit code (0 done, 130 interrupted, else see :mod:`kiosk.errors`)."""
    try:
        return run()
    except KioskError as exc:
        sys.stderr.write(f"{program}: {exc}\n")
        return exc.exit_code
    except KeyboardInterrupt:
        return 130
