"""Figures of a report: each has a kind that says what it measures."""

import pytest

from tests.support_train import a_report
from train.evaluation.figures import Figure, FigureKind, figures
from train.metrics import Rate, TenFold


def test_every_figure_has_its_kind() -> None:
    """LFW's are accuracies, FNIR is a miss; FPIR, groups and relatives are false matches."""
    found = figures(a_report("ours", with_lfw=True))
    kinds = [figure.kind for figure in found]
    miss, false_match = FigureKind.MISS, FigureKind.FALSE_MATCH
    point = [miss, false_match] * 3  # development, test, plain cosine
    assert kinds == [*[FigureKind.ACCURACY] * 3, *point * 4, false_match, false_match]
    for figure in found:
        assert ("FPIR (test)" in figure.label) <= (figure.kind is false_match)


@pytest.mark.parametrize(
    ("measured", "value", "text"),
    [
        (Rate(0.5, 0.4, 0.6, 80), 0.5, "50.00% (40.00% to 60.00%)"),
        (TenFold(0.99, 0.001, 6000), 0.99, "99.00% ± 0.10%"),
        (None, None, "not measured"),
    ],
)
def test_a_figure_is_printed_with_its_uncertainty(
    measured: Rate | TenFold | None, value: float | None, text: str
) -> None:
    """An interval or a standard error follows the value; a missing figure says so."""
    figure = Figure("FNIR", FigureKind.MISS, measured)
    assert (figure.value, str(figure)) == (value, text)
