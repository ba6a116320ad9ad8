"""Make faults happen to real parts (Mosquitto, kiosk, register), and print what was lost.

The kiosk stores and sends without camera and model. What was offered is counted by a file that the
kiosk writes after each commit, what arrived by the register's database.
"""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from kiosk.register.config import DatabaseSection
from tests.faults.count import Count
from tests.faults.rows import FAULTS, Fault
from tests.faults.stage import NotPossibleError, Stage
from tests.postgresql import PostgreSQL, running_postgresql

_SHORT_WAIT_S: Final = 5.0
_REAL_WAIT_S: Final = 60.0
_PATIENCE_S: Final = 600.0
_HEADER: Final = (
    "fault                                        times  offered  lost  repeated  alarms  recovered"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row of the table.

    Attributes:
        fault: What happened.
        times: How often.
        count: What was counted.
        recovery_s: Time from the end of the fault until the register had everything and the kiosk
            knew it, seconds; not a number if that did not happen.
        is_binned: Some messages belong into the bin.
        is_lossy: Some events cannot but be lost; each must be said.
    """

    fault: str
    times: int
    count: Count
    recovery_s: float
    is_binned: bool = False
    is_lossy: bool = False

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost or repeated, or has a wrong time."""
        return (
            (self.count.is_honest if self.is_lossy else self.count.is_good)
            and (self.is_binned or not self.count.in_bin)
            and not math.isnan(self.recovery_s)
        )


def try_fault(
    fault: Fault,
    folder: Path,
    database: DatabaseSection,
    *,
    scale: float = 1.0,
    wait_s: float = _SHORT_WAIT_S,
    patience_s: float = _PATIENCE_S,
    server: PostgreSQL | None = None,
) -> Outcome:
    """Make a fault happen, wait until all is well again, and count.

    Args:
        fault: The fault.
        folder: An empty folder.
        database: An empty database for the register.
        scale: Factor of all counts.
        wait_s: What is 60 s in a school.
        patience_s: How long to wait for the recovery, seconds.
        server: The server of the database, if there is one.

    Raises:
        NotPossibleError: This machine cannot make it happen.
    """
    with closing(
        Stage(folder, database, protocol=fault.protocol, scale=scale, wait_s=wait_s, server=server)
    ) as stage:
        times = fault.happen(stage)
        recovery_s = stage.settle(patience_s)
        return Outcome(
            fault.text, times, stage.count(), recovery_s, fault.is_binned, fault.is_lossy
        )


def _text(outcome: Outcome) -> str:
    count = outcome.count
    recovery = "never" if math.isnan(outcome.recovery_s) else f"{outcome.recovery_s:.0f} s"
    more = f"  {count.in_bin} in the bin" if count.in_bin else ""
    more += f"  {count.misdated} with a wrong time" if count.misdated else ""
    more += f"  {count.said} said to be lost" if count.said else ""
    more += f"  {count.forbidden} not refused" if count.forbidden else ""
    return (
        f"{outcome.fault:<43}  {outcome.times:5}  {count.offered:7}  {count.lost:4}"
        f"  {count.repeated:8}  {count.alarms:6}  {recovery:>9}{more}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("row", nargs="*", help=f"of {', '.join(FAULTS)}; all by default")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--scale", type=float, default=1.0, help="factor of all counts")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument(
        "--real-waits",
        action="store_true",
        help="wait as long as in a school (60 s) for retries, acknowledgements and health "
        f"messages, not {_SHORT_WAIT_S:.0f} s",
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep logs and databases there")
    options = parser.parse_args()
    if unknown := sorted(set(options.row) - set(FAULTS)):
        parser.error(f"unknown row: {', '.join(unknown)}")
    return options


def _run(options: argparse.Namespace, stack: ExitStack) -> Iterable[Outcome | str]:
    folder = options.keep or Path(
        stack.enter_context(tempfile.TemporaryDirectory(prefix="kiosk-faults-"))
    )
    server = None
    if options.database == "postgresql":
        server = stack.enter_context(running_postgresql())
    for name in options.row or FAULTS:
        place = folder / name
        place.mkdir(parents=True)
        database = DatabaseSection(path=str(place / "register.sqlite3"))
        if server is not None:
            database = DatabaseSection(url=server.database())
        wait_s = _REAL_WAIT_S if options.real_waits else _SHORT_WAIT_S
        try:
            yield try_fault(
                FAULTS[name], place, database, scale=options.scale, wait_s=wait_s, server=server
            )
        except NotPossibleError as exc:
            yield f"{FAULTS[name].text:<43}  left out: {exc}"


def main() -> int:
    """Run from the command line; return 1 if anything was lost or repeated."""
    options = _arguments()
    is_good = True
    if not options.json:
        print(_HEADER)
    with ExitStack() as stack:
        for outcome in _run(options, stack):
            if isinstance(outcome, str):
                print(outcome, file=sys.stderr if options.json else sys.stdout, flush=True)
                continue
            is_good &= outcome.is_good
            print(json.dumps(asdict(outcome)) if options.json else _text(outcome), flush=True)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
