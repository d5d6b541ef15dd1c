"""Encoders and proteins for the tests of this room."""

import random

import pytest
from support import DATA

from tpspred.encoders.esm2 import ESM2Encoder
from tpspred.encoders.runtime import Runtime
from tpspred.errors import ModelError
from tpspred.family.screening import ScreenedProtein, screen
from tpspred.io import tree
from tpspred.io.fasta import AMINO_ACIDS, ProteinRecord, read_fasta


@pytest.fixture(scope="session")
def random_proteins():
    """Random sequences, from one residue to three windows."""
    rng = random.Random(0)
    lengths = (30, 70, 70, 5, 200, 1, 1022, 1023, 2500)
    return ["".join(rng.choices(AMINO_ACIDS, k=length)) for length in lengths]


@pytest.fixture(scope="session")
def tiny_esm2(tiny_weights):
    """Function that makes an ESM-2 with the tiny weights; its arguments are those of Runtime."""

    def make(**options):
        return ESM2Encoder("esm2_tiny", [], Runtime(weights=str(tiny_weights), **options))

    return make


@pytest.fixture(scope="session")
def encode():
    """Function that encodes sequences: encode(encoder, sequences, **options) → their vectors."""

    def call(encoder, sequences, **options):
        proteins = (ScreenedProtein(ProteinRecord("p", "", sequence)) for sequence in sequences)
        return dict(encoder.encode(proteins, **options))

    return call


@pytest.fixture(scope="session")
def alone(tiny_esm2, encode, random_proteins):
    """Vectors of the random proteins, each computed by itself."""
    encoder = tiny_esm2()
    return {sequence: encode(encoder, [sequence])[sequence] for sequence in random_proteins}


@pytest.fixture(scope="session")
def matching(model):
    """Four proteins that match the profiles of the bundled model."""
    records = list(read_fasta(DATA / "proteins.faa"))[:4]
    return screen(records, model.encoder.profiles)


@pytest.fixture
def stored(tmp_path):
    """Function that writes a tree into a file and opens it."""

    def write_and_open(content):
        tree.write(content, tmp_path / "tree.h5", "test", 1)
        with tree.opened(tmp_path / "tree.h5", ("test",), 1, (), ModelError) as opened:
            return opened

    return write_and_open
