import dataclasses
import types

import pytest
import torch

from tpspred import building
from tpspred.family.screening import screen
from tpspred.io.fasta import ProteinRecord
from tpspred.model.held_out import calibrate


@pytest.fixture(scope="session")
def records(enzymes):
    """The sampled enzymes as records."""
    return [ProteinRecord(enzyme.id, "", enzyme.sequence) for enzyme in enzymes]


@pytest.fixture(scope="session")
def calibrated(small):
    """The small model, calibrated on what its networks left out."""
    return calibrate(small.predictor, small.examples)


@pytest.fixture(scope="session")
def train_small(small, enzymes):
    """Train the small model with other hyperparameters: train_small(epochs=1) → Predictor."""

    def train(examples=small.examples, progress=lambda count: None, threads=1, **changes):
        config = dataclasses.replace(small.config, **changes)
        return building.train(
            enzymes,
            examples,
            small.labels,
            small.predictor.encoder,
            config,
            "again",
            torch.device("cpu"),
            progress,
            threads,
        )

    return train


@pytest.fixture(scope="session")
def first(small, records):
    """The first enzyme as the networks of the small model see it: protein, embedding, features."""
    (protein,) = screen(records[:1], small.predictor.encoder.profiles)
    return types.SimpleNamespace(
        protein=protein,
        embedding=small.table.embedding[0],
        features=small.table.features[0],
    )
