import io
import pathlib
import sys
import types

import pytest

from tpspred import checkpoint, cli, dataset, encoders, recipe, records
from tpspred.hyperparameters import Config

ROOT = pathlib.Path(__file__).parent.parent
DATA = ROOT / "test_data"


@pytest.fixture(scope="session")
def model():
    """The bundled model."""
    return checkpoint.load()


@pytest.fixture(scope="session")
def enzymes():
    """The sampled enzymes of test_data."""
    return dataset.from_reactions(dataset.read_reactions(DATA / "reactions.csv"))


@pytest.fixture(scope="session")
def small_encoder(enzymes):
    """An encoder fitted on the sampled enzymes."""
    return encoders.ProfileEncoder.fit(enzymes, threads=2)


@pytest.fixture(scope="session")
def small(enzymes, small_encoder):
    """A model trained for a moment on the sampled enzymes, with what it was trained on."""
    import torch
    table = recipe.represent([records.ProteinRecord(enzyme.id, "", enzyme.sequence) for enzyme in enzymes], small_encoder)
    negatives = [recipe.represent(records.read_fasta(DATA / "negatives.faa"), small_encoder)]
    config = Config(folds=3, members=3, epochs=3)
    predictor = recipe.train(enzymes, small_encoder, table, negatives, config, "small", torch.device("cpu"))
    return types.SimpleNamespace(predictor=predictor, table=table, negatives=negatives, config=config)


@pytest.fixture
def run(monkeypatch, capsysbinary):
    """Run the command line in this process: run(*arguments, stdin=b'') → code, out, err."""
    def call(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["tpspred", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin))))
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsysbinary.readouterr()
        return types.SimpleNamespace(code=stop.value.code, out=captured.out, err=captured.err.decode())
    return call


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """Random weights of a tiny ESM-2 in fair-esm's layout."""
    return random_weights(tmp_path_factory.mktemp("weights") / "esm2_tiny.pt")


def random_weights(path, layers=2, dimension=32, heads=4, seed=0):
    """Write a random ESM-2 whose layer norms and biases are not the identity."""
    import esm
    import torch

    from tpspred.encoders import esm2
    torch.manual_seed(seed)
    model = esm.ESM2(layers, dimension, heads, "ESM-1b")
    with torch.no_grad():
        for value in model.parameters():
            value.add_(0.1 * torch.randn_like(value))
    esm2.save(model, path)
    return path
