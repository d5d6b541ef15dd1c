import numpy as np
import pytest
import torch

from tpspred.model.inference import Networks
from tpspred.model.network import FusedNetwork
from tpspred.model.trained import group_sizes, weight_shapes


@pytest.fixture(scope="module")
def inputs(model):
    """Scaled inputs of 20 proteins."""
    rng = np.random.default_rng(0)
    dimension, features = model.encoder.dimension, len(model.feature_names)
    return tuple(rng.normal(size=(20, width)).astype(np.float32) for width in (dimension, features))


@pytest.fixture(scope="module")
def networks(model):
    return Networks(model.trained.weights)


def shapes_of(model, inputs):
    return weight_shapes(*(array.shape[1] for array in inputs), group_sizes(model.labels))


def test_the_shapes_are_those_of_torch(model, inputs):
    network = FusedNetwork(*(array.shape[1] for array in inputs), group_sizes(model.labels), 0.0)
    state = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert state == shapes_of(model, inputs)


def test_the_logits_are_those_of_torch(model, networks, inputs):
    expected = []
    weights = {
        name: torch.tensor(array.astype(np.float32))
        for name, array in model.trained.weights.items()
    }
    for k in range(len(model.trained.member_folds)):
        widths = [array.shape[1] for array in inputs]
        network = FusedNetwork(*widths, group_sizes(model.labels), 0.0)
        network.load_state_dict({name: array[k] for name, array in weights.items()})
        with torch.no_grad():
            expected.append(network.eval()(*map(torch.tensor, inputs)).numpy())
    logits = networks.logits(*inputs)
    assert logits.shape == (len(expected), 20, len(model.labels)) and logits.dtype == np.float64
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)
    # The probabilities, whose slope is steepest at 1/2, agree to 1e-6.
    means = [array.mean(0) for array in (logits, np.array(expected))]
    theirs, ours = (1 / (1 + np.exp(-mean)) for mean in means)
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-6)


def test_a_protein_has_the_same_logits_alone_and_among_others(networks, inputs):
    together = networks.logits(*inputs)
    for i in range(3):
        alone = networks.logits(*(array[i : i + 1] for array in inputs))
        assert np.array_equal(alone[:, 0], together[:, i])
