"""The numbers of an evaluation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.dataset.labels import IS_TPS, Label
from tpspred.evaluation import tables
from tpspred.evaluation.cross_validation import COVERAGE, TARGET_PRECISION
from tpspred.model import metrics

NAMES = {
    "summary",
    "labels",
    "gaps",
    "terpene_synthases",
    "identity",
    "options",
    "reliability",
    "confusion",
}


@pytest.fixture(scope="module")
def found(scored):
    return tables.tables_of(scored, 0)


@pytest.mark.slow
def test_sampled_families_are_told_apart(found):
    groups = [row["group"] for row in found["summary"] if row["method"] == "tpspred"]
    assert groups == ["ensemble", "is_tps", "product_type", "substrate"]
    for row in found["summary"]:
        if row["group"] == "ensemble":
            assert row["average_precision"] > 0.9
            assert row["pooled_low"] <= row["average_precision_pooled"] <= row["pooled_high"]


@pytest.mark.slow
def test_tables_agree_with_the_scores(scored, found):
    assert set(found) == NAMES
    row = next(
        row
        for row in found["labels"]
        if row["method"] == "tpspred" and row["label"] == "mono_sabinene"
    )
    rows = scored.rows("enzymes")
    c = [label.name for label in scored.labels].index("mono_sabinene")
    truth = scored.targets[rows, c]
    score = scored.scores["tpspred"][rows, c]
    assert row["positives"] == truth.sum()
    assert row["average_precision_pooled"] == metrics.average_precision(truth, score)
    assert row["f1"] == metrics.f1(truth, scored.called[rows, c])
    assert {row["against"] for row in found["terpene_synthases"]} == {"random", "random, related"}
    identity = [row["enzymes"] for row in found["identity"] if row["method"] == "tpspred"]
    assert sum(identity) == len(rows)
    is_tps = [row["predictions"] for row in found["reliability"] if row["group"] == "is_tps"]
    assert sum(is_tps) == len(scored.ids)


@pytest.mark.slow
def test_a_summary_is_the_mean_of_its_labels(found):
    for row in found["summary"]:
        key = (row["method"], row["group"])
        labels = [one for one in found["labels"] if (one["method"], one["group"]) == key]
        assert len(labels) == row["labels"]
        for name in tables.MEANS:
            assert row[name] == np.nanmean([one[name] for one in labels])


@pytest.mark.slow
def test_the_same_seed_draws_the_same_intervals(scored, found):
    again = tables.tables_of(scored, 0)
    assert again["gaps"] == found["gaps"] and len(found["gaps"]) == 12
    assert tables.tables_of(scored, 1)["gaps"] != found["gaps"]


@pytest.mark.slow
def test_related_enzymes_are_negatives_in_the_second_row_of_a_set(scored, found):
    rows = {row["against"]: row for row in found["terpene_synthases"] if row["method"] == "tpspred"}
    alone, related = rows["random"], rows["random, related"]
    assert (alone["positives"], related["positives"]) == (18, 18)
    assert (alone["negatives"], related["negatives"]) == (8, 8 + 6)
    statuses = np.array(scored.statuses)
    is_tps = scored.targets[:, scored.labels.index(IS_TPS)] > 0
    assert alone["recall_of_tps"] == (statuses[is_tps] == "tps").mean()
    baseline = [row for row in found["terpene_synthases"] if row["method"] == "alignment"]
    assert baseline and all(np.isnan(row["precision_of_tps"]) for row in baseline)


def test_confusion_counts_wrong_calls_and_finds(scored_by_hand):
    targets = np.repeat(np.eye(2), 5, axis=0)
    called = targets.copy().astype(bool)
    called[0] = [False, True]
    names, shares = tables.confusion(scored_by_hand(targets, called=called))
    assert names == ["a", "b"] and shares == pytest.approx(np.array([[0.8, 0.2], [0, 1]]))


def test_options_are_counted_over_enzymes(scored_by_hand):
    targets = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])
    promised = {
        (TARGET_PRECISION, 0.7): np.array([[1, 0], [1, 0], [0, 0], [1, 0]], bool),
        (COVERAGE, 0.9): np.array([[1, 0], [1, 0], [1, 0], [1, 1]], bool),
    }
    nearest = np.array([0.3, 0.5, 0.5, 0.9])
    scored = scored_by_hand(targets, nearest=nearest, promised=promised)
    rows = {
        (row["option"], row["identity_from"], row["identity_to"]): row
        for row in tables.options(scored)
    }
    everything = rows[TARGET_PRECISION, 0.0, 1.0]
    assert (everything["measured"], everything["recall"]) == (2 / 3, 2 / 4)
    assert everything["enzymes"] == 4
    # Half of the first enzyme's ensembles are in its set, all of the second's and none of the
    # third's; the last enzyme has no ensemble.
    covered = rows[COVERAGE, 0.0, 1.0]
    assert (covered["measured"], covered["enzymes"], covered["ensembles_per_enzyme"]) == (0.5, 3, 1)
    assert rows[COVERAGE, 0.4, 0.6]["measured"] == 0.5
    assert (COVERAGE, 0.8, 1.0) not in rows


def test_gap_is_that_of_the_macro_average_precision(scored_by_hand):
    targets = np.tile([[1, 0], [0, 1], [0, 0], [1, 1]], (5, 1))
    worse = 1.0 - targets
    rows = np.arange(20)
    scored = scored_by_hand(
        targets, folds=rows % 5, scores={"tpspred": worse, "other": targets.astype(float)}
    )
    (row,) = tables.gaps(scored, "other", np.random.default_rng(0))
    assert row["gap"] == 1 - metrics.macro_average_precision(targets, worse)
    assert 0 < row["low"] <= row["gap"] <= row["high"] < 1
    (same,) = tables.gaps(scored, "tpspred", np.random.default_rng(0))
    assert (same["gap"], same["low"], same["high"]) == (0, 0, 0)


def test_baselines_are_called_at_the_best_threshold_of_the_other_folds():
    """Fold 0 asks for a lower threshold than fold 1, and each gets that of the other."""
    folds = np.array([0, 0, 0, 1, 1, 1])
    truth = np.array([1.0, 0, 0, 1, 0, 0])
    score = np.array([0.3, 0.1, 0.0, 0.9, 0.7, 0.5])
    called = tables._calls_of_best_f1(truth, score, folds)
    assert called.tolist() == [False, False, False, True, True, True]
    alone = tables._calls_of_best_f1(truth, score, np.array([0, 1, 1, 0, 1, 1]))
    assert not alone[[0, 3]].any()  # the other fold has no positive


def test_average_precision_is_the_mean_over_folds_with_a_positive(scored_by_hand):
    targets = np.zeros((9, 2))
    targets[:6, 0] = 1
    folds = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2])
    score = np.array([9, 9, 9, 1, 2, 3, 4, 5, 5])[:, None] * [1.0, 1.0]
    scored = scored_by_hand(targets, folds=folds, scores={"tpspred": score})
    (row,) = tables.per_label(scored, "tpspred")
    in_second = metrics.average_precision(targets[3:7, 0], score[3:7, 0])
    assert row["average_precision"] == (1 + in_second) / 2
    assert row["average_precision_pooled"] == metrics.average_precision(targets[:, 0], score[:, 0])
    assert (row["label"], row["positives"], row["precision"]) == ("a", 6, 1.0)


def test_identity_bands_without_a_positive_have_no_row(scored_by_hand):
    targets = np.array([[1, 0]] * 5 + [[0, 0]] * 3)
    nearest = np.array([0.1, 0.1, 0.2, 0.5, 0.5, 0.7, 0.9, 0.5])
    rows = list(tables.by_identity(scored_by_hand(targets, nearest=nearest), "tpspred"))
    assert [(row["identity_from"], row["enzymes"]) for row in rows] == [
        (0.0, 2),
        (0.2, 1),
        (0.4, 3),
    ]
    assert all((row["precision"], row["recall"]) == (1.0, 1.0) for row in rows)
    other = scored_by_hand(targets, nearest=nearest, scores={"tpspred": targets, "other": targets})
    assert np.isnan(list(tables.by_identity(other, "other"))[0]["precision"])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_every_enzyme_is_in_one_band(scored_by_hand, nearest):
    targets = np.ones((len(nearest), 2))
    scored = scored_by_hand(targets, nearest=np.array(nearest))
    bands = tables._bands(scored, np.arange(len(nearest)))
    assert sorted(np.concatenate([rows for _, _, rows in bands])) == list(range(len(nearest)))
    for low, high, rows in bands:
        assert all(low <= nearest[i] <= high for i in rows)


def test_reliability_counts_negatives_for_is_tps_alone(scored_by_hand):
    targets = np.array([[1, 1]] * 5 + [[0, 0]] * 2)
    scored = scored_by_hand(
        targets,
        labels=[Label("ensemble", "a"), IS_TPS],
        sources=np.array(["enzymes"] * 5 + ["random"] * 2),
        scores={"tpspred": np.array([[0.85, 0.95]] * 5 + [[0.05, 0.15]] * 2)},
    )
    rows = [tuple(row.values()) for row in tables.reliability(scored)]
    assert rows == [
        ("ensemble", 5, pytest.approx(0.85), 1.0),
        ("is_tps", 2, pytest.approx(0.15), 0.0),
        ("is_tps", 5, pytest.approx(0.95), 1.0),
    ]


def test_interval_draws_clusters_and_not_enzymes():
    """One cluster has one sample only; many clusters give a wider interval."""
    rng = np.random.default_rng(0)
    truth = np.tile([[1], [0]], (10, 1))
    score = rng.random((20, 1))
    value = metrics.macro_average_precision(truth, score)
    one = tables.interval(truth, score, np.zeros(20, int), np.random.default_rng(0))
    assert one == pytest.approx((value, value))
    low, high = tables.interval(truth, score, np.arange(20), np.random.default_rng(0))
    assert low < value < high
    nothing = tables.interval(np.zeros((20, 1)), score, np.arange(20), np.random.default_rng(0))
    assert np.isnan(nothing).all()
