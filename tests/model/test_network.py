import pytest
import torch

from tpspred.model.network import FusedNetwork
from tpspred.model.trained import WIDTH

SIZES = {"ensemble": 3, "is_tps": 1, "substrate": 2}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return FusedNetwork(5, 4, SIZES, dropout=0.5)


def test_heads_stand_side_by_side_in_the_order_of_their_groups(network):
    network.eval()
    embedding, features = torch.randn(7, 5), torch.randn(7, 4)
    before = network(embedding, features)
    assert before.shape == (7, 6)
    with torch.no_grad():
        network.heads["is_tps"].bias.add_(1)
    change = network(embedding, features) - before
    assert change[:, 3].tolist() == pytest.approx([1] * 7)
    assert not change[:, [0, 1, 2, 4, 5]].any()


def test_both_inputs_reach_the_logits(network):
    network.eval()
    embedding, features = torch.randn(2, 5), torch.randn(2, 4)
    logits = network(embedding, features)
    assert not torch.equal(logits, network(embedding + 1, features))
    assert not torch.equal(logits, network(embedding, features + 1))


def test_units_are_dropped_only_while_training(network):
    embedding, features = torch.randn(2, 5), torch.randn(2, 4)
    assert not torch.equal(network(embedding, features), network(embedding, features))
    network.eval()
    assert torch.equal(network(embedding, features), network(embedding, features))


def test_branches_have_the_same_width(network):
    assert network.embedding(torch.randn(2, 5)).shape == (2, WIDTH)
    assert network.features(torch.randn(2, 4)).shape == (2, WIDTH)
    assert network.fusion[0].in_features == 2 * WIDTH
