"""Places and small models that several test files need."""

import json
import pathlib

ROOT = pathlib.Path(__file__).parent.parent
DATA = ROOT / "test_data"


def change_about(handle, **texts):
    """Change the texts about an open HDF5 file that tpspred reads; None takes one away."""
    import numpy as np

    changed = json.loads(handle.attrs["about"]) | texts
    about = {name: text for name, text in changed.items() if text is not None}
    handle.attrs["about"] = np.bytes_(json.dumps(about).encode())


def assert_same(got, wanted, name):
    """Compare two outputs: the last decimal of a number in JSON lines depends on the processor."""
    if not name.endswith("jsonl"):
        assert got == wanted, name
        return
    for one, other in zip(got.splitlines(), wanted.splitlines(), strict=True):
        assert_same_values(json.loads(one), json.loads(other))


def assert_same_values(one, other):
    """Compare two values of JSON, numbers to six decimals."""
    if isinstance(other, float):
        assert abs(one - other) < 2e-6
    elif isinstance(other, (dict, list)):
        assert type(one) is type(other) and len(one) == len(other)
        for key in other if isinstance(other, dict) else range(len(other)):
            assert_same_values(one[key], other[key])
    else:
        assert one == other


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
