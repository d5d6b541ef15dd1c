"""The same recipe on other vectors, for an evaluation on the same folds: those of a language model, alone and joined.

A method takes (predictor, data, table, rows, seed, threads), as those of baselines do.
"""

import numpy as np

from .. import encoders, pipeline
from ..errors import ModelError
from ..family import features
from ..io.fasta import ProteinRecord
from . import baselines


def chosen(simple, name, runtime, config, device):
    """Baselines, if they are wanted, and what ``methods`` gives for a language model, if one is named."""
    return (baselines.METHODS if simple else {}) | (
        methods(name, runtime, config, device) if name else {}
    )


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
        missing = [
            features.View(ProteinRecord("", "", sequence), [], [])
            for sequence in sequences
            if sequence not in known
        ]
        known.update(model.encode(missing, threads))
        return np.stack([known[sequence] for sequence in sequences])

    def method(join):
        def scores(predictor, data, table, rows, seed, threads):
            train, test = (
                vectors(data.sequences, threads),
                vectors([table.sequences[i] for i in rows], threads),
            )
            encoder = model
            if join:
                encoder = encoders.kind(encoders.JOINED)(predictor.encoder, model)
                train, test = (
                    np.concatenate(pair, 1)
                    for pair in ((data.embedding, train), (table.embedding[rows], test))
                )
            return _scores(
                pipeline.refit(predictor, data, encoder, train, config, device),
                test,
                table.features[rows],
            )

        return scores

    return {name: method(join=False), f"{encoders.ProfileEncoder.name}+{name}": method(join=True)}


def _scores(predictor, embedding, rows):
    """(n, labels) probabilities, 0 for unknown labels."""
    return np.nan_to_num([predictor.scores(*row)[0] for row in zip(embedding, rows)])
