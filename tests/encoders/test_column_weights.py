"""Column weights: what each match column says about the products."""

import numpy as np
import pytest

from tpspred.encoders.column_weights import (
    MIN_MEMBERS,
    fit_column_weights,
    label_agreement,
)
from tpspred.encoders.profile_fitting import RESIDUES


def family(seed=0, count=40, columns=30):
    """A made-up family, in which the residue of column 7 decides what an enzyme makes.

    All other columns say who is whose relative.

    Returns:
        (count, columns) residue codes, and (count,) whether an enzyme makes the product.
    """
    rng = np.random.default_rng(seed)
    ancestors = rng.integers(0, 20, (4, columns))
    mutated = rng.random((count, columns)) < 0.2
    mutations = rng.integers(0, 20, (count, columns))
    codes = np.where(mutated, mutations, ancestors[np.arange(count) % 4])
    makes = rng.random(count) < 0.5
    codes[:, 7] = np.where(makes, 2, 18)
    return codes, makes, rng


def test_columns_that_go_with_the_products_weigh_more():
    codes, makes, rng = family()
    members = np.arange(40)
    agreement = (makes[:, None] == makes).astype(float)
    (weights,) = fit_column_weights([codes], [members], [members], agreement, RESIDUES)
    assert weights.argmax() == 7 and weights[7] > 3 * np.median(weights) and weights.min() >= 0

    order = rng.permutation(40)
    shuffled = agreement[np.ix_(order, order)]
    (weights,) = fit_column_weights([codes], [members], [members], shuffled, RESIDUES)
    assert weights.argmax() != 7

    few = members[:10]
    (weights,) = fit_column_weights([codes[:10]], [few], [few], agreement[:10, :10], RESIDUES)
    assert (weights == 1).all()


def test_only_enzymes_that_a_profile_fits_best_count():
    codes, makes, _ = family()
    members = np.arange(40)
    agreement = (makes[:, None] == makes).astype(float)
    leading = [np.arange(MIN_MEMBERS - 1), np.arange(MIN_MEMBERS)]
    few, enough = fit_column_weights([codes] * 2, [members] * 2, leading, agreement, RESIDUES)
    assert (few == 1).all()
    assert (enough != 1).any()


def test_the_order_of_the_enzymes_does_not_matter():
    codes, makes, rng = family()
    members = np.arange(40)
    agreement = (makes[:, None] == makes).astype(float)
    (weights,) = fit_column_weights([codes], [members], [members], agreement, RESIDUES)
    order = rng.permutation(40)
    (again,) = fit_column_weights(
        [codes[order]], [members], [members], agreement[np.ix_(order, order)], RESIDUES
    )
    assert np.allclose(weights, again)


def test_agreement_counts_rare_labels_more(enzymes):
    agreement = label_agreement(enzymes)
    assert np.allclose(agreement, agreement.T)
    assert agreement.min() >= 0 and agreement.max() <= 1 + 1e-9
    same = [i for i, enzyme in enumerate(enzymes) if enzyme.products == enzymes[0].products]
    other = next(
        i
        for i, enzyme in enumerate(enzymes)
        if not set(enzyme.product_types) & set(enzymes[0].product_types)
    )
    assert agreement[0, same[-1]] == pytest.approx(1) and agreement[0, other] < 0.5


def test_enzymes_that_differ_in_one_product_agree_in_part(enzymes):
    assert enzymes[0].products != enzymes[1].products
    agreement = label_agreement(enzymes)
    assert 0.5 < agreement[0, 1] < 1
    assert agreement[0, 6] == 0  # another substrate, type and product
