"""Compare recipe ``report`` with enrolment: the figures of both, as text and files."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from kiosk.text_table import aligned
from train.classifier.report import KEPT_SHARE
from train.metrics import Rate
from train.tables import figure_cells, write_report


class Method(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The figures of one method to name people. Intervals as in :class:`ClassifierReport`.

    Attributes:
        name: Of the method.
        held_out: Held-out photos with the right name if every photo gets a name (rank 1).
        unseen: The same for people who are not in the crop set's training split, which the cohort
            comes from; ``None`` without a crop set, or if there are none.
        threshold: Least score for a name: a softmax, or a normalised score.
        right: Held-out photos that reach it and get the right name.
        wrong: Held-out photos that reach it and get another person's name.
        strangers: Strangers' photos that reach it (FPIR); ``None`` if there are none.
        new_person_s: Time to add one more person on this machine, seconds.
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
    """All methods, and what they were measured on.

    Attributes:
        people: How many people are told apart.
        photos: How many photos there are of them.
        left_out: How many more photos were left out, by reason.
        unseen_people: How many people are not in the crop set's training split; ``None``: no crop
            set was given.
        stranger_people: How many people the strangers are; ``None``: no crop set was given.
        model_id: Of the embedding.
        fpir: That its threshold was set for.
        gallery_size: That its threshold was set for.
        methods: The classifier, then enrolment from three and from ten photos.
    """

    people: int
    photos: int
    left_out: dict[str, int]
    unseen_people: int | None
    stranger_people: int | None
    model_id: str
    fpir: float
    gallery_size: int
    methods: tuple[Method, ...]


def render_comparison(comparison: Comparison) -> str:
    """Return the methods side by side, one column each."""
    methods = comparison.methods
    n, strangers, unseen = methods[0].held_out.n, methods[0].strangers, methods[0].unseen
    rows = [
        ["", *(method.name for method in methods)],
        [f"right name, every photo named (of {n})", *(_percent(m.held_out) for m in methods)],
    ]
    if unseen is not None:
        label = f"... people outside the crop set's training split (of {unseen.n})"
        rows += [[label, *(_percent(method.unseen) for method in methods)]]
    rows += [
        ["threshold (softmax; score)", *(f"{method.threshold:.4f}" for method in methods)],
        [f"at the threshold, right name (of {n})", *(_percent(m.right) for m in methods)],
        [f"at the threshold, wrong name (of {n})", *(_percent(m.wrong) for m in methods)],
    ]
    if strangers is not None:
        label = f"at the threshold, strangers named (of {strangers.n})"
        rows += [[label, *(_percent(method.strangers) for method in methods)]]
    rows += [["one more person", *(f"{method.new_person_s:.2f} s" for method in methods)]]
    return "\n".join(["Side by side", "", *aligned(rows), "", *_notes(comparison), ""])


def _notes(comparison: Comparison) -> Iterator[str]:
    left_out = ", ".join(f"{count} {why}" for why, count in sorted(comparison.left_out.items()))
    yield f"{comparison.people} people, {comparison.photos} photos; left out: {left_out or 'none'}."
    yield (
        f"The embedding is {comparison.model_id}, int8, not trained again. Its threshold is the "
        f"model card's for FPIR {comparison.fpir:.1%} and {comparison.gallery_size} people;"
    )
    yield f"{KEPT_SHARE:.0%} of the held-out photos reach the classifier's, which is set on them."
    yield "A person with too few photos is enrolled from all of them; crop quality is not checked."
    if comparison.unseen_people is not None:
        yield (
            f"Outside the crop set's training split, which the cohort comes from: "
            f"{comparison.unseen_people} people. Whether the embedding was trained on any of the "
            "people elsewhere (SFace: on photos from the web), this does not say."
        )
    if comparison.stranger_people is not None:
        yield (
            f"Strangers: {comparison.stranger_people} people of a crop set's test split; aligned "
            "crops, enlarged for the classifier, whose own photos may show more than the face."
        )


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write ``comparison.txt``, ``comparison.json`` and ``comparison.csv``."""
    text = render_comparison(comparison)
    write_report(folder, "comparison", text, comparison, _table(comparison))


def _table(comparison: Comparison) -> Iterator[list[object]]:
    yield ["method", "figure", "value", "low", "high", "n"]
    for method in comparison.methods:
        for name in Method.__struct_fields__[1:]:
            yield [method.name, name, *figure_cells(getattr(method, name))]


def _percent(rate: Rate | None) -> str:
    return "" if rate is None else f"{rate.value:.1%} ({rate.low:.1%} to {rate.high:.1%})"
