import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.model import metrics

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=30)


def columns(rows):
    truth = np.array([float(hit) for hit, _ in rows])
    score = np.array([float(value) for _, value in rows])
    return truth, score


@given(ROWS.filter(lambda rows: any(hit for hit, _ in rows)))
def test_best_f1_is_reached_at_its_threshold(rows):
    truth, score = columns(rows)
    best, threshold = metrics.best_f1(truth, score)
    assert metrics.f1(truth, score >= threshold) == pytest.approx(best)
    assert best == pytest.approx(max(metrics.f1(truth, score >= value) for value in score))
    assert 0 < metrics.average_precision(truth, score) <= 1


def test_tied_scores_cannot_be_ranked():
    assert metrics.average_precision(np.array([1, 0, 0, 0]), np.zeros(4)) == pytest.approx(0.25)


@given(ROWS)
def test_roc_auc_counts_pairs(rows):
    truth, score = columns(rows)
    positives, negatives = score[truth > 0], score[truth == 0]
    area = metrics.roc_auc(truth, score)
    if not len(positives) or not len(negatives):
        assert np.isnan(area)
        return
    above = (positives[:, None] > negatives).mean() + (positives[:, None] == negatives).mean() / 2
    assert area == pytest.approx(above)


@given(ROWS)
def test_steps_count_what_is_at_or_above_each_score(rows):
    truth, score = columns(rows)
    values, hits, called = metrics.steps(truth, score)
    assert values.tolist() == sorted(set(score.tolist()), reverse=True)
    assert called.tolist() == [(score >= value).sum() for value in values]
    assert hits.tolist() == [truth[score >= value].sum() for value in values]


def test_precision_and_recall_without_calls_or_positives_are_unknown():
    some, none = np.array([1, 0]), np.array([0, 0])
    precision, recall = metrics.precision_recall(some, none)
    assert np.isnan(precision) and recall == 0
    precision, recall = metrics.precision_recall(none, some)
    assert precision == 0 and np.isnan(recall)
    assert metrics.f1(none, none) == 0


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=30))
def test_reliability_counts_every_prediction_once(rows):
    truth, probability = columns(rows)
    table = metrics.reliability(truth, probability)
    filled = table[table[:, 0] > 0]
    assert table.shape == (10, 3) and table[:, 0].sum() == len(rows)
    assert np.isnan(table[table[:, 0] == 0, 1:]).all()
    assert filled[:, 0] @ filled[:, 1] == pytest.approx(probability.sum())
    assert filled[:, 0] @ filled[:, 2] == pytest.approx(truth.sum())


def test_calibration_error_is_the_mean_distance():
    truth, probability = np.array([1, 0, 1, 1]), np.array([0.55, 0.55, 0.95, 0.95])
    assert metrics.calibration_error(truth, probability) == pytest.approx(0.05)


def test_macro_means_leave_out_labels_without_a_positive():
    truth = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 0]])
    score = np.array([[0.9, 0.9, 0.2], [0.1, 0.8, 0.9], [0.2, 0.7, 0.8]])
    own = [metrics.average_precision(truth[:, c], score[:, c]) for c in (0, 2)]
    means = metrics.macro(truth, score, np.full(3, 0.5))
    assert means["average_precision"] == pytest.approx(np.mean(own))
    assert metrics.macro_average_precision(truth, score) == pytest.approx(np.mean(own))
    assert means["f1"] == pytest.approx((1 + 0.5) / 2)
    assert metrics.macro_f1_adaptive(truth, score) == pytest.approx((1 + 0.8) / 2)
    assert metrics.macro_f1_adaptive(np.zeros((3, 2)), score[:, :2]) == 0
