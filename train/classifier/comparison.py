"""Recipe ``report`` and enrolment, side by side: the record of a comparison, as text and files."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from train.classifier.report import KEEP
from train.evaluation.metrics import Rate
from train.tables import cells, write_report

_LABEL, _CELL = 50, 26  # widths of the table's columns


class Method(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The figures of one way to name people. Intervals as in :class:`BaselineReport`.

    Attributes:
        way: Which.
        held_out: Held-out photos given the right name when somebody always is named (rank 1).
        unseen: The same of people whom the embedding was not trained on; ``None`` where no crop
            set tells who they are.
        threshold: From here on somebody is named: a softmax, or a normalised score.
        right: Held-out photos that reach it and are given the right name.
        wrong: Held-out photos that reach it and are given another person's name.
        strangers: Strangers' photos that reach it (FPIR); ``None`` where there are none.
        new_person_s: What one more person takes on this machine, seconds.
    """

    way: str
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
        ways: The classifier, then enrolment from more and more photos.
    """

    people: int
    photos: int
    left_out: dict[str, int]
    unseen_people: int | None
    strangers_people: int | None
    model_id: str
    fpir: float
    gallery_size: int
    ways: tuple[Method, ...]


def as_text(comparison: Comparison) -> str:
    """Set the ways side by side."""
    ways = comparison.ways
    n, strangers, unseen = ways[0].held_out.n, ways[0].strangers, ways[0].unseen
    rows = [
        ("", [way.way for way in ways]),
        (f"right, somebody is always named (of {n})", [_percent(w.held_out) for w in ways]),
    ]
    if unseen is not None:
        label = f"... people the embedding never saw (of {unseen.n})"
        rows += [(label, [_percent(w.unseen) for w in ways])]
    rows += [
        ("threshold (softmax; score)", [f"{w.threshold:.4f}" for w in ways]),
        (f"reach it, right name (of {n})", [_percent(w.right) for w in ways]),
        (f"reach it, another's name (of {n})", [_percent(w.wrong) for w in ways]),
    ]
    if strangers is not None:
        rows += [(f"strangers named (of {strangers.n})", [_percent(w.strangers) for w in ways])]
    rows += [("one more person", [f"{w.new_person_s:.2f} s" for w in ways])]
    table = [
        f"{label:<{_LABEL}}{''.join(f'{cell:<{_CELL}}' for cell in cells)}".rstrip()
        for label, cells in rows
    ]
    return "\n".join(["Side by side", "", *table, "", *_notes(comparison), ""])


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
    yield ["way", "figure", "value", "low", "high", "n"]
    for way in comparison.ways:
        for name in Method.__struct_fields__[1:]:
            yield [way.way, name, *cells(getattr(way, name))]


def _percent(rate: Rate | None) -> str:
    return "" if rate is None else f"{rate.value:.1%} ({rate.low:.1%} to {rate.high:.1%})"
