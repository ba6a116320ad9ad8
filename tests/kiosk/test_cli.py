"""What the parsers of all commands share."""

import shlex
from pathlib import Path

import pytest

from kiosk.__main__ import _parser
from kiosk.cli import IntermixedParser


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


def test_a_parser_is_used_twice() -> None:
    """A second command line is parsed as the first, also after an error."""
    parser = IntermixedParser()
    parser.add_argument("photos", nargs="*")
    parser.add_argument("--name")
    with pytest.raises(SystemExit):
        parser.parse_args(["--name"])
    for _ in range(2):
        assert parser.parse_args(["--name", "Ada", "a"]).photos == ["a"]
