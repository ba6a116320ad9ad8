"""The command ``kiosk-convert``."""

import argparse
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from kiosk.cli import prepare_process, run_command
from kiosk.errors import ConfigError
from kiosk.printable import json_text

if TYPE_CHECKING:
    from convert.card import CardFacts
    from convert.convert import Converted
    from convert.float_model import FloatModel
    from convert.verify import Loss
    from kiosk.records import Image
    from train.dataset.crop_set import CropSet
    from train.metrics import Rate

PUBLISHED: Final = "sface"
"""The word that stands for SFace with its published weights, in the place of a run folder."""
_LIMITS: Final = {
    "cosine_mean": "least mean cosine (default: 0.99)",
    "cosine_p1": "least first percentile of the cosines (default: 0.97)",
    "accuracy": "greatest loss of accuracy (default: 0.005)",
    "figure": "greatest loss of a figure of the evaluation report beyond its interval "
    "(default: 0.05)",
    "false_match": "the same for shares of strangers who get somebody's name (default: 0.01)",
}
"""What each option sets in :class:`convert.verify.Limits`."""
_FACTS_BYTES_MAX: Final = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert a model; return the exit code (0 done, 2 usage error, else :mod:`kiosk.errors`)."""
    prepare_process()
    options = _parser().parse_args(arguments)
    return run_command("kiosk-convert", lambda: _convert(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kiosk-convert",
        description="Convert a run folder, or SFace as published, to an int8 model bundle; or set "
        "the cohort and the thresholds of a bundle anew, or quantise its weights again.",
    )
    parser.add_argument("model", help="run folder of `kiosk-train fit`; the word `sface` for SFace "
                        "with its published weights; or a bundle (*.kiosk-model), whose model "
                        "stays as it is, unless there are photos to calibrate it: then SFace's "
                        "weights are read back and quantised again")  # fmt: skip
    parser.add_argument("--crops", type=Path, help="crop set for the cohort, the thresholds and "
                        "the figures; that of the run")  # fmt: skip
    parser.add_argument("--calibration", type=Path, nargs="+", metavar="PHOTOS", help="folders or "
                        "archives of photos that set the ranges of the activations; by default "
                        "training crops of the crop set, for a bundle none")  # fmt: skip
    parser.add_argument("--facts", type=Path, help="TOML file with name, licence, data and tried, "
                        "for the model card; with the name that a bundle has, galleries stay "
                        "valid")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="bundle to write; a name that ends "
                        "in .tflite: the int8 model alone, not measured, for `kiosk-train "
                        "compare`")  # fmt: skip
    parser.add_argument("--lfw", type=Path, help="archive of LFW's pairs: once, at the end")
    parser.add_argument("--walks", type=Path, help="archive of people who walk past, for the "
                        "figures of the model card")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    limits = parser.add_argument_group(
        "limits",
        "do not write a model that loses more against float, for a bundle against its "
        "weights read back; not for a bundle whose model stays",
    )
    for name, text in _LIMITS.items():
        limits.add_argument(_option(name), type=float, help=text)
    return parser


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _refuse(options: argparse.Namespace, names: Iterable[str], why: str) -> None:
    """Refuse options that would be ignored."""
    for name in names:
        if getattr(options, name) is not None:
            raise ConfigError(f"{_option(name)}: {why}")


def _convert(options: argparse.Namespace) -> int:
    from convert.card import CardFacts
    from kiosk.recognition.tflite import MODEL_ENDING
    from train.dataset.crop_set import CropSet
    from train.places import check_out
    from train.toml_file import read_toml_file

    check_out("--out", options.out)
    if options.out.suffix == MODEL_ENDING:
        return _write_model(options)
    for name, what in (("facts", "a TOML file"), ("crops", "a crop set")):
        if getattr(options, name) is None:
            raise ConfigError(f"--{name}: expected {what}, which a bundle is made with")
    facts = read_toml_file(options.facts, CardFacts, _FACTS_BYTES_MAX)
    crop_set = CropSet.load(options.crops)
    write = _measure_bundle if _stays(options) else _convert_float
    done = write(options, facts, crop_set)
    if options.json:
        print(json_text(_outcome(done, options.out)))
    else:
        print("\n".join(_lines(done, options.out)))
    return 0


def _write_model(options: argparse.Namespace) -> int:
    from convert.calibration import training_crops
    from convert.convert import quantise_model
    from kiosk.files.atomic_file import atomic_write
    from train.dataset.crop_set import CropSet

    not_measured = f"{options.out} is a model alone, which is not measured"
    _refuse(options, ("facts", "lfw", "walks", *_LIMITS), not_measured)
    if _stays(options):
        raise ConfigError(f"{options.model}: a bundle has an int8 model already; --calibration "
                          "quantises its weights again")  # fmt: skip
    model, calibration = _load_float(options)
    if calibration is None:
        if options.crops is None:
            raise ConfigError("--calibration: expected photos, or a crop set by --crops")
        calibration = training_crops(CropSet.load(options.crops), model.seed)
    with atomic_write(options.out) as partial:
        partial.write_bytes(quantise_model(model, calibration))
    outcome = {"model": str(options.out), "bytes": options.out.stat().st_size}
    print(
        json_text(outcome)
        if options.json
        else f"{options.out}: {outcome['bytes']:,} bytes, not measured; next: kiosk-train compare"
    )
    return 0


def _measure_bundle(
    options: argparse.Namespace, facts: "CardFacts", crop_set: "CropSet"
) -> "Converted":
    from convert.convert import measure_again
    from kiosk.recognition.bundle import read_bundle

    not_again = f"the model of {options.model} is not quantised again without --calibration"
    _refuse(options, _LIMITS, not_again)
    bundle = read_bundle(Path(options.model))
    return measure_again(bundle, crop_set, facts, options.out, lfw=options.lfw, walks=options.walks)


def _convert_float(
    options: argparse.Namespace, facts: "CardFacts", crop_set: "CropSet"
) -> "Converted":
    from convert.convert import convert
    from convert.verify import Limits

    given = {name: getattr(options, name) for name in _LIMITS}
    limits = Limits(**{name: limit for name, limit in given.items() if limit is not None})
    model, calibration = _load_float(options)
    return convert(
        model,
        crop_set,
        facts,
        options.out,
        calibration=calibration,
        limits=limits,
        lfw=options.lfw,
        walks=options.walks,
    )


def _load_float(options: argparse.Namespace) -> "tuple[FloatModel, Image | None]":
    """Load the float model, and the photos that calibrate it, if there are any."""
    from convert.calibration import photo_crops
    from convert.float_model import load_int8, load_run, load_sface

    if options.model == PUBLISHED:
        model = load_sface()
    elif _is_bundle(options):
        model = load_int8(Path(options.model))
    else:
        model = load_run(Path(options.model))
    return model, photo_crops(options.calibration, model.seed) if options.calibration else None


def _is_bundle(options: argparse.Namespace) -> bool:
    from kiosk.recognition.bundle import BUNDLE_ENDING

    return bool(options.model.endswith(BUNDLE_ENDING))


def _stays(options: argparse.Namespace) -> bool:
    """Say whether the model is a bundle's, and stays as it is."""
    return _is_bundle(options) and not options.calibration


def _outcome(done: "Converted", out: Path) -> dict[str, object]:
    return {
        "bundle": str(out),
        "bytes": out.stat().st_size,
        "model_id": done.bundle.card.model_id,
        "loss": done.loss.plain() if done.loss is not None else None,
        "note": done.note,
        "report": msgspec.to_builtins(done.report),
    }


def _lines(done: "Converted", out: Path) -> Iterator[str]:
    yield f"{out}: {out.stat().st_size:,} bytes, {done.bundle.card.model_id}"
    if done.loss is not None:
        yield from _loss_lines(done.loss)
    if not len(done.bundle.cohort):
        yield "no cohort, too few training people: scores are plain cosines"
    lowest = min(point.fpir for point in done.report.operating_points)
    seen, least = done.report.development[0].fpir.n, math.ceil(1 / lowest)
    if seen < least:
        yield (
            f"warning: the thresholds rest on {seen} walks of development people; an FPIR of "
            f"{lowest:.1%} needs {least} or more, so strangers may be named more often than that"
        )
    if done.note:
        yield f"warning: {done.note}"
    for found in done.report.test:
        yield (
            f"test people, gallery of {found.gallery_size}, threshold {found.threshold:.3f}: "
            f"FPIR {_rate(found.fpir)}, FNIR {_rate(found.fnir)}"
        )
    if done.report.lfw is not None:
        yield f"LFW: {done.report.lfw.verification}"


def _rate(rate: "Rate") -> str:
    return f"{rate.value:.2%} ({rate.low:.2%} to {rate.high:.2%}, n {rate.n:,})"


def _loss_lines(loss: "Loss") -> Iterator[str]:
    yield (
        f"int8 against float, {loss.crops} crops: mean cosine {loss.cosine_mean:.4f}, lowest "
        f"{loss.cosine_min:.4f}; accuracy lost {loss.accuracy:.2%}"
    )
    worst = max(loss.figures, key=lambda figure: figure.worse_by)
    yield f"greatest loss of a figure: {worst.label}, by {worst.worse_by:.2%}"


if __name__ == "__main__":
    sys.exit(main())
