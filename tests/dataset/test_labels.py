"""Labels of a model and of enzymes."""

import dataclasses

import numpy as np

from tpspred.dataset.labels import (
    GROUPS,
    IS_TPS,
    Label,
    known_targets,
    label_targets,
    labels_of,
    product_targets,
)


def test_labels_stand_in_the_order_of_their_groups(enzymes):
    labels = labels_of(enzymes)
    assert list(dict.fromkeys(label.group for label in labels)) == list(GROUPS)
    assert len(set(labels)) == len(labels) == 30 + 1 + 11 + 4
    substrates = [label.name for label in labels if label.group == "substrate"]
    assert substrates == sorted(substrates)


def test_a_model_of_other_enzymes_differs_in_substrates_only(enzymes):
    all_labels = labels_of(enzymes)
    labels = labels_of(enzymes[:6])
    assert labels[-1] == Label("substrate", "(2E)-GPP") and len(labels) == 43
    assert labels[:-1] == all_labels[:42]


def test_targets_follow_the_labels(enzymes):
    labels = labels_of(enzymes)
    numbers = label_targets(enzymes, labels)
    column = {label.column: numbers[:, i] for i, label in enumerate(labels)}
    for i, enzyme in enumerate(enzymes):
        assert column["is_tps:terpene_synthase"][i] == enzyme.is_tps
        assert column["substrate:(2E)-GPP"][i] == ("(2E)-GPP" in enzyme.substrates)
        assert column["ensemble:mono_sabinene"][i] == ("mono_sabinene" in enzyme.ensembles)
    assert not column["product_type:psy"].any()
    assert column["is_tps:terpene_synthase"].sum() == 18  # all but six prenyltransferases


def test_substrates_are_not_known_of_an_enzyme_that_names_none(enzymes):
    labels = labels_of(enzymes)
    nameless = dataclasses.replace(enzymes[0], substrates=())
    known = known_targets([enzymes[0], nameless], labels)
    is_substrate = np.array([label.group == "substrate" for label in labels])
    assert known[0].all() and known[1].tolist() == (~is_substrate).tolist()


def test_targets_keep_their_shape_without_enzymes_or_labels(enzymes):
    assert label_targets([], [IS_TPS]).shape == (0, 1)
    assert label_targets(enzymes, []).shape == (len(enzymes), 0)
    assert product_targets([], 1).shape == (0, 0)


def test_products_of_few_enzymes_are_left_out(enzymes):
    # In alphabetical order: farnesyl diphosphate, germacrene A, lanosterol, linalool, sabinene.
    targets = product_targets(enzymes, 1)
    assert targets.dtype == np.float32
    assert targets.sum(0).tolist() == [6, 6, 6, 3, 6]
    assert np.array_equal(product_targets(enzymes, 3), targets)
    assert np.array_equal(product_targets(enzymes, 4), targets[:, [0, 1, 2, 4]])
