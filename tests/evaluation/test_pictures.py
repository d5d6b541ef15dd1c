"""The pictures of a report."""

import sys

import numpy as np
import pytest

from tpspred.errors import MissingDependency
from tpspred.evaluation import pictures


def test_curves_of_a_perfect_score():
    """Two positives of four, both above the negatives."""
    hits = np.array([1.0, 2, 2, 2])
    called = np.array([1, 2, 3, 4])
    recall, precision = pictures.PRECISION_RECALL.points(hits, called, 4)
    assert recall.tolist() == [0, 0.5, 1, 1, 1]
    assert precision.tolist() == pytest.approx([1, 1, 1, 2 / 3, 1 / 2])
    false_share, true_share = pictures.ROC.points(hits, called, 4)
    assert false_share.tolist() == [0, 0, 0, 0.5, 1] and true_share.tolist() == [0, 0.5, 1, 1, 1]


def test_every_method_has_a_line_that_is_told_apart(scored_by_hand):
    """By its colour and its dashes, however many there are."""
    targets = np.repeat(np.eye(2), 10, 0)
    scores = {f"method_{i}": targets * 0.5 for i in range(8)}
    svg = pictures.curves(scored_by_hand(targets, scores=scores), pictures.PRECISION_RECALL)
    styles = []
    for method in scores:
        assert f">{method.replace('_', ' ')}, AP 1.00<" in svg
        line = svg[svg.index(f'id="precision-recall-curve-{method}"') :]
        styles.append(line[line.index("style=") : line.index("/>")])
    assert len(set(styles)) == len(scores) > len(pictures.COLOURS)


def test_parts_of_a_picture_are_named_after_it():
    rows = [{"group": "is_tps", "predicted": 0.2, "observed": 0.3}]
    svg = pictures.reliability(rows)
    assert svg.startswith("<svg") and 'id="reliability-frame"' in svg and ">is tps<" in svg
    assert pictures.reliability([]) == ""


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependency, match="pip install matplotlib"):
        pictures.require_matplotlib()
