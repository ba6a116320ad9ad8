"""``kiosk register export-marks``: marks in a file, for people and for other systems."""

import json
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from kiosk.config.own_files import refuse_own_file
from kiosk.counted import counted
from kiosk.errors import ConfigError, RegisterError
from kiosk.files.atomic_file import atomic_write
from kiosk.register.commands.output import opened, utc_now
from kiosk.register.config import DEFAULT_CONFIG, RegisterConfig
from kiosk.register.exports.records import Stamp
from kiosk.register.handover.files import File, Kind, make_file
from kiosk.register.handover.position import Position, position_of
from kiosk.register.handover.selection import Scope, select
from kiosk.register.models import Lesson, Person, Register, SchoolClass, Term
from kiosk.register.overview.history import Span

_EVER: Final = Span(date(1900, 1, 1), date(9000, 1, 1))
_CHOOSE: Final = {
    Kind.CANVAS: "; choose one with --class",
    Kind.MOODLE: "; choose one with --lesson (the files of marks have the ids)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the options choose; "" and ``None`` for everything."""

    class_id: str = ""
    student: str = ""
    lesson: str = ""
    term: str = ""
    first: date | None = None
    last: date | None = None


def export_marks(
    config: RegisterConfig,
    kind: Kind,
    file: str,
    choice: Choice,
    *,
    up_to: str,
    as_json: bool,
    config_file: Path = DEFAULT_CONFIG,
) -> int:
    """Write a file of marks.

    The same arguments with the same ``up_to`` give the same bytes, whatever came meanwhile.

    Args:
        config: The configuration.
        kind: What for.
        file: Where to; "-" is standard output. A file is replaced only when all is written, and no
            file of the register is.
        choice: Which marks.
        up_to: The position, as an earlier export printed it; that of now if empty.
        as_json: Print the summary as JSON, with everything that was left out.
        config_file: The file that the configuration was read from.

    Raises:
        ConfigError: There is no such class, student, lesson, term or position, or the file's kind
            does not fit them, or the file is one of the register.
        RegisterError: The database cannot be read, or the file cannot be written.
    """
    if file != "-":
        refuse_own_file(Path(file), config, config_file)
    with opened():
        scope = _scope(choice)
        try:
            position = position_of(up_to, utc_now())
        except ValueError as exc:
            raise ConfigError(f"--up-to {exc}") from exc
        selected = select(scope, position, config.zone_of)
        register_id = Register.objects.values_list("register_id", flat=True).first() or ""
        try:
            made = make_file(kind, selected, Stamp(register_id, str(position), scope.title), config)
        except ValueError as exc:
            raise ConfigError(f"{exc}{_CHOOSE.get(kind, '')}") from exc
    _write(file, made.data)
    _report(made, len(selected.lines), position, as_json=as_json)
    return 0


def _scope(choice: Choice) -> Scope:
    span, when = _span(choice)
    classes = SchoolClass.objects.order_by("title", "pk")
    if choice.class_id:
        classes = classes.filter(pk=choice.class_id)
        if not classes:
            raise ConfigError(f"--class {choice.class_id!r}: there is no such class")
    for option, value, table in (
        ("student", choice.student, Person),
        ("lesson", choice.lesson, Lesson),
    ):
        if value and not table.objects.filter(pk=value).exists():
            raise ConfigError(f"--{option} {value!r}: there is no such {option}")
    title = classes[0].title if choice.class_id else ""
    parts = [title, choice.student, choice.lesson, when]
    return Scope(
        " ".join(one for one in parts if one) or "all",
        [one.pk for one in classes],
        span,
        student=choice.student,
        lesson=choice.lesson,
    )


def _span(choice: Choice) -> tuple[Span, str]:
    if choice.term:
        if choice.first or choice.last:
            raise ConfigError("--term: not together with --from and --to")
        term = Term.objects.filter(pk=choice.term).first()
        if term is None:
            raise ConfigError(f"--term {choice.term!r}: there is no such term")
        return Span(term.begin, term.end), term.title
    first, last = choice.first or _EVER.first, choice.last or _EVER.last
    if last < first:
        raise ConfigError(f"--to: {last} is before --from {first}")
    days = [str(one) for one in dict.fromkeys((choice.first, choice.last)) if one]
    return Span(first, last), " ".join(days)


def _write(file: str, data: bytes) -> None:
    if file == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        with atomic_write(Path(file), 0o600) as partial:
            partial.write_bytes(data)
    except OSError as exc:
        raise RegisterError(f"{file}: cannot be written ({exc.strerror})") from exc


def _report(made: File, lines: int, position: Position, *, as_json: bool) -> None:
    if as_json:
        left_out = [
            {
                "student_id": one.line.student_id,
                "lesson_id": one.line.lesson_id,
                "reason": one.reason,
            }
            for one in made.left_out
        ]
        facts = {"lines": lines, "position": str(position), "left_out": left_out}
        sys.stderr.write(f"{json.dumps(facts)}\n")
        return
    sys.stderr.write(f"{counted(lines, 'mark')}, up to position {position}\n")
    for reason, count in sorted(Counter(one.reason for one in made.left_out).items()):
        sys.stderr.write(f"left out: {count}, {reason}\n")
