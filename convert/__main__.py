"""The command ``kiosk-convert``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kiosk.cli import run_command
from kiosk.errors import DatasetError


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert a run; the exit code (0 done, 2 wrong usage, else see :mod:`kiosk.errors`)."""
    options = _parser().parse_args(arguments)
    return run_command("kiosk-convert", lambda: _convert(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kiosk-convert", description="Turn a run folder into an int8 model bundle."
    )
    parser.add_argument("run", type=Path, help="run folder of `kiosk-train fit`")
    parser.add_argument("--crops", type=Path, required=True, help="the crop set of that run")
    parser.add_argument("--facts", type=Path, required=True, help="TOML file with name, licence, "
                        "data and tried, for the model card")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="bundle to write")
    parser.add_argument("--lfw", type=Path, help="archive of LFW's pairs: once, at the end")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    limits = parser.add_argument_group("limits", "refuse to write a model that loses more")
    limits.add_argument("--cosine-mean", type=float, default=0.99, help="least mean cosine")
    limits.add_argument("--cosine-p1", type=float, default=0.97, help="least first percentile")
    limits.add_argument("--accuracy", type=float, default=0.005, help="most accuracy lost")
    limits.add_argument("--figure", type=float, default=0.05, help="most that any figure of the "
                        "evaluation report may be worse by")  # fmt: skip
    limits.add_argument("--false-match", type=float, default=0.01, help="the same for shares of "
                        "strangers taken for somebody")  # fmt: skip
    return parser


def _convert(options: argparse.Namespace) -> int:
    from convert.convert import Facts, convert
    from convert.verify import Limit
    from train.dataset.crop_set import CropSet

    try:
        facts = msgspec.toml.decode(options.facts.read_bytes(), type=Facts)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise DatasetError(f"{options.facts}: {exc}") from exc
    limit = Limit(
        options.cosine_mean,
        options.cosine_p1,
        options.accuracy,
        options.figure,
        options.false_match,
    )
    crop_set = CropSet.load(options.crops)
    done = convert(options.run, crop_set, facts, options.out, limit=limit, lfw=options.lfw)
    outcome = {
        "bundle": str(options.out),
        "bytes": options.out.stat().st_size,
        "model_id": done.bundle.card.model_id,
        "loss": msgspec.to_builtins(done.loss),
        "report": msgspec.to_builtins(done.report),
    }
    if options.json:
        print(msgspec.json.encode(outcome).decode())
        return 0
    print(f"{options.out}: {outcome['bytes']:,} bytes, {outcome['model_id']}")
    loss = done.loss
    print(
        f"int8 to float, {loss.crops} crops: cosine mean {loss.cosine_mean:.4f}, least "
        f"{loss.cosine_min:.4f}; accuracy lost {loss.accuracy:.2%}"
    )
    label, worst = max(loss.figures.items(), key=lambda item: item[1])
    print(f"the figure that lost most: {label}, by {worst:.2%}")
    if not len(done.bundle.cohort):
        print("no cohort, too few training people: scores are plain cosines")
    for found in done.report.test:
        print(
            f"test people, gallery of {found.gallery_size}, threshold {found.threshold:.3f}: "
            f"FPIR {found.fpir.value:.2%}, FNIR {found.fnir.value:.2%}"
        )
    if done.report.lfw is not None:
        print(f"LFW: {done.report.lfw.verification}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
