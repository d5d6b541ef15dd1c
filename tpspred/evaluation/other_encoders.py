"""The same pipeline on the vectors of a language model, alone and joined, on the same folds."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .. import pipeline
from ..encoders.esm2 import ESM2Encoder
from ..encoders.joined import JoinedEncoder
from ..encoders.profile import ProfileEncoder
from ..encoders.protocol import Encoder, encoder_class
from ..encoders.runtime import Runtime
from ..errors import ModelError
from ..family.screening import ScreenedProtein
from ..io.fasta import ProteinRecord
from ..model.hyperparameters import Config
from . import baselines
from .fold import Fold, Method


def methods_to_compare(
    with_baselines: bool,
    language_model: str | None,
    runtime: Runtime,
    config: Config,
    device: torch.device,
) -> dict[str, Method]:
    """Return the methods of an evaluation by name.

    Args:
        with_baselines: Whether the baselines are among them.
        language_model: Name of an ESM-2, or None.
        runtime: How it runs.
        config: Hyperparameters.
        device: Where the networks are trained.
    """
    methods = dict(baselines.METHODS) if with_baselines else {}
    if language_model:
        methods |= language_model_methods(language_model, runtime, config, device)
    return methods


def language_model_methods(
    name: str, runtime: Runtime, config: Config, device: torch.device
) -> dict[str, Method]:
    """Return the methods that train the same networks on a language model's vectors.

    Args:
        name: Name of an ESM-2.
        runtime: How it runs.
        config: Hyperparameters.
        device: Where the networks are trained.

    Raises:
        ModelError: If no language model has this name, or its weights cannot be loaded.
    """
    if encoder_class(name) is not ESM2Encoder:
        raise ModelError.at("--encoder", name, "the name of a language model, esm2_*")
    language_model = ESM2Encoder(name, [], runtime)
    language_model.ready()
    vector_of: dict[str, NDArray[np.float32]] = {}

    def vectors(sequences: Sequence[str], threads: int) -> NDArray[np.float32]:
        missing = [
            ScreenedProtein(ProteinRecord("", "", sequence))
            for sequence in sequences
            if sequence not in vector_of
        ]
        vector_of.update(language_model.encode(missing, threads))
        return np.stack([vector_of[sequence] for sequence in sequences])

    def alone(fold: Fold) -> NDArray[np.float64]:
        train = vectors(fold.examples.sequences, fold.threads)
        test = vectors(fold.passed_sequences, fold.threads)
        return _retrained_scores(fold, language_model, train, test, config, device)

    def joined(fold: Fold) -> NDArray[np.float64]:
        profile_encoder = fold.predictor.encoder
        assert isinstance(profile_encoder, ProfileEncoder)
        encoder = JoinedEncoder(profile_encoder, language_model)
        train = vectors(fold.examples.sequences, fold.threads)
        test = vectors(fold.passed_sequences, fold.threads)
        train = np.concatenate([fold.examples.embedding, train], 1)
        test = np.concatenate([fold.left_out.embedding[fold.passed], test], 1)
        return _retrained_scores(fold, encoder, train, test, config, device)

    return {name: alone, f"{ProfileEncoder.name}+{name}": joined}


def _retrained_scores(
    fold: Fold,
    encoder: Encoder,
    train: NDArray[np.float32],
    test: NDArray[np.float32],
    config: Config,
    device: torch.device,
) -> NDArray[np.float64]:
    """Train on other vectors and score the fold; labels without training data get 0."""
    predictor = pipeline.retrain(fold.predictor, fold.examples, encoder, train, config, device)
    assert fold.left_out.features is not None
    features = fold.left_out.features[fold.passed]
    scores = [predictor.scores(*row)[0] for row in zip(test, features)]
    return np.nan_to_num(scores)
