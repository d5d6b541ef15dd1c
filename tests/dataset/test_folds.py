"""Identity clusters, and folds that keep them together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.dataset.folds import deal_folds, identity_clusters


@st.composite
def identities_and_lengths(draw):
    """A symmetric identity matrix with 1 on the diagonal, and lengths in residues."""
    count = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    identities = rng.random((count, count)).astype(np.float32)
    identities = np.maximum(identities, identities.T)
    np.fill_diagonal(identities, 1)
    return identities, rng.integers(1, 5, count).tolist()


@given(identities_and_lengths(), st.floats(0.1, 1))
def test_members_are_near_their_representative_and_representatives_apart(data, threshold):
    identities, lengths = data
    member_of = identity_clusters(identities, lengths, threshold)
    representatives = np.unique(member_of)
    assert (member_of[representatives] == representatives).all()
    assert (identities[np.arange(len(lengths)), member_of] >= np.float32(threshold)).all()
    apart = identities[np.ix_(representatives, representatives)]
    assert (apart[~np.eye(len(representatives), dtype=bool)] < threshold).all()
    assert all(lengths[i] <= lengths[k] for i, k in enumerate(member_of))


def test_a_sequence_joins_the_most_similar_representative():
    # Sequences 0 and 1 are representatives, 2 is like both.
    identities = np.array([[1, 0.1, 0.6], [0.1, 1, 0.7], [0.6, 0.7, 1]], np.float32)
    assert identity_clusters(identities, [9, 8, 7], 0.5).tolist() == [0, 1, 1]


def test_folds_keep_clusters_together_and_spread_labels():
    rng = np.random.default_rng(0)
    member_of = np.repeat(np.arange(40), 3)
    targets = (rng.random((120, 5)) < [0.05, 0.1, 0.3, 0.5, 0.9]).astype(float)
    fold = deal_folds(member_of, targets, 4, np.random.default_rng(1))
    for cluster in range(40):
        assert len(set(fold[member_of == cluster])) == 1
    assert min(np.bincount(fold, minlength=4)) > 20
    assert (np.array([targets[fold == k].sum(0) for k in range(4)])[:, 1:] > 0).all()


def test_folds_depend_on_the_seed_alone():
    member_of = np.repeat(np.arange(20), 2)
    targets = np.ones((40, 1))
    first, again, other = (
        deal_folds(member_of, targets, 5, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_the_largest_cluster_is_dealt_first():
    member_of = np.array([0] * 10 + list(range(1, 11)))
    fold = deal_folds(member_of, np.zeros((20, 0)), 2, np.random.default_rng(0))
    assert np.bincount(fold).tolist() == [10, 10]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_equal_clusters_are_dealt_evenly(count):
    member_of = np.arange(14)
    fold = deal_folds(member_of, np.zeros((14, 0)), count, np.random.default_rng(0))
    assert np.bincount(fold, minlength=count).tolist() == [14 // count] * count


def test_no_sequences_have_no_folds():
    nothing = np.zeros(0, int)
    assert deal_folds(nothing, np.zeros((0, 3)), 5, np.random.default_rng(0)).tolist() == []
