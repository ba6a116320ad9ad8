"""What was found about one part of the kiosk."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kiosk.errors import KioskError, described, exit_code_of
from kiosk.printable import json_text, printable
from kiosk.text_table import aligned

Verdict = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of ``kiosk check`` or ``kiosk status``.

    Attributes:
        part: The part of the kiosk.
        verdict: "fault": the kiosk cannot do its work; "warning": it can, with something missing.
        text: What was found; for a fault also what to do.
        code: The exit code of a fault (``sysexits.h``).
    """

    part: str
    verdict: Verdict
    text: str
    code: int = 0


def ok(part: str, text: str) -> Finding:
    """Return that a part works."""
    return Finding(part, "ok", text)


def warning(part: str, text: str) -> Finding:
    """Return that a part works, with something missing."""
    return Finding(part, "warning", text)


def fault(part: str, text: str, code: int) -> Finding:
    """Return that a part does not work."""
    return Finding(part, "fault", text, code)


def attempt(part: str, find: Callable[[], Finding]) -> Finding:
    """Return what ``find`` finds; an error that it raises is a fault."""
    try:
        return find()
    except (KioskError, OSError) as exc:
        return failed(part, exc)


def failed(part: str, error: KioskError | OSError) -> Finding:
    """Return that a part does not work, by the error that it raised."""
    return fault(part, described(error), exit_code_of(error))


def report(
    findings: Sequence[Finding], say: Callable[[str], None], *, as_json: bool, **known: object
) -> int:
    """Print the findings as a table, or as JSON with more facts; return the exit code.

    The exit code is that of the first fault, 0 if there is none.
    """
    if as_json:
        say(json_text({**_facts(findings), **known}))
    else:
        rows = [(one.verdict, one.part, printable(one.text)) for one in findings]
        for line in aligned(rows, widths_min=(len("warning"), len("configuration"), 0)):
            say(line)
    return next((one.code for one in findings if one.verdict == "fault"), 0)


def _facts(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings for JSON, with the worst verdict of all."""
    verdicts = {one.verdict for one in findings}
    worst = next((one for one in ("fault", "warning") if one in verdicts), "ok")
    rows = [{"part": one.part, "verdict": one.verdict, "text": one.text} for one in findings]
    return {"verdict": worst, "findings": rows}
