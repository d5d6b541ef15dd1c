import dataclasses

import numpy as np
import pytest

from tpspred.dataset.labels import IS_TPS
from tpspred.errors import StoreError
from tpspred.io.store import NO_MATCH
from tpspred.model.examples import Examples, gather_examples, refuse_leaked_labels


def test_enzymes_come_first_and_then_the_negatives(small, enzymes):
    examples = gather_examples(enzymes, small.table, small.negatives, small.labels)
    assert examples.sequences[: len(enzymes)] == [enzyme.sequence for enzyme in enzymes]
    assert examples.is_enzyme.tolist() == [True] * len(enzymes) + [False] * 4
    is_tps = examples.targets[:, small.labels.index(IS_TPS)]
    assert is_tps.tolist() == [enzyme.is_tps for enzyme in enzymes] + [0] * 4
    assert examples.products.any() and not examples.products[len(enzymes) :].any()


def test_negatives_answer_only_whether_they_are_tps(small, enzymes):
    examples = gather_examples(enzymes, small.table, small.negatives, small.labels)
    negative = ~examples.is_enzyme
    assert negative.sum() == 4
    assert examples.mask[negative].sum(1).tolist() == [1.0] * negative.sum()
    assert examples.mask[negative, small.labels.index(IS_TPS)].all()
    assert not examples.targets[negative].any()


def test_negatives_that_resemble_a_tps_are_left_out(small, enzymes):
    alike = dataclasses.replace(
        small.table,
        ids=[f"copy{i}" for i in range(len(small.table))],
        sequences=[sequence + "A" for sequence in small.table.sequences],
    )
    examples = gather_examples(enzymes, small.table, [alike], small.labels)
    kept = [name for name in examples.ids if name.startswith("copy")]
    related = [f"copy{i}" for i, enzyme in enumerate(enzymes) if not enzyme.is_tps]
    assert kept == related


def test_a_sequence_is_used_once(small, enzymes):
    twice = [small.table, *small.negatives, *small.negatives]
    examples = gather_examples(enzymes, small.table, twice, small.labels)
    assert examples.sequences == small.examples.sequences


def test_enzymes_that_did_not_pass_the_screen_are_left_out(small, enzymes):
    screened = dataclasses.replace(small.table, problems=[NO_MATCH] + small.table.problems[1:])
    examples = gather_examples(enzymes, screened, small.negatives, small.labels)
    assert examples.ids == small.examples.ids[1:]
    assert np.array_equal(examples.targets, small.examples.targets[1:])


def test_features_are_chosen_by_name(small, enzymes):
    wanted = ("gravy", "log_length", "entropy")
    examples = gather_examples(
        enzymes, small.table, small.negatives, small.labels, feature_names=wanted
    )
    assert examples.feature_names == wanted
    names = small.examples.feature_names
    columns = [names.index(name) for name in wanted]
    assert np.array_equal(examples.features, small.examples.features[:, columns])
    with pytest.raises(StoreError, match="found no feature number_of_products"):
        gather_examples(
            enzymes, small.table, small.negatives, small.labels, ["gravy", "number_of_products"]
        )


def test_a_feature_that_this_version_cannot_compute_trains_nothing(small, enzymes):
    names = ("of_the_future", *small.table.feature_names[1:])
    later = dataclasses.replace(small.table, feature_names=names)
    with pytest.raises(StoreError, match="feature of_the_future, which this version does not"):
        gather_examples(enzymes, later, small.negatives, small.labels)


def test_examples_say_what_is_missing(small, enzymes):
    with pytest.raises(StoreError, match="no features"):
        gather_examples(enzymes, dataclasses.replace(small.table, features=None), [], small.labels)
    short = dataclasses.replace(small.table, sequences=["M"] + small.table.sequences[1:])
    with pytest.raises(StoreError, match=f"no row for {enzymes[0].id}"):
        gather_examples(enzymes, short, [], small.labels)


def test_a_subset_keeps_rows_together(small):
    rows = np.array([5, 0, -1])
    part = small.examples.subset(rows)
    assert len(part) == 3 and part.ids == [small.examples.ids[i] for i in rows]
    assert np.array_equal(part.embedding, small.examples.embedding[rows])
    assert part.identities[0, 1] == small.examples.identities[5, 0]
    assert part.is_enzyme.tolist() == [True, True, False]


def test_inputs_that_are_made_of_the_labels_are_refused():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, (300, 4)).astype(np.float32)
    examples = Examples(
        ids=[""] * 300,
        sequences=[""] * 300,
        embedding=rng.normal(size=(300, 3)).astype(np.float32),
        features=rng.normal(size=(300, 2)).astype(np.float32),
        feature_names=("length", "kind"),
        targets=targets,
        mask=np.ones_like(targets),
        products=targets,
        structures=["C", "CC", "CCC", "CCCC"],
        identities=np.zeros((300, 300)),
    )
    refuse_leaked_labels(examples)
    leaky = dataclasses.replace(
        examples, features=np.stack([examples.features[:, 0], targets.sum(1)], 1)
    )
    with pytest.raises(StoreError, match="found feature kind, which is a function of the labels"):
        refuse_leaked_labels(leaky)
    leaky = dataclasses.replace(
        examples, embedding=np.concatenate([examples.embedding[:, :2], targets[:, :1]], 1)
    )
    with pytest.raises(
        StoreError, match="found embedding axis 3, which is a function of the labels"
    ):
        refuse_leaked_labels(leaky)
