"""The same networks on the vectors of a language model."""

import numpy as np
import pytest
import torch

from tpspred.encoders.runtime import Runtime
from tpspred.errors import ModelError
from tpspred.evaluation import baselines, other_encoders
from tpspred.model.hyperparameters import Config

CONFIG = Config(folds=3, members=3, epochs=2)
DEVICE = torch.device("cpu")


@pytest.mark.slow
def test_a_language_model_is_scored_on_the_same_folds(scored, evaluate, tiny_weights):
    """Alone and joined; the scores of tpspred stay as they are without a language model."""
    runtime = Runtime(weights=str(tiny_weights))
    methods = other_encoders.language_model_methods("esm2_tiny", runtime, CONFIG, DEVICE)
    both = evaluate(methods=methods)
    assert set(both.scores) == {"tpspred", "esm2_tiny", "profile+esm2_tiny"}
    assert np.array_equal(both.scores["tpspred"], scored.scores["tpspred"])
    matched = both.scores["tpspred"].any(1)
    for name in methods:
        scores = both.scores[name]
        assert np.array_equal(scores.any(1), matched)
        assert ((scores >= 0) & (scores <= 1)).all()
        assert not np.array_equal(scores, both.scores["tpspred"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("profile", "--encoder: found profile; wanted the name of a language model"),
        ("nonsense", "--encoder: found nonsense; wanted the name of a language model"),
        ("esm2_other", "no weights at"),
    ],
)
def test_what_is_no_language_model_is_refused(name, message):
    with pytest.raises(ModelError, match=message):
        other_encoders.language_model_methods(name, Runtime(weights="nowhere.pt"), CONFIG, DEVICE)


def test_methods_are_those_that_were_asked_for(tiny_weights):
    def names(with_baselines, language_model):
        runtime = Runtime(weights=str(tiny_weights))
        methods = other_encoders.methods_to_compare(
            with_baselines, language_model, runtime, CONFIG, DEVICE
        )
        return list(methods)

    assert names(False, None) == []
    assert names(True, None) == list(baselines.METHODS)
    assert names(False, "esm2_tiny") == ["esm2_tiny", "profile+esm2_tiny"]
    assert names(True, "esm2_tiny") == [*baselines.METHODS, "esm2_tiny", "profile+esm2_tiny"]
