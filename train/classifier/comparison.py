"""Recipe ``report`` and enrolment, side by side: the record of a comparison, as text and files."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from train.classifier.report import KEEP
from train.evaluation.metrics import Rate
from train.tables import cells, write_report

_LABEL, _CELL = 50, 26  # widths of the table's columns


class Method(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The figures of one way to name people. Intervals as in :class:`ClassifierReport`.

    Attributes:
        name: Which.
        held_out: Held-out photos given the right name when somebody always is named (rank 1).
        unseen: The same of people whom the embedding was not trained on; ``None`` where no crop
            set tells who they are.
        threshold: From here on somebody is named: a softmax, or a normalised score.
        right: Held-out photos that reach it and are given the right name.
        wrong: Held-out photos that reach it and are given another person's name.
        strangers: Strangers' photos that reach it (FPIR); ``None`` where there are none.
        new_person_s: What one more person takes on this machine, seconds.
    """

    name: str
    held_out: Rate
    unseen: Rate | None
    threshold: float
    right: Rate
    wrong: Rate
    strangers: Rate | None
    new_person_s: float


class Comparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of it.

    Attributes:
        people: How many are told apart.
        photos: How many photos there are of them.
        left_out: How many more were left out, by reason.
        unseen_people: People whom the embedding was not trained on.
        strangers_people: How many the strangers are.
        model_id: Of the embedding.
        fpir: That its threshold was set for.
        gallery_size: That its threshold was set for.
        methods: The classifier, then enrolment from more and more photos.
    """

    people: int
    photos: int
    left_out: dict[str, int]
    unseen_people: int | None
    strangers_people: int | None
    model_id: str
    fpir: float
    gallery_size: int
    methods: tuple[Method, ...]


def as_text(comparison: Comparison) -> str:
    """Set the methods side by side."""
    methods = comparison.methods
    n, strangers, unseen = methods[0].held_out.n, methods[0].strangers, methods[0].unseen
    rows = [
        ("", [method.name for method in methods]),
        (
            f"right, somebody is always named (of {n})",
            [_percent(method.held_out) for method in methods],
        ),
    ]
    if unseen is not None:
        label = f"... people the embedding never saw (of {unseen.n})"
        rows += [(label, [_percent(method.unseen) for method in methods])]
    rows += [
        ("threshold (softmax; score)", [f"{method.threshold:.4f}" for method in methods]),
        (f"reach it, right name (of {n})", [_percent(method.right) for method in methods]),
        (f"reach it, another's name (of {n})", [_percent(method.wrong) for method in methods]),
    ]
    if strangers is not None:
        rows += [
            (
                f"strangers named (of {strangers.n})",
                [_percent(method.strangers) for method in methods],
            )
        ]
    rows += [("one more person", [f"{method.new_person_s:.2f} s" for method in methods])]
    table = [
        f"{label:<{_LABEL}}{''.join(f'{cell:<{_CELL}}' for cell in cells)}".rstrip()
        for label, cells in rows
    ]
    return "\n".join(["Split by side", "", *table, "", *_notes(comparison), ""])


def _notes(comparison: Comparison) -> Iterator[str]:
    left_out = ", ".join(f"{count} {why}" for why, count in sorted(comparison.left_out.items()))
    yield f"{comparison.people} people, {comparison.photos} photos; left out: {left_out or 'none'}."
    yield (
        f"The embedding is {comparison.model_id}, int8, not trained again. Its threshold is the "
        f"model card's for FPIR {comparison.fpir:.1%} and {comparison.gallery_size} people;"
    )
    yield f"the classifier's lets through {KEEP:.0%} of the held-out photos and is set on them."
    yield "Who has too few photos is enrolled from all of them; crops are not judged first."
    if comparison.unseen_people is not None:
        yield f"Never seen by the embedding: {comparison.unseen_people} people."
    if comparison.strangers_people is not None:
        yield (
            f"Strangers: {comparison.strangers_people} people of a crop set's test side; aligned "
            "crops, enlarged for the classifier, while its own photos may be whole ones."
        )


def write(comparison: Comparison, folder: Path) -> None:
    """Write ``comparison.txt``, ``comparison.json`` and ``comparison.csv``."""
    write_report(folder, "comparison", as_text(comparison), comparison, _table(comparison))


def _table(comparison: Comparison) -> Iterator[list[object]]:
    yield ["method", "figure", "value", "low", "high", "n"]
    for method in comparison.methods:
        for name in Method.__struct_fields__[1:]:
            yield [method.name, name, *cells(getattr(method, name))]


def _percent(rate: Rate | None) -> str:
    return "" if rate is None else f"{rate.value:.1%} ({rate.low:.1%} to {rate.high:.1%})"
