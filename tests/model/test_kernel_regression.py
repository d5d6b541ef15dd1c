import numpy as np
import pytest

from tpspred.model import kernel_regression


def enzymes(rng, count=40):
    """Enzymes on a line: the first label is that of one half, the second is random."""
    place = np.linspace(-1, 1, count)
    features = np.stack([place, rng.normal(size=count) * 0.1], 1).astype(np.float16)
    angle = place * np.pi / 4
    vectors = np.stack([np.cos(angle), np.sin(angle)], 1)
    targets = np.stack([place > 0, rng.random(count) < 0.5], 1).astype(np.uint8)
    cosines = vectors @ vectors.T
    kernels = np.stack([kernel_regression.kernel(*row, features) for row in zip(cosines, features)])
    return features, cosines, targets, kernels


def test_a_protein_has_the_labels_of_what_is_like_it():
    features, cosines, targets, kernels = enzymes(np.random.default_rng(0))
    everyone = np.ones(40, bool)
    known = np.ones_like(targets)
    fitted = kernel_regression.fit(kernels, features, targets, known, everyone)
    first, last = (fitted.shares(cosines[i], features[i].astype(np.float32))[0] for i in (2, 37))
    assert first < 0.2 and last > 0.8
    assert fitted.means[0] == pytest.approx(0.5)
    far_away = fitted.shares(np.full(40, -9.0), features[0].astype(np.float32))
    assert far_away == pytest.approx(fitted.means)


def test_the_fit_solves_the_ridge_regression():
    features, _, targets, kernels = enzymes(np.random.default_rng(1))
    chosen = np.arange(40) % 4 > 0
    fitted = kernel_regression.fit(kernels, features, targets, np.ones_like(targets), chosen)
    block = kernels[np.ix_(chosen, chosen)] + kernel_regression.RIDGE * np.eye(30)
    wanted = targets[chosen] - targets[chosen].mean(0)
    assert block @ fitted.coefficients[chosen] == pytest.approx(wanted, abs=2e-2)
    assert not fitted.coefficients[~chosen].any()


def test_a_target_that_is_not_known_draws_to_neither_side():
    features, _, targets, kernels = enzymes(np.random.default_rng(2))
    known = np.ones_like(targets)
    known[30:, 0] = 0
    everyone = np.ones(40, bool)
    other = targets.copy()
    other[30:, 0] = 1 - other[30:, 0]
    first, second = (
        kernel_regression.fit(kernels, features, answers, known, everyone)
        for answers in (targets, other)
    )
    assert np.array_equal(first.coefficients, second.coefficients)
    assert first.means[0] == pytest.approx(targets[:30, 0].mean())


def test_extreme_features_do_not_make_a_protein_like_none():
    own = kernel_regression.cut_off(np.array([1.0, 99.0]))
    assert own.tolist() == [1.0, kernel_regression.MAX_DEVIATION]
