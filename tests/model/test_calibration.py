import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.dataset.labels import IS_TPS, Label
from tpspred.model import calibration

PAIR = [Label("product_type", name) for name in ("mono", "sesq")]


@given(st.floats(-15, 15))
def test_log_odds_invert_the_logistic_function(value):
    assert calibration.log_odds(calibration.sigmoid(value)) == pytest.approx(value, abs=1e-6)


def test_extreme_numbers_stay_finite():
    assert calibration.sigmoid(np.array([-1e4, 1e4])).tolist() == [0, 1]
    assert np.abs(calibration.log_odds(np.array([0.0, 1.0]))) == pytest.approx(
        [16.118] * 2, abs=0.001
    )


def fit_one(logits, targets, similarity):
    """Fit a product type; the other labels have the same targets and no part in it."""
    logits, targets = np.repeat(logits, 3, 1), np.repeat(targets, 3, 1)
    labels = [PAIR[0], IS_TPS, Label("ensemble", "a")]
    return calibration.fit(logits, targets, np.ones_like(targets), labels, similarity)


def test_platt_recovers_the_line_that_made_the_data():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (20000, 1))
    targets = (rng.random((20000, 1)) < calibration.sigmoid(0.7 * logits - 1)).astype(float)
    similarity = rng.random(20000)
    fitted = fit_one(logits, targets, similarity)
    assert fitted.slopes[1] == pytest.approx([0.7, 0], abs=0.05)
    assert fitted.offsets[1] == pytest.approx([-1, 0], abs=0.1)


def test_a_score_is_worth_less_far_from_all_known_enzymes():
    rng = np.random.default_rng(0)
    logits, similarity = rng.normal(0, 3, (20000, 1)), rng.random(20000)
    chance = calibration.sigmoid(similarity[:, None] * logits - 1)
    targets = (rng.random((20000, 1)) < chance).astype(float)
    fitted = fit_one(logits, targets, similarity)
    caution = calibration.OPTIMISM_SLOPE
    assert fitted.slopes[0] == pytest.approx([0, caution], abs=0.15)
    near, far = fitted.probabilities(np.full((2, 3), 3.0), np.array([1.0, 0.1]))[:, 0]
    expected = caution * np.array([2, -0.7]) + calibration.OPTIMISM_OFFSET
    assert [near, far] == pytest.approx(calibration.sigmoid(expected), abs=0.05)
    # What is no enzyme is not judged by its similarity to enzymes.
    assert fitted.slopes[1, 1] == pytest.approx(0, abs=1e-4)


def test_what_enzymes_say_of_enzymes_is_taken_with_caution():
    """The encoder has seen the labels of held-out enzymes, so that their scores are too good."""
    rng = np.random.default_rng(0)
    logits = np.repeat(rng.normal(0, 3, (20000, 1)), 2, 1)
    targets = (rng.random((20000, 2)) < calibration.sigmoid(logits)).astype(float)
    labels = [IS_TPS, Label("ensemble", "a")]
    fitted = calibration.fit(logits, targets, np.ones_like(targets), labels, np.ones(20000))
    own, cautious = calibration.log_odds(fitted.probabilities(np.full(2, 2.0), 1.0))
    assert own == pytest.approx(2, abs=0.1)
    assert cautious == pytest.approx(
        2 * calibration.OPTIMISM_SLOPE + calibration.OPTIMISM_OFFSET, abs=0.1
    )


def test_ensembles_have_one_threshold_unless_held_out_calls_were_wrong():
    probabilities = np.tile([[0.9, 0.9, 0.1, 0.3]], (20, 1))
    targets = np.zeros((20, 4))
    targets[:, 0] = targets[:3, 3] = 1  # 15 % of 0.3 are right
    thresholds = calibration._ensemble_thresholds(probabilities, targets)
    never = calibration.NEVER
    assert thresholds.tolist() == [calibration.POSSIBLE, never, never, never]


def test_rare_labels_lean_on_the_others():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (500, 3))
    targets = (logits + rng.normal(0, 1, logits.shape) > 1).astype(float)
    # One positive, at the bottom: no reason to call everything.
    targets[:, 2] = 0
    targets[np.argsort(logits[:, 2])[:1], 2] = 1
    fitted = calibration.fit(
        logits, targets, np.ones_like(targets), [IS_TPS, *PAIR], np.ones(len(targets))
    )
    assert (fitted.slopes.sum(1) > 0).all()  # at the similarity of all of them
    assert ((fitted.thresholds > 0) & (fitted.thresholds < 1)).all()
    assert fitted.thresholds[2] > 0.1


def test_masked_targets_change_nothing():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (200, 2))
    targets = (logits + rng.normal(0, 1, logits.shape) > 0).astype(float)
    mask = np.ones_like(targets)
    mask[150:, 1] = 0
    other = targets.copy()
    other[150:, 1] = 1 - other[150:, 1]
    first, second = (
        calibration.fit(logits, answers, mask, [IS_TPS, PAIR[0]], np.arange(200.0))
        for answers in (targets, other)
    )
    assert np.array_equal(first.slopes, second.slopes)
    assert np.array_equal(first.thresholds, second.thresholds)
    # Only the rows whose targets are all known stay with the model.
    assert first.sequences == 200 and len(first.held_out.targets) == 150
    assert first.held_out.similarity.tolist() == list(range(150))


def test_statuses_keep_their_precision_and_recall():
    rng = np.random.default_rng(0)
    logits = np.repeat(rng.normal(0, 4, (5000, 1)), 2, 1)
    targets = (rng.random((5000, 2)) < calibration.sigmoid(logits)).astype(float)
    fitted = calibration.fit(
        logits, targets, np.ones_like(targets), [IS_TPS, PAIR[0]], np.zeros(5000)
    )
    probability, is_tps = fitted.probabilities(logits, np.zeros(5000))[:, 0], targets[:, 0]
    certain = probability >= fitted.tps_threshold
    assert is_tps[certain].mean() == pytest.approx(0.99, abs=0.001)
    reached = probability[is_tps > 0] >= fitted.uncertain_threshold
    assert reached.mean() == pytest.approx(0.99, abs=0.001)
    assert 0 < fitted.uncertain_threshold < fitted.tps_threshold < 1


def test_an_uncalibrated_model_has_raw_probabilities_and_no_precision():
    raw = calibration.uncalibrated(2)
    assert raw.probabilities(np.array([0.0, 1.0]), 0.5) == pytest.approx(
        [0.5, 1 / (1 + np.exp(-1))]
    )
    assert raw.sequences == 0 and raw.min_similarity == 0
    assert raw.thresholds.tolist() == [0.5, 0.5] and np.isnan(raw.precision).all()


def with_held_out(probabilities, targets, similarity=None):
    similarity = np.ones(len(targets)) if similarity is None else similarity
    return dataclasses.replace(
        calibration.uncalibrated(targets.shape[1]),
        held_out=calibration.HeldOut(
            probabilities.astype(np.float32),
            targets.astype(np.uint8),
            similarity.astype(np.float32),
        ),
    )


def test_99_percent_of_the_held_out_enzymes_reach_the_least_similarity():
    nothing = np.zeros((1000, 1))
    fitted = with_held_out(nothing, nothing, np.arange(1000.0))
    assert (np.arange(1000) >= fitted.min_similarity).mean() == pytest.approx(0.99, abs=0.001)


@pytest.mark.parametrize("target", [0.3, 0.5, 0.8])
def test_equal_scores_keep_the_promised_precision(target):
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 8, (200, 20)) / 8
    fitted = with_held_out(scores, rng.random((200, 20)) < scores * rng.random(20))
    promised = fitted.at_precision(target, range(20))
    reached = promised.thresholds < calibration.NEVER
    assert reached.any() and (promised.precision[reached] >= target).all()


def test_thresholds_for_a_precision_are_the_lowest_that_reach_it():
    scores = np.repeat(np.linspace(0.95, 0.05, 10)[:, None], 4, 1)
    hits = np.array(
        [
            [1, 1, 1, 1, 1, 1, 0, 0, 0, 0],
            [1, 1, 1, 1, 0, 0, 0, 0, 0, 0],
            [0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
            [1, 1, 1, 1, 1, 1, 0, 0, 0, 0],
        ]
    ).T
    fitted = with_held_out(scores, hits)
    strict = fitted.at_precision(0.8, [0, 1, 2])
    # 6 of 7 are right, 6 of 8 are not enough.
    assert strict.thresholds[0] == np.float32(scores[6, 0])
    assert strict.thresholds[1] == np.float32(scores[4, 0])  # 4 of 5
    assert strict.thresholds[2] == calibration.NEVER and strict.thresholds[3] == 0.5
    assert strict.precision[:2] == pytest.approx([6 / 7, 4 / 5]) and np.isnan(strict.precision[2])
    # Four calls show nothing.
    assert fitted.at_precision(0.9, [1]).thresholds[1] == calibration.NEVER
    assert fitted.thresholds.tolist() == [0.5] * 4


def sample(rng, count):
    """Draw targets that are easy near a known enzyme and hard far from one."""
    similarity = rng.uniform(0, 1, count)
    targets = rng.random((count, 6)) < 0.3
    logits = np.where(targets, 2, -2) * 2 * similarity[:, None] + rng.normal(0, 1.5, targets.shape)
    return calibration.sigmoid(logits), targets, similarity


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_sets_contain_what_they_promise_near_and_far(coverage):
    rng = np.random.default_rng(0)
    sets = with_held_out(*sample(rng, 2000)).sets(coverage, range(6))
    probabilities, targets, similarity = sample(rng, 20000)
    inside = sets.contains(probabilities, similarity)
    labelled = targets.any(1)
    covered = (inside & targets).sum(1)[labelled] / targets.sum(1)[labelled]
    sizes = []
    for band in range(calibration.BANDS):
        own = np.searchsorted(sets.edges, similarity[labelled], "right") == band
        assert covered[own].mean() == pytest.approx(coverage, abs=0.03)
        sizes.append(inside[labelled][own].sum(1).mean())
    # A protein that is unlike anything known gets a larger set.
    assert sizes == sorted(sizes, reverse=True)
    assert not sets.contains(np.array([np.nan]), 0.5)[0]


def test_with_too_few_enzymes_sets_contain_all_labels():
    sets = with_held_out(np.full((4, 2), 0.9), np.ones((4, 2))).sets(0.9, [0, 1])
    assert (sets.thresholds == 0).all()


def test_a_model_without_ensembles_promises_nothing():
    sets = calibration.uncalibrated(3).sets(0.9, [])
    assert sets.contains(np.zeros((2, 0)), np.zeros(2)).shape == (2, 0)


def test_the_line_of_products_is_the_one_that_made_the_data():
    rng = np.random.default_rng(0)
    shares, similarity = rng.uniform(0.01, 0.99, (4000, 30)), rng.uniform(0, 1, 4000)
    chance = calibration.sigmoid(0.8 * calibration.log_odds(shares) + similarity[:, None] - 1)
    products = (rng.random(shares.shape) < chance).astype(float)
    line = calibration.fit_product_line(shares, products, similarity)
    caution, offset = calibration.OPTIMISM_SLOPE, calibration.OPTIMISM_OFFSET
    expected = [0.8 * caution, 0, offset - caution, caution]
    assert line == pytest.approx(expected, abs=0.1)
    # Nobody knows what a protein without any product makes.
    silent = calibration.fit_product_line(
        np.concatenate([shares, shares]),
        np.concatenate([products, np.zeros_like(products)]),
        np.concatenate([similarity, similarity]),
    )
    known = products.any(1)
    alone = calibration.fit_product_line(shares[known], products[known], similarity[known])
    assert silent == pytest.approx(alone)


def test_shares_outside_their_range_are_bounded():
    bounded = calibration.bounded_log_odds(np.array([-0.2, 0.0, 0.5, 1.3]))
    sure = np.log(0.99 / 0.01)
    assert bounded == pytest.approx([-sure, -sure, 0, sure])
