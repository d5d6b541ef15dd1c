"""Fitting the profile encoder to labelled enzymes."""

import numpy as np
import pytest

from tpspred import building
from tpspred.encoders import profile_fitting
from tpspred.errors import ModelError


def test_no_profile_without_a_family(enzymes):
    lonely = [enzymes[0], enzymes[6]]
    with pytest.raises(ModelError, match="no group of three related sequences"):
        building.fit_encoder(lonely)


@pytest.mark.slow
def test_encoder_is_the_same_again(enzymes, small_encoder):
    encoder, _ = building.fit_encoder(enzymes, threads=1)
    assert encoder.checksum == small_encoder.checksum


def test_arrays_fit_the_profiles(small_encoder):
    for profile, scale, axes, mixing in zip(
        small_encoder.profiles,
        small_encoder.projections.scales,
        small_encoder.projections.axes,
        small_encoder.projections.mixing,
        strict=True,
    ):
        assert scale.shape == (profile.columns,)
        assert axes.shape == (5 * profile.columns, len(mixing))
        assert mixing.shape == (len(mixing), small_encoder.dimension)
        assert scale.dtype == axes.dtype == mixing.dtype == np.float16
    assert small_encoder.dimension <= profile_fitting.DIMENSION


def test_axes_within_a_family_are_orthonormal(small_encoder):
    for axes in small_encoder.projections.axes:
        products = axes.astype(float).T @ axes.astype(float)
        assert np.abs(products - np.eye(len(products))).max() < 0.01


def test_training_vectors_keep_most_of_their_length(fitted):
    encoder, proteins = fitted
    vectors = np.stack([encoder.vector(protein) for protein in proteins])
    assert 0.9 < (vectors**2).sum(1).mean() <= 1.001


def test_training_enzymes_are_nearest_to_their_family(fitted, enzymes):
    encoder, proteins = fitted
    vectors = np.stack([encoder.vector(protein) for protein in proteins])
    similarity = vectors @ vectors.T
    families = np.array([enzyme.product_types[0] for enzyme in enzymes])
    same = families[:, None] == families
    assert similarity[same].min() > np.abs(similarity[~same]).max()


def test_a_small_family_keeps_its_weights(small_encoder):
    """Six enzymes are too few to say which columns matter."""
    for scale in small_encoder.projections.scales:
        assert (scale == 1).all()
