"""The same recipe on other vectors, for an evaluation on the same folds: those of a language model, alone and joined.

A method takes (predictor, data, table, rows, seed, threads), as those of baselines do.
"""

import numpy as np

from . import encoders, features, recipe
from .errors import ModelError
from .records import ProteinRecord


def methods(name, runtime, config, device):
    """Methods that refit the recipe on a language model's vectors.

    Args:
        name: esm2_NAME.
        runtime: Choices of language_model.Runtime as a dictionary.
        config: Of the evaluation.

    Returns:
        {name of the encoder: method}.

    Raises:
        ModelError: If that is no language model, or its weights cannot be loaded.
    """
    if not name.startswith(encoders.LANGUAGE_MODEL):
        raise ModelError.at("--encoder", name, "the name of a language model, esm2_*")
    model = encoders.kind(name)(name, [], runtime)
    model.ready()
    known = {}

    def vectors(sequences, threads):
        missing = [features.View(ProteinRecord("", "", sequence), [], []) for sequence in sequences if sequence not in known]
        known.update(model.encode(missing, threads))
        return np.stack([known[sequence] for sequence in sequences])

    def alone(predictor, data, table, rows, seed, threads):
        found = vectors(data.sequences, threads), vectors([table.sequences[i] for i in rows], threads)
        return _scores(recipe.refit(predictor, data, model, found[0], config, device), found[1], table.features[rows])

    def joined(predictor, data, table, rows, seed, threads):
        encoder = encoders.kind(encoders.JOINED)(predictor.encoder, model)
        found = (np.concatenate([data.embedding, vectors(data.sequences, threads)], 1),
                 np.concatenate([table.embedding[rows], vectors([table.sequences[i] for i in rows], threads)], 1))
        return _scores(recipe.refit(predictor, data, encoder, found[0], config, device), found[1], table.features[rows])
    return {name: alone, f"profile+{name}": joined}


def _scores(predictor, embedding, rows):
    """(n, labels) probabilities, 0 for unknown labels."""
    return np.nan_to_num([predictor.scores(*row)[0] for row in zip(embedding, rows)])
