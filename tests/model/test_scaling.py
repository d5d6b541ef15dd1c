import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.encoders.protocol import VectorPart
from tpspred.model.scaling import fit_scaling


def data(seed, rows=50):
    rng = np.random.default_rng(seed)
    embedding = rng.normal(3, [1, 2, 4, 8], (rows, 4)).astype(np.float32)
    features = rng.normal(-1, [0.1, 10, 1], (rows, 3)).astype(np.float32)
    return embedding, features


@given(st.integers(0, 100))
def test_scaled_inputs_have_mean_0_and_spread_1(seed):
    embedding, features = data(seed)
    scaling = fit_scaling(embedding, features, [VectorPart(4, True)])
    for scaled in (scaling.embeddings(embedding), scaling.features(features)):
        assert scaled.dtype == np.float32
        assert scaled.mean(0) == pytest.approx(0, abs=1e-5)
        assert scaled.std(0) == pytest.approx(1, abs=1e-5)


def test_a_part_with_a_common_scale_keeps_the_weight_of_its_axes():
    embedding, features = data(0)
    scaling = fit_scaling(embedding, features, [VectorPart(4, False)])
    assert scaling.embedding_scale.shape == (1,)
    spread = scaling.embeddings(embedding).std(0)
    assert (spread**2).mean() == pytest.approx(1)
    assert spread / spread[0] == pytest.approx(embedding.std(0) / embedding[:, 0].std())


def test_joined_parts_are_scaled_each_by_itself():
    embedding, features = data(0)
    joined = fit_scaling(embedding, features, [VectorPart(2, False), VectorPart(2, True)])
    left = fit_scaling(embedding[:, :2], features, [VectorPart(2, False)])
    right = fit_scaling(embedding[:, 2:], features, [VectorPart(2, True)])
    scales = [*left.embedding_scale.repeat(2), *right.embedding_scale]
    assert joined.embedding_scale.tolist() == scales


def test_constant_axes_are_not_divided_by_zero():
    ones = np.ones((5, 2), np.float32)
    for standardise in (True, False):
        scaling = fit_scaling(ones, ones, [VectorPart(2, standardise)])
        assert not scaling.embeddings(ones).any() and not scaling.features(ones).any()
