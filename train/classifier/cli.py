"""The options of ``kiosk-train report`` and ``predict``; loads nothing that trains."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

from kiosk.cli import positive_int

Run: TypeAlias = Callable[[argparse.Namespace], int]
Add: TypeAlias = Callable[[str, str, Run], argparse.ArgumentParser]


def add_commands(add: Add) -> None:
    """Add the commands.

    Args:
        add: Adds a command by name, text and function, and returns its parser.
    """
    report = add("report", "train and measure the CNN of the report (recipe report)", _report)
    report.add_argument("photos", type=Path, help="folder or TOML file, as for `prepare`")
    report.add_argument("--root", type=Path, default=Path(), help="as for `prepare`")
    report.add_argument("--yes", action="store_true", help="as for `prepare`")
    report.add_argument("--photos-max", type=positive_int, help="cut the set to this many photos")
    report.add_argument(
        "--strangers", type=Path, help="crop set whose test people are the strangers"
    )
    report.add_argument("--bundle", type=Path, help="compare this bundle, with enrolment")
    report.add_argument("--run", dest="folder", type=Path, required=True, help="run folder")
    report.add_argument(
        "--epochs", type=positive_int, default=30, help="default 30, as in the report"
    )
    report.add_argument(
        "--size",
        type=positive_int,
        default=224,
        help="side of a photo in pixels, default 224, as in the report",
    )
    predict = add("predict", "name the people on photos with the CNN of the report", _predict)
    predict.add_argument(
        "photos", type=Path, nargs="+", help="photos; the folder's name is the actual name"
    )
    predict.add_argument("--run", dest="folder", type=Path, required=True, help="run folder")
    predict.add_argument(
        "--grid", type=Path, default=Path("predictions.png"), help="picture grid to write"
    )


def _report(options: argparse.Namespace) -> int:
    from train.classifier.command import run_report
    from train.classifier.run import ClassifierConfig
    from train.dataset.people import confirm_people

    print(
        run_report(
            options.photos,
            options.root,
            options.folder,
            photos_max=options.photos_max,
            strangers=options.strangers,
            bundle=options.bundle,
            config=ClassifierConfig(size_px=options.size, epochs=options.epochs),
            confirm=partial(confirm_people, yes=options.yes, say=partial(print, file=sys.stderr)),
        )
    )
    return 0


def _predict(options: argparse.Namespace) -> int:
    from train.classifier.command import run_predict
    from train.places import check_out

    check_out("--grid", options.grid)
    for line in run_predict(options.photos, options.folder, options.grid):
        print(line)
    return 0
