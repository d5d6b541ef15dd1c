"""Methods that train the same networks on the vectors of a language model.

They show on the same folds what a language model gives, alone and joined to the profile encoder.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .. import building
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
    """Return the methods that tpspred is compared with, by name.

    Args:
        with_baselines: Whether to compare with the baselines.
        language_model: Name of an ESM-2 to compare with, or None.
        runtime: How the language model runs.
        config: Hyperparameters.
        device: Device that trains the networks.
    """
    methods = dict(baselines.METHODS) if with_baselines else {}
    if language_model:
        methods |= language_model_methods(language_model, runtime, config, device)
    return methods


def language_model_methods(
    name: str, runtime: Runtime, config: Config, device: torch.device
) -> dict[str, Method]:
    """Return the methods that train the same networks on a language model's vectors.

    One method uses these vectors alone, the other one joins them to those of the profile encoder.

    Args:
        name: Name of an ESM-2.
        runtime: How the language model runs.
        config: Hyperparameters.
        device: Device that trains the networks.

    Raises:
        ModelError: If no language model has this name, or its weights cannot be loaded.
    """
    if encoder_class(name) is not ESM2Encoder:
        raise ModelError.at("--encoder", name, "the name of a language model, esm2_*")
    language_model = ESM2Encoder(name, [], runtime)
    language_model.ready()
    vector_of: dict[str, NDArray[np.float32]] = {}  # sequence → (dimension,) vector

    def vectors(sequences: Sequence[str], threads: int) -> NDArray[np.float32]:
        """Return (sequences, dimension) vectors; each is computed once for all folds."""
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
    """Train on the vectors of another encoder and score the fold.

    Args:
        fold: Fold to score.
        encoder: The other encoder.
        train: (examples, dimension) its vectors of the examples.
        test: (passed, dimension) its vectors of the proteins to score.
        config: Hyperparameters.
        device: Device that trains the networks.

    Returns:
        (passed, labels) probabilities, 0 for labels without training data.
    """
    predictor = building.retrain(
        fold.predictor, fold.examples, encoder, train, config, device, fold.threads
    )
    assert fold.left_out.features is not None
    features = fold.left_out.features[fold.passed]
    scores = [predictor.scores(*row).probabilities for row in zip(test, features)]
    return np.nan_to_num(scores)
