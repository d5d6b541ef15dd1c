"""What a model is, in numbers and texts, for ``tpspred info``."""

import numpy as np

from .predictor import Predictor

Section = dict[str, object]


def describe(predictor: Predictor) -> dict[str, Section | list[Section]]:
    """Describe a model.

    Returns:
        Sections (model, encoder, training, calibration, held_out_ensembles) of texts and numbers,
        and a row per label; None stands for a number that is not known.
    """
    encoder, calibration = predictor.encoder, predictor.calibration
    training_record = dict(predictor.training_record)
    held_out = training_record.pop("held_out_ensembles", {})
    return {
        "model": {"name": training_record["name"], "sha256": predictor.checksum},
        "encoder": {
            "name": encoder.name,
            "sha256": encoder.checksum,
            "dimension": encoder.dimension,
            "profiles": len(encoder.profiles),
            "columns": sum(profile.columns for profile in encoder.profiles),
        },
        "training": training_record
        | {
            "networks": len(predictor.trained.members),
            "references": len(predictor.references.about),
        },
        "calibration": {
            "proteins": calibration.sequences,
            "tps_from": calibration.tps_threshold,
            "uncertain_from": calibration.uncertain_threshold,
            "least_similarity": calibration.min_similarity,
        },
        "held_out_ensembles": held_out,
        "labels": [_describe_label(predictor, i) for i in range(len(predictor.labels))],
    }


def _describe_label(predictor: Predictor, i: int) -> Section:
    positives = int(predictor.positives[i])
    threshold = float(predictor.calibration.thresholds[i])
    precision = float(predictor.calibration.precision[i])
    return {
        "label": predictor.labels[i].column,
        "positives": positives,
        "threshold": threshold if positives else None,
        "precision": None if np.isnan(precision) else precision,
    }
