"""Calibration of a model on proteins that its networks have not seen."""

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from . import calibration, metrics
from .decision import SAME
from .examples import Examples
from .kernel_regression import KernelRegression
from .neighbours import comparable, length
from .predictor import Predictor
from .trained import sequence_hash


def calibrate(predictor: Predictor, examples: Examples, threads: int = 1) -> Predictor:
    """Return a model with probabilities and thresholds fitted on held-out proteins.

    Args:
        predictor: Trained model.
        examples: Proteins that at least one network of the model has not seen.
        threads: CPU threads; the calibration does not depend on them.

    Raises:
        ModelError: If every network was trained on one of the proteins.
    """
    logits, similarity, product_shares = held_out_scores(predictor, examples, threads)
    fitted = calibration.fit(logits, examples.targets, examples.mask, predictor.labels, similarity)
    products = examples.products_among(predictor.references.structures)
    product_line = calibration.fit_product_line(product_shares, products, similarity)
    fitted = dataclasses.replace(fitted, product_line=product_line)
    ensembles = list(predictor.ensembles)
    enzymes = examples.is_enzyme
    scores = metrics.macro(
        examples.targets[enzymes][:, ensembles],
        fitted.probabilities(logits, similarity)[enzymes][:, ensembles],
        fitted.thresholds[ensembles],
    )
    training_record = predictor.training_record.copy()
    training_record["held_out_ensembles"] = scores
    return predictor.with_calibration(fitted, training_record)


class HeldOutScores(NamedTuple):
    """Scores of n proteins by what has not seen them.

    Attributes:
        logits: (n, labels).
        similarity: (n,) similarity to the nearest characterised enzyme.
        product_shares: (n, products) shares of single products among similar enzymes.
    """

    logits: NDArray[np.float64]
    similarity: NDArray[np.float64]
    product_shares: NDArray[np.float64]


def held_out_scores(predictor: Predictor, examples: Examples, threads: int = 1) -> HeldOutScores:
    """Score proteins with networks and enzymes that have not seen them.

    A new sequence is scored by all networks and enzymes. A training sequence is scored by the
    network that left its fold out, and by the enzymes of the other folds.

    Args:
        predictor: Trained model.
        examples: n proteins.
        threads: CPU threads; the logits do not depend on them.

    Raises:
        ModelError: If every network was trained on one of the proteins.
    """
    trained, references = predictor.trained, predictor.references
    folds = [trained.fold_of.get(sequence_hash(sequence)) for sequence in examples.sequences]
    left_out = {None, *trained.member_folds}
    seen = [name for name, fold in zip(examples.ids, folds) if fold not in left_out]
    if seen:
        raise ModelError.at(
            "calibration data",
            f"{len(seen)} sequences that the model was trained on, first {seen[0]}",
            "held-out sequences",
        )
    # (members, n, labels)
    member_logits = predictor.logits(examples.embedding, examples.features, threads)
    vectors = comparable(examples.embedding, predictor.encoder.parts, trained.scaling)
    features = trained.scaling.features(examples.features)
    regression_without: dict[int | None, KernelRegression] = {None: references.regression}
    members = trained.member_folds
    regression_without |= zip(members, references.regressions(members))
    decision_without: dict[int | None, KernelRegression] = {None: predictor.decision.regression}
    others = [trained.sequence_folds != member for member in members]
    decision_without |= zip(members, predictor.decision.regressions(others))
    logits = np.zeros((len(examples), len(predictor.labels)))
    nearest = np.zeros(len(examples))
    product_shares = np.zeros((len(examples), len(references.structures)))
    for i, fold in enumerate(folds):
        similarity = references.similarity(vectors[i])
        cosines = similarity / length(vectors[i])
        if fold is None:
            network_logits = member_logits[:, i].mean(0)
        else:
            network_logits = member_logits[trained.member_folds.index(fold), i]
        logits[i], product_shares[i] = predictor.blend(
            network_logits,
            references.vote(similarity, fold),
            regression_without[fold].shares(cosines, features[i]),
            decision_without[fold].shares(SAME, features[i]),
        )
        nearest[i] = cosines[references.outside_fold(fold)].max()
    return HeldOutScores(logits, nearest, product_shares)
