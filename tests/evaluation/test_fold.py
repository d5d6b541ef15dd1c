import numpy as np
import pytest

from tpspred.evaluation.fold import Fold


@pytest.mark.slow
def test_sequences_to_score_are_those_that_passed_in_order(small):
    fold = Fold(small.predictor, small.examples, small.table, np.array([5, 2]), seed=0, threads=1)
    assert fold.passed_sequences == [small.table.sequences[5], small.table.sequences[2]]
