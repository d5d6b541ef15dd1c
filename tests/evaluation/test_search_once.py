"""Each protein is searched once with a set of profiles, and each set of proteins aligned once."""

import collections

import pytest
from support import DATA

from tpspred import building
from tpspred.encoders import representations
from tpspred.evaluation import cross_validation
from tpspred.family import profiles, screening
from tpspred.io import store
from tpspred.model import examples


@pytest.fixture
def searched(monkeypatch):
    """Count the searches of the screen: (profile library, sequence) → number of searches.

    Building profiles searches preliminary profiles of its own, which are not counted.
    """
    counts = collections.Counter()
    libraries = {}  # keeps the libraries alive, because their identity tells them apart

    class Spy(profiles.Search):
        def matches(self, sequences):
            library = tuple(map(id, self._profiles))
            libraries[library] = self._profiles
            counts.update((library, sequence) for sequence in sequences if sequence)
            return super().matches(sequences)

    monkeypatch.setattr(screening, "Search", Spy)
    return counts


@pytest.fixture
def aligned(monkeypatch):
    """Count the alignments of whole sets: (set of sequences) → modules that aligned it."""
    counts = collections.defaultdict(list)

    def watch(module):
        identity_matrix = module.identity_matrix

        def spy(sequences, threads=1):
            counts[frozenset(sequences)].append(module.__name__.rpartition(".")[2])
            return identity_matrix(sequences, threads)

        monkeypatch.setattr(module, "identity_matrix", spy)

    for module in (building, cross_validation, examples):
        watch(module)
    return counts


@pytest.fixture
def computed_features(monkeypatch):
    """List the ids of the proteins whose features are computed."""
    ids = []
    feature_vector = representations.features.feature_vector

    def spy(protein, *names):
        ids.append(protein.record.id)
        return feature_vector(protein, *names)

    monkeypatch.setattr(representations.features, "feature_vector", spy)
    return ids


@pytest.mark.slow
def test_a_cross_validation_searches_and_aligns_once(
    enzymes, negatives, evaluate, searched, aligned
):
    cross_validation.identity_matrix([enzyme.sequence for enzyme in enzymes])  # as the command does
    evaluate(epochs=1)
    assert set(searched.values()) == {1}
    own = {enzyme.sequence for enzyme in enzymes}
    others = {record.sequence for record in negatives["random"]}
    sequences_of = collections.defaultdict(set)
    for library, sequence in searched:
        sequences_of[library].add(sequence)
    # One library deals the negatives to folds; that of each fold searches everything: training
    # enzymes, training negatives and left-out proteins.
    assert sorted(sequences_of.values(), key=len) == [others, own | others, own | others]

    assert all(len(modules) == 1 for modules in aligned.values())
    modules = collections.Counter(module for (module,) in aligned.values())
    # All enzymes, and the negatives that match a profile; per fold the training enzymes
    # (building), the negatives beside the left-out proteins, and the examples.
    assert modules == {"cross_validation": 2 + 2, "building": 2, "examples": 2}


@pytest.mark.slow
def test_predict_searches_every_protein_once(run, searched, computed_features):
    done = run("predict", DATA / "proteins.faa")
    assert done.code == 0, done.err
    assert set(searched.values()) == {1}
    assert len(searched) == len(done.out.splitlines()) - 1 == 7
    assert len(computed_features) == len(set(computed_features)) > 0


@pytest.mark.slow
def test_predict_on_a_store_searches_once_and_computes_no_feature(
    run, searched, computed_features, tmp_path
):
    assert run("embed", DATA / "proteins.faa", "-o", tmp_path / "embedding.h5").code == 0
    done = run("featurize", tmp_path / "embedding.h5", "-o", tmp_path / "features.h5")
    assert done.code == 0, done.err
    table = store.read(tmp_path / "features.h5")
    passed = {table.sequences[i] for i, problem in enumerate(table.problems) if not problem}
    assert 0 < len(passed) < len(table)
    assert len(computed_features) == len(passed)

    searched.clear()
    computed_features.clear()
    from_store = run("predict", tmp_path / "features.h5")
    assert from_store.code == 0, from_store.err
    # What did not pass is searched too: it may be a little like a profile.
    assert {sequence for _, sequence in searched} == set(table.sequences) - {""}
    assert set(searched.values()) == {1}
    assert computed_features == []
    assert from_store.out == run("predict", DATA / "proteins.faa").out
