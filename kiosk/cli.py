"""What all commands share: option parsers, and the mapping from errors to exit codes."""

import argparse
import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from kiosk.config.keys import Config, load_config
from kiosk.config.sources import home_path
from kiosk.errors import ConfigError, KioskError, described, exit_code_of, is_of_disk
from kiosk.files.presence import may_exist
from kiosk.logs import write_error
from kiosk.printable import is_utf8

DEFAULT_CONFIG: Final = Path("/etc/kiosk/kiosk.toml")
BROKEN_PIPE: Final = 141
"""The exit code when the reader of standard output has ended, as a shell shows SIGPIPE."""
_DIGITS_MAX: Final = 18
_PATHS: Final = ("file", "camera")
"""Options that are texts and may be paths: "-" is standard output, "0" is a camera."""


class IntermixedParser(argparse.ArgumentParser):
    """A parser that accepts options between positional arguments, as most programs do.

    argparse alone reads ``s-1 --name Ada photo.jpg`` as a photo too many: an optional positional
    argument that is empty before an option stays empty.
    """

    _is_nested = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401 - argparse's own signature is overloaded
        """Parse the options first and the positional arguments after them."""
        nargs = {action.nargs for action in self._get_positional_actions()}
        if self._is_nested or nargs & {argparse.PARSER, argparse.REMAINDER}:
            return super().parse_known_args(args, namespace)
        self._is_nested = True  # Python 3.11 and 3.12 call this method again
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_nested = False


def add_command(
    commands: Any,  # noqa: ANN401 - argparse's own class is private
    name: str,
    text: str,
    run: Callable[[argparse.Namespace], int] | None,
) -> argparse.ArgumentParser:
    """Add a command with its help; ``run`` is ``None`` for one that has commands of its own."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + "."
    )
    if run is not None:
        parser.set_defaults(run=run)
    return parser


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--config``."""
    parser.add_argument(
        "--config",
        type=home_path,
        help=f"configuration file (default: {DEFAULT_CONFIG} if present)",
    )


def configuration(options: argparse.Namespace) -> Config:
    """Read the configuration that ``--config`` names, or else the default one, if it is there.

    Raises:
        ConfigError: It cannot be read, or is invalid.
    """
    if options.config is not None:
        return load_config(options.config)
    return load_config(DEFAULT_CONFIG) if may_exist(DEFAULT_CONFIG) else Config()


def positive_int(text: str) -> int:
    """Parse an option that is a whole number of 1 or more, for argparse.

    Raises:
        argparse.ArgumentTypeError: ``text`` is anything else, or more than databases can count.
    """
    if not text.isdecimal() or not text.strip("0"):
        raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number of 1 or more")
    if len(text) > _DIGITS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r}, expected at most {_DIGITS_MAX} digits")
    return int(text)


def require_utf8(options: argparse.Namespace) -> None:
    """Reject a text of the command line that is not UTF-8; a path may be any bytes.

    Raises:
        ConfigError: There is one; the message names the argument.
    """
    for name, value in vars(options).items():
        texts = value if isinstance(value, list) else [value]
        for one in texts:
            if isinstance(one, str) and name not in _PATHS and not is_utf8(one):
                raise ConfigError(f"argument {one!r}: not UTF-8")


def agrees(warning: str) -> bool:
    """Ask the person at the terminal; without a terminal the answer is no."""
    if not sys.stdin.isatty():
        return False
    return input(f'{warning} Type "yes" to go on all the same: ').strip() == "yes"


def end_with_parent() -> None:
    """Let this process, a child of another, get SIGTERM when that one has ended.

    A process that is killed cannot end its children; they would wait for it for ever.
    """
    from multiprocessing import parent_process  # noqa: PLC0415  # few commands have children

    parent = parent_process()
    assert parent is not None  # this runs in a child

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def prepare_process() -> None:
    """Set up output and libraries; call this before the options are parsed.

    A name that the terminal cannot show, and a file name that is not UTF-8, end no command, nor
    does ``--help`` on an ASCII terminal. Who reads through a pipe gets each line at once. OpenCV,
    FFmpeg and TensorFlow keep their notes to themselves: they are about failures that we report
    ourselves.
    """
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def run_command(program: str, run: Callable[[], int]) -> int:
    """Run a command and print its error, if any, on standard error.

    Returns:
        The exit code: that of ``run``, or of the error (:mod:`kiosk.errors`), or 130 after Ctrl-C,
        or :data:`BROKEN_PIPE`.

    Raises:
        OSError: One that names no file, and is not of a disk: a mistake of the program.
    """
    try:
        code = run()
        sys.stdout.flush()
    except KioskError as exc:
        write_error(f"{program}: {exc}")
        return exit_code_of(exc)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `kiosk watch | head`
        _discard_output()
        return BROKEN_PIPE
    except OSError as exc:
        if exc.filename is None and not is_of_disk(exc):
            raise
        if exc.filename is None:
            _discard_output()
        write_error(f"{program}: {described(exc)}")
        return exit_code_of(exc)
    return code


def _open_closed() -> None:
    """Put the null device in the place of standard streams that are closed.

    Otherwise the next file that is opened gets their number, and what is printed would go there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the system gives the lowest number that is free
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, os.fdopen(number, mode, closefd=False, encoding="utf-8"))


def _discard_output() -> None:
    """Write what is still buffered to nowhere: Python would fail again when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
