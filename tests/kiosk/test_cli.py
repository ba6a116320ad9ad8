"""What the parsers of all commands share."""

import argparse
import os
import select
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from kiosk.__main__ import _parser, main
from kiosk.cli import IntermixedParser, positive_int, require_utf8


@pytest.mark.parametrize(
    "line",
    [
        "s-1 --name Ada a.jpg b.jpg",
        "--name Ada s-1 a.jpg b.jpg",
        "s-1 a.jpg --name Ada b.jpg",
        "--config k.toml s-1 --json a.jpg --name=Ada b.jpg",
    ],
)
def test_options_may_stand_before_and_between_photos(line: str) -> None:
    """The place of an option does not matter: the photos are the same."""
    options = _parser().parse_args(["enrol", *shlex.split(line)])
    assert (options.subject, options.name) == ("s-1", "Ada")
    assert options.photos == [Path("a.jpg"), Path("b.jpg")]


def test_an_unknown_option_is_still_wrong_usage() -> None:
    """A misspelt option is not taken for a photo."""
    with pytest.raises(SystemExit) as caught:
        _parser().parse_args(["enrol", "s-1", "--nme", "Ada", "a.jpg"])
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("enrol s-1 a.jpg --name Jos\udce9", r"'Jos\udce9'"),
        ("gallery remove s-\udcff", r"'s-\udcff'"),
        ("register list --person \udcff", r"'\udcff'"),
        ("register erase \udcff", r"'\udcff'"),
        ("register account invite ada --role teacher --class 7a --class \udcff", r"'\udcff'"),
    ],
)
def test_a_text_that_is_not_utf8_is_named(
    line: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A terminal of another encoding gives other bytes: one line, before anything is done."""
    assert main(line.split()) == 78
    assert capsys.readouterr().err == f"kiosk: argument {shown}: not UTF-8\n"


def test_a_path_that_is_not_utf8_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files may have any name."""
    (tmp_path / "kiosk.toml").write_text(f'[state]\ndirectory = "{tmp_path}"\n')
    options = ["--config", str(tmp_path / "kiosk.toml")]
    assert main(["gallery", "import", f"{tmp_path}/\udcff", *options]) == 65
    assert "absent; expected a file that" in capsys.readouterr().err
    require_utf8(_parser().parse_args(["register", "export", "\udcff"]))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0", "whole number of 1 or more"),
        ("00", "whole number of 1 or more"),
        ("-1", "whole number of 1 or more"),
        ("1" * 23, "at most 18 digits"),
        ("1" * 5000, "at most 18 digits"),
    ],
)
def test_a_number_that_cannot_be_counted_to_is_wrong_usage(text: str, says: str) -> None:
    """No database has so many rows, and none of a number that is less than one."""
    with pytest.raises(argparse.ArgumentTypeError, match=says):
        positive_int(text)
    assert positive_int("9" * 18) == 10**18 - 1


def test_a_parser_is_used_twice() -> None:
    """A second command line is parsed as the first, also after an error."""
    parser = IntermixedParser()
    parser.add_argument("photos", nargs="*")
    parser.add_argument("--name")
    with pytest.raises(SystemExit):
        parser.parse_args(["--name"])
    for _ in range(2):
        assert parser.parse_args(["--name", "Ada", "a"]).photos == ["a"]


def in_process(code: str, stdout: int) -> subprocess.CompletedProcess[str]:
    """Run ``code`` as the body of a command, in a fresh interpreter."""
    lines = "".join(f"    {line}\n" for line in code.splitlines())
    imports = "import sys\nfrom kiosk.cli import prepare_process, run_command\n"
    program = f"{imports}def run():\n{lines}    return 0\n"
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "ascii"}
    return subprocess.run(
        [sys.executable, "-c", f"{program}prepare_process()\nsys.exit(run_command('kiosk', run))"],
        env=environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("code", ["print('a')", "for _ in range(99999): print('a')"])
def test_the_end_of_the_reader_ends_a_command_quietly(code: str) -> None:
    """`kiosk watch | head` prints no traceback, whether it wrote much or little."""
    reader, writer = os.pipe()
    os.close(reader)
    done = in_process(code, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("code", ["print('a')", "print('a' * 99999)", "sys.stdout.write('a')"])
def test_an_output_that_is_full_is_one_line(code: str) -> None:
    """On a full disk a command says so and ends with 74, whether it wrote much or little."""
    with Path("/dev/full").open("wb") as full:
        done = in_process(code, stdout=full.fileno())
    said = "kiosk: the output cannot be written (No space left on device)\n"
    assert (done.returncode, done.stderr) == (74, said)


@pytest.mark.parametrize(
    ("number", "reason", "expected"),
    [
        (13, "Permission denied", (77, "Permission denied; try again with sudo")),
        (36, "File name too long", (74, "File name too long")),
    ],
)
def test_an_error_of_the_system_names_its_file(
    number: int, reason: str, expected: tuple[int, str]
) -> None:
    """What no code foresaw is one line: the file, why, and what may help."""
    done = in_process(f"raise OSError({number}, {reason!r}, '/a/b')", stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (expected[0], f"kiosk: /a/b: {expected[1]}\n")


def test_a_mistake_of_the_program_keeps_its_traceback() -> None:
    """An error of the system without a file, and not of a disk, is no fault of the user."""
    done = in_process("raise OSError(9, 'Bad file descriptor')", stdout=subprocess.PIPE)
    assert (done.returncode, "Traceback" in done.stderr) == (1, True)


def test_closed_streams_go_nowhere(tmp_path: Path) -> None:
    """`kiosk run >&- 2>&-` does its work, and no file that it writes gets their numbers."""
    lines = f"file = open({str(tmp_path / 'a')!r}, 'w')", "print(1)", "print(2, file=sys.stderr)"
    body = "".join(f"    {line}\n" for line in (*lines, "return 3"))
    program = (
        "import sys; from kiosk.cli import prepare_process, run_command\n"
        f"def run():\n{body}prepare_process(); sys.exit(run_command('kiosk', run))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    line = [sys.executable, "-c", program]
    shell = f"exec {shlex.join(line)} <&- >&- 2>&-"
    done = subprocess.run(["/bin/sh", "-c", shell], env=environment, check=False)
    assert (done.returncode, (tmp_path / "a").read_text()) == (3, "")


def test_a_name_that_the_terminal_cannot_show_is_no_error() -> None:
    """An ASCII terminal shows the code of the character."""
    done = in_process(r"print('Zo\xeb \udcff')", stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Zo\\xeb \\udcff\n", "")


def test_a_reader_of_a_pipe_gets_each_line_at_once() -> None:
    """`kiosk watch --json` in a pipe goes on for days."""
    code = (
        "import sys; from kiosk.cli import prepare_process; prepare_process();"
        "print('a'); sys.stdin.read()"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        is_told, _, _ = select.select([process.stdout], [], [], 20)
        process.kill()
    assert is_told


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `kiosk` as a person does, on an ASCII terminal."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LANG": "C"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, "-m", "kiosk", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_works_on_an_ascii_terminal() -> None:
    """A character that it cannot show comes as its code."""
    done = command("demo", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "rtsp://\\u2026" in done.stdout


def test_a_command_prints_no_notes_of_libraries(tmp_path: Path) -> None:
    """What OpenCV and LiteRT say when they load a model stays out of the output."""
    config = tmp_path / "kiosk.toml"
    config.write_text(f'[state]\ndirectory = "{tmp_path}"\n[mqtt]\nhost = "broker"\n')
    done = command("check", "--config", str(config))
    assert "golden vectors" in done.stdout
    assert done.stderr == ""


def test_an_error_controls_no_terminal(tmp_path: Path) -> None:
    """A key out of a hostile configuration is shown without its control characters."""
    config = tmp_path / "kiosk.toml"
    config.write_text('"\\u001b[2J" = 1\n')
    done = command("gallery", "list", "--config", str(config))
    assert done.returncode == 78
    assert "\\ufffd[2J: unknown key" in done.stderr
