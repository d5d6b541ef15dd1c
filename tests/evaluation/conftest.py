import types

import numpy as np
import pytest
import torch
from support import DATA

from tpspred.dataset.labels import Label
from tpspred.evaluation import baselines
from tpspred.evaluation.cross_validation import Scored, cross_validate
from tpspred.family.alignment import identity_matrix
from tpspred.io.fasta import read_fasta
from tpspred.model.hyperparameters import Config


@pytest.fixture(scope="session")
def negatives():
    """The sampled negatives, one set; four of them match a profile."""
    return {"random": list(read_fasta(DATA / "negatives.faa"))}


@pytest.fixture(scope="session")
def identities(enzymes):
    """Pairwise identity of the sampled enzymes."""
    return identity_matrix([enzyme.sequence for enzyme in enzymes])


@pytest.fixture(scope="session")
def evaluate(enzymes, identities, negatives):
    """Cross-validate the sampled enzymes in two folds, quickly."""

    def call(own_enzymes=enzymes, methods=None, epochs=2, own_negatives=negatives):
        return cross_validate(
            own_enzymes,
            identities,
            own_negatives,
            np.arange(len(enzymes)) % 2,
            0.9,
            Config(folds=3, members=3, epochs=epochs),
            torch.device("cpu"),
            methods,
            2,
        )

    return call


@pytest.fixture(scope="session")
def cross_validated(evaluate, tmp_path_factory):
    """The sampled enzymes and negatives, scored out of fold beside the baselines, and the folds.

    Neither blastp nor DIAMOND is on PATH, so that the scores are the same on every machine.
    """
    left_out = []

    def alignment(fold):
        left_out.append(fold)
        return baselines.alignment(fold)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))
        scored = evaluate(methods=baselines.METHODS | {"alignment": alignment})
    return types.SimpleNamespace(scored=scored, left_out=left_out)


@pytest.fixture(scope="session")
def scored(cross_validated):
    return cross_validated.scored


@pytest.fixture(scope="session")
def left_out_folds(cross_validated):
    """What a method is given of each fold."""
    return cross_validated.left_out


@pytest.fixture(scope="session")
def scored_by_hand():
    """Make enzymes with two ensembles, a and b, and given targets, calls and scores."""

    def make(targets, **other):
        count = len(targets)
        fields = {
            "ids": [f"e{i}" for i in range(count)],
            "sources": np.array(["enzymes"] * count),
            "statuses": [""] * count,
            "folds": np.zeros(count, int),
            "clusters": np.arange(count),
            "nearest": np.zeros(count),
            "labels": [Label("ensemble", name) for name in "ab"],
            "targets": targets,
            "called": targets > 0,
            "promised": {},
            "scores": {"tpspred": targets},
            "calls": [],
        }
        return Scored(**fields | other)

    return make
