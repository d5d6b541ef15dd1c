import random

import pytest

from tpspred.io import fasta
from tpspred.pretraining.corpus import Corpus
from tpspred.pretraining.masked_training import Plan

SMALL = {
    "layers": 2,
    "dimension": 16,
    "heads": 2,
    "residues": 24_000,
    "batch_residues": 600,
    "crop": 80,
    "held_out": 4,
}


@pytest.fixture(scope="session")
def random_sequences():
    """Make sequences of 60 to 150 residues: random_sequences(count, seed, letters)."""

    def make(count, seed, letters=fasta.AMINO_ACIDS):
        rng = random.Random(seed)
        return ["".join(rng.choices(letters, k=rng.randint(60, 150))) for _ in range(count)]

    return make


@pytest.fixture(scope="session")
def small_plan():
    """Make the plan of a training that takes seconds: small_plan(**other values)."""
    return lambda **other: Plan(**SMALL | other)


@pytest.fixture(scope="session")
def corpus(random_sequences):
    """A pool of all amino acids, and a family of only five."""
    return Corpus.of(random_sequences(60, 0), random_sequences(30, 1, "ACDEF"), 4, 0)
