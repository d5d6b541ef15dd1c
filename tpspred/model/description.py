"""A description of a model in numbers and texts, for ``tpspred info``."""

from collections.abc import Mapping

import numpy as np

from .predictor import Predictor

Section = Mapping[str, object]  # name of a number or text → its value


def describe(predictor: Predictor) -> dict[str, Section | list[Section]]:
    """Describe a model.

    Returns:
        The sections model, encoder, training, calibration and held_out_ensembles, and labels, a
        list with one section for each label. None stands for a number that is not known.
    """
    encoder = predictor.encoder
    calibration = predictor.calibration
    record = predictor.training_record
    training = {name: value for name, value in record.items() if name != "held_out_ensembles"}
    return {
        "model": {"name": record["name"], "sha256": predictor.checksum},
        "encoder": {
            "name": encoder.name,
            "sha256": encoder.checksum,
            "dimension": encoder.dimension,
            "profiles": len(encoder.profiles),
            "columns": sum(profile.columns for profile in encoder.profiles),
        },
        "training": training
        | {
            "networks": len(predictor.trained.member_folds),
            "references": len(predictor.references.about),
        },
        "calibration": {
            "proteins": calibration.sequences,
            "tps_from": calibration.tps_threshold,
            "uncertain_from": calibration.uncertain_threshold,
            "least_similarity": calibration.min_similarity,
        },
        "held_out_ensembles": record.get("held_out_ensembles") or {},
        "labels": [_describe_label(predictor, i) for i in range(len(predictor.labels))],
    }


def _describe_label(predictor: Predictor, i: int) -> Section:
    """Describe the label of a column."""
    positives = int(predictor.positives[i])
    threshold = float(predictor.calibration.thresholds[i])
    precision = float(predictor.calibration.precision[i])
    return {
        "label": predictor.labels[i].column,
        "positives": positives,
        "threshold": threshold if positives else None,
        "precision": None if np.isnan(precision) else precision,
    }
