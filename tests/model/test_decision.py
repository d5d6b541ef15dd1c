import numpy as np
import pytest

from tpspred.model import kernel_regression
from tpspred.model.decision import SAME, Decision


@pytest.fixture
def features():
    """Three terpene synthases of a small family beside its relatives, and many of a large one."""
    rng = np.random.default_rng(0)
    centres = np.repeat([[2.0, 0.0], [2.0, 2.0], [-2.0, 0.0]], [3, 30, 60], 0)
    return (centres + rng.normal(0, 0.3, centres.shape)).astype(np.float32)


TARGETS = np.repeat([1.0, 0.0, 1.0], [3, 30, 60])


def test_a_small_family_is_told_from_its_relatives(features):
    regression = Decision.from_features(features, TARGETS).regression
    near_small, near_relatives = (
        regression.shares(SAME, np.array(place, np.float32))[0] for place in ([2, 0], [2, 2])
    )
    assert near_small > 0.5 > near_relatives


def test_the_regressions_leave_proteins_out(features):
    decision = Decision.from_features(features, TARGETS)
    chosen = np.arange(len(TARGETS)) >= 3
    everything, without = decision.regressions([np.ones(len(TARGETS), bool), chosen])
    assert np.array_equal(everything.coefficients, decision.regression.coefficients)
    assert not without.coefficients[:3].any() and without.coefficients[3:].all()
    alone = kernel_regression.unfitted(features[3:], 1)
    kernels = np.stack([kernel_regression.kernel(SAME, x, alone.features) for x in alone.features])
    answers = TARGETS[3:, None].astype(np.uint8)
    fitted = kernel_regression.fit(
        kernels, alone.features, answers, np.ones_like(answers), np.ones(len(answers), bool)
    )
    assert without.shares(SAME, features[0]) == pytest.approx(fitted.shares(SAME, features[0]))
