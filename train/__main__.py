"""The command ``kiosk-train``."""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kiosk.cli import positive_int, prepare_process, run_command
from kiosk.errors import ConfigError, DatasetError
from kiosk.printable import json_text, printable
from train.classifier.cli import add_commands

if TYPE_CHECKING:
    from train.dataset.crop_set import CropSet
    from train.evaluation.recogniser import RecogniserUnderTest


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code (0 done, 2 wrong usage, else see :mod:`kiosk.errors`)."""
    prepare_process()
    options = _parser().parse_args(arguments)
    return run_command("kiosk-train", lambda: int(options.run(options)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kiosk-train",
        description="Prepare photos, train face recognisers and evaluate them.",
        epilog="Keras uses TensorFlow, or the library in the variable KERAS_BACKEND (torch, jax, "
        "which is fastest on a GPU).",
    )
    commands = parser.add_subparsers(title="commands", required=True)
    _add_photos(commands)
    _add_runs(commands)
    _add_measures(commands)
    add_commands(partial(_command, commands))
    return parser


def _add_photos(commands: Any) -> None:  # noqa: ANN401  # argparse's own class is private
    prepare = _command(commands, "prepare", "find and align the face in every photo", _prepare)
    prepare.add_argument("photos", type=Path, help="folder with one sub-folder of photos per "
                         "person, or a TOML file that lists several sources")  # fmt: skip
    prepare.add_argument(
        "--root", type=Path, default=Path(), help="folder that a TOML file's paths are relative to"
    )
    prepare.add_argument("--out", type=Path, required=True, help="crop set to write")
    prepare.add_argument("--yes", action="store_true", help="each folder is one person, also where "
                         "its photos are in several folders")  # fmt: skip
    prepare.add_argument("--json", action="store_true", help="print the outcome as JSON")
    morph = _command(commands, "morph", "make faces that nobody has out of free ones", _morph)
    morph.add_argument("photos", type=Path, nargs="+", help="folders or archives of photos")
    morph.add_argument("--count", type=positive_int, default=5000, help="how many (default: 5000)")
    morph.add_argument("--out", type=Path, required=True, help="crop set to write")
    text = "compute the teacher's embeddings, and exclude held-out people who appear twice"
    teach = _command(commands, "teach", text, _teach)
    teach.add_argument("crops", type=Path, help="crop set from `prepare`")
    _add_teacher(teach)


def _add_runs(commands: Any) -> None:  # noqa: ANN401  # as above
    fit = _command(commands, "fit", "train the embedding network (recipe embedding)", _fit)
    fit.add_argument("crops", type=Path, help="crop set with teacher embeddings")
    fit.add_argument("--run", dest="folder", type=Path, required=True, help="run folder; an "
                     "interrupted run is resumed")  # fmt: skip
    _add_teacher(fit)
    fit.add_argument("--recipe", type=Path, help="TOML file of hyperparameters, such as "
                     "train/tune_free_all.toml")  # fmt: skip
    fit.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                     help="change a hyperparameter, see train/recipe.py (images=100000, blends=0, "
                     "precision=mixed_bfloat16, start=RUN, …)")  # fmt: skip
    _add_workers(fit)
    text = "give SFace first layers of a quarter of the size, which are faster"
    short = _command(commands, "short-front", text, _short_front)
    short.add_argument("before", metavar="model", type=Path, help="run folder of `fit`, `average` "
                       "or `add-teacher`; or a bundle (*.kiosk-model), whose weights are read back "
                       "from int8")  # fmt: skip
    short.add_argument("crops", type=Path, help="crop set to learn from")
    short.add_argument("--pictures", type=positive_int, default=32_000, help="how many pictures "
                       "to learn from, rounded up to whole batches (default: 32000)")  # fmt: skip
    short.add_argument("--out", type=Path, required=True, help="run folder to write; an "
                       "interrupted command goes on; `fit --set network=sface --set front=short "
                       "--set start=…` trains it further")  # fmt: skip
    _add_workers(short)
    average = _command(commands, "average", "average runs that started from one point", _average)
    average.add_argument("runs", type=Path, nargs="+", help="run folders of `fit`")
    average.add_argument("--share", type=float, default=1.0, help="share of the runs' mean in "
                         "the result; the rest is where they started (default: 1)")  # fmt: skip
    average.add_argument("--out", type=Path, required=True, help="run folder to write")
    text = "let the dense layer of a run from SFace also learn from a second teacher"
    add = _command(commands, "add-teacher", text, _add_teacher_to_run)
    add.add_argument("before", metavar="run", type=Path, help="run folder of `fit`, `average` or "
                     "`short-front`; it cannot be trained or averaged after this")  # fmt: skip
    add.add_argument("crops", type=Path, help="crop set of faces to learn from")
    add.add_argument("--teacher", type=Path, required=True, help="face-reidentification-retail-"
                     "0095.xml of Open Model Zoo, its .bin file beside it")  # fmt: skip
    add.add_argument("--pictures", type=positive_int, default=24_000, help="how many bad pictures "
                     "to fit it to, 256 to 24000 (default: 24000; 8 GB of memory)")  # fmt: skip
    add.add_argument("--out", type=Path, required=True, help="run folder to write")


def _add_measures(commands: Any) -> None:  # noqa: ANN401  # as above
    text = "compare runs and models on development people, to choose one"
    compare = _command(commands, "compare", text, _compare)
    compare.add_argument("models", metavar="model", nargs="+", help="run folder (in float), int8 "
                         "model (*.tflite) of `kiosk-convert`, or bundle (*.kiosk-model); changes "
                         "are beside the first")  # fmt: skip
    compare.add_argument("--crops", type=Path, required=True, help="crop set with development "
                         "people, and training people for the cohort")  # fmt: skip
    compare.add_argument("--walks", type=Path, help="archive of people who walk past, "
                         "person/video/frame.webp; half of them are compared")  # fmt: skip
    compare.add_argument("--training-people", type=positive_int, default=None, metavar="N",
                         help="also compare photos of N people of the training side, for networks "
                         "that learnt from none of them")  # fmt: skip
    compare.add_argument("--test-people", action="store_true", help="also compare, once and after "
                         "the choice, how many enrolled people are missed on walks of test people "
                         "and of all people (needs --walks)")  # fmt: skip
    compare.add_argument("--json", action="store_true", help="print the outcome as JSON")
    evaluate = _command(commands, "evaluate", "evaluate a model bundle and its peers", _evaluate)
    evaluate.add_argument("bundle", type=Path, help="model bundle from `kiosk-convert`")
    evaluate.add_argument("crops", type=Path, help="crop set with development and test people")
    evaluate.add_argument("--lfw", type=Path, help="archive of LFW's pairs: once, at the end")
    evaluate.add_argument("--walks", type=Path, help="archive of people who walk past, "
                          "person/video/frame.webp")  # fmt: skip
    evaluate.add_argument("--peers", type=Path, help="folder of the peers' models; adds "
                          "them and SFace to the report")  # fmt: skip
    evaluate.add_argument("--out", type=Path, required=True, help="folder for the report")


def _command(commands: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:  # noqa: ANN401
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + "."
    )
    parser.set_defaults(run=run)
    return parser


def _add_teacher(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--teacher", type=Path, help="ONNX file; SFace by default")
    parser.add_argument(
        "--scaled", action="store_true", help="feed the teacher (pixel - 127.5) / 128"
    )
    parser.add_argument(
        "--precision", default="f32", choices=("f32", "bf16"), help="number format of the teacher"
    )


def _add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=positive_int, default=len(os.sched_getaffinity(0)),
                        help="how many processes make the pictures; with any number the weights "
                        "are the same (default: one for each processor core)")  # fmt: skip


def _teacher(options: argparse.Namespace) -> Any:  # noqa: ANN401  # imported where it is needed
    from train.teacher import Teacher

    return Teacher(options.teacher, scaled=options.scaled, precision=options.precision)


def _prepare(options: argparse.Namespace) -> int:
    from train.dataset.people import confirm_people
    from train.dataset.prepare import prepare
    from train.dataset.sources import read_sources

    confirm = partial(confirm_people, yes=options.yes, say=partial(print, file=sys.stderr))
    outcome = prepare(read_sources(options.photos), options.root, options.out, confirm=confirm)
    summary = outcome.summary()
    if options.json:
        print(json_text(summary))
        return 0
    for item in outcome.left_out[:20]:
        path = "/".join(part for part in (item.source, item.person, item.photo) if part)
        print(printable(f"left out {path}: {item.reason} {item.detail}".rstrip()))
    print(f"{options.out}: " + ", ".join(f"{count} {what}" for what, count in summary.items()))
    print(f"all photos left out: {options.out / 'left_out.csv'}")
    return 0


def _morph(options: argparse.Namespace) -> int:
    from train.morph import make_morphs

    found = make_morphs(options.photos, options.count, options.out, seed=2026)
    print(f"{options.out}: {len(found)} faces that nobody has; next: kiosk-train teach")
    return 0


def _teach(options: argparse.Namespace) -> int:
    from train.dataset.crop_set import TARGETS_FILE, CropSet
    from train.teacher import teach

    crop_set = CropSet.load(options.crops)
    targets, removed = teach(crop_set, _teacher(options))
    print(f"{options.crops / TARGETS_FILE}: {len(targets)} embeddings")
    print(
        f"excluded from the evaluation: {removed.people} held-out people who appear elsewhere "
        f"under another name, and {removed.photos} photos of another person than named"
    )
    return 0


def _fit(options: argparse.Namespace) -> int:
    from train.dataset.crop_set import CropSet
    from train.embedder import embed_all
    from train.evaluation.cohort import with_own_cohorts
    from train.evaluation.embedded import crops_of_split
    from train.fit import fit
    from train.plots import save_curves
    from train.recipe import parse_config
    from train.run_folder import read_history

    config, crop_set = parse_config(options.set, options.recipe), CropSet.load(options.crops)
    print(f"{options.folder}: to learn from {config.images_seen:,} pictures")
    embedder = fit(
        crop_set, options.folder, config, lambda: _teacher(options), workers=options.workers
    )
    save_curves(read_history(options.folder), options.folder / "curves.png")
    try:
        crops_of_split(crop_set, "dev")  # embedding takes minutes
        own = with_own_cohorts({"float": partial(embed_all, embedder)}, crop_set)
        print(_measure(own, crop_set, options.folder))
    except DatasetError as exc:  # too few people held out; the weights are usable
        print(f"no evaluation report: {exc}")
    print(f"{options.folder}: weights, history.csv, curves.png; next: kiosk-convert")
    return 0


def _short_front(options: argparse.Namespace) -> int:
    from train.dataset.crop_set import CropSet
    from train.give_short_front import give_short_front, pictures_seen
    from train.plots import save_curves
    from train.run_folder import read_history

    crop_set = CropSet.load(options.crops)
    print(f"{options.out}: to learn from {pictures_seen(options.pictures):,} pictures")
    left = give_short_front(
        options.before, crop_set, options.out, pictures=options.pictures, seed=2026,
        workers=options.workers,
    )  # fmt: skip
    save_curves(read_history(options.out), options.out / "curves.png")
    print(
        f"{options.out}: the network with a short front, which gives the rest all but {left:.1%} "
        "of the variance (history.csv, curves.png); next: kiosk-train fit, or kiosk-convert"
    )
    return 0


def _add_teacher_to_run(options: argparse.Namespace) -> int:
    from train.add_teacher import add_teacher
    from train.dataset.crop_set import CropSet
    from train.second_teacher import SecondTeacher

    teacher, crop_set = SecondTeacher(options.teacher), CropSet.load(options.crops)
    add_teacher(
        options.before, crop_set, teacher, options.out, pictures=options.pictures, seed=2026
    )
    print(f"{options.out}: the run with a second teacher; next: kiosk-convert")
    return 0


def _average(options: argparse.Namespace) -> int:
    from train.average import average_runs

    average_runs(options.runs, options.share, options.out)
    print(f"{options.out}: the mean of {len(options.runs)} runs; next: kiosk-convert")
    return 0


def _compare(options: argparse.Namespace) -> int:
    from train.dataset.crop_set import CropSet
    from train.evaluation.compare import compare, render_comparison
    from train.recognisers import load_recognisers

    if options.test_people and options.walks is None:
        raise ConfigError("--test-people: expected --walks, an archive of people who walk past")
    crop_set = CropSet.load(options.crops)
    crop_set.require_taught()  # before minutes of work
    recognisers = load_recognisers(options.models, crop_set)
    found = compare(
        recognisers, crop_set, options.walks, options.training_people,
        test_people=options.test_people,
    )  # fmt: skip
    print(json_text(msgspec.to_builtins(found)) if options.json else render_comparison(found))
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from kiosk.recognition.bundle import load_bundle
    from train.dataset.crop_set import CropSet
    from train.evaluation.cohort import with_own_cohorts
    from train.evaluation.peers import load_peers
    from train.evaluation.recogniser import bundle_recogniser
    from train.places import make_folder

    try:
        make_folder(options.out)  # before minutes of work
    except OSError as exc:
        raise ConfigError(f"--out: {options.out} cannot be made ({exc.strerror})") from exc
    bundle, crop_set = load_bundle(options.bundle), CropSet.load(options.crops)
    found = {bundle.card.model_id: bundle_recogniser(bundle)}
    if options.peers is not None:
        found |= with_own_cohorts(load_peers(options.peers), crop_set)
    print(_measure(found, crop_set, options.out, lfw=options.lfw, walks=options.walks))
    return 0


def _measure(
    recognisers: "dict[str, RecogniserUnderTest]",
    crop_set: "CropSet",
    folder: Path,
    *,
    lfw: Path | None = None,
    walks: Path | None = None,
) -> str:
    from train.evaluation.det import det_curves, save_det
    from train.evaluation.evaluate import evaluate_all
    from train.evaluation.report import render_reports, write_reports

    reports = evaluate_all(recognisers, crop_set, lfw, walks)
    write_reports(reports, folder)
    largest = reports[0].shipped.gallery_size
    save_det(det_curves(recognisers, crop_set, largest), reports, folder / "det.png")
    return render_reports(reports)


if __name__ == "__main__":
    sys.exit(main())
