"""Calls as JSON lines: one object per record with everything that is known of it; null is a missing value."""

import dataclasses
import json

import numpy as np

from .. import __version__


class Writer:
    """One object per call.

    Args:
        handle: Text stream.
        predictor: prediction.Predictor.
    """

    def __init__(self, handle, predictor):
        self._handle = handle
        self._feature_names = predictor.feature_names
        self._columns = [label.column for label in predictor.labels]
        lines = predictor.calibration
        thresholds = {"tps": lines.tps_threshold, "uncertain": lines.uncertain_threshold} | {
            label.column: threshold
            for label, threshold, count in zip(
                predictor.labels, lines.thresholds, predictor.positives
            )
            if label.group == "ensemble" and count and threshold <= 1
        }
        provenance = {
            "model": predictor.training_record["name"],
            "model_sha256": predictor.checksum,
            "encoder": predictor.encoder.name,
            "encoder_sha256": predictor.encoder.checksum,
            "tpspred_version": __version__,
        }
        self._same = _text(
            {"thresholds": thresholds, "provenance": provenance}
        )  # in every object, so written as text once

    def write(self, call):
        """Write a prediction.Call."""
        scored = call.is_scored
        own = _text(
            {
                "id": call.id,
                "length": call.length_aa,
                "status": call.status,
                "tps_probability": call.tps_probability,
                "product_type": call.product_type,
                "product_type_probability": call.product_type_probability,
                "ensembles": call.ensembles,
                "ensemble_set": call.ensemble_set,
                "flags": call.flags,
                "probabilities": dict(zip(self._columns, call.probabilities)) if scored else None,
                "domains": call.domains,
                "motifs": call.motifs,
                "neighbours": call.neighbours,
                "features": dict(zip(self._feature_names, call.features)) if scored else None,
            }
        )
        print(f"{own[:-1]}, {self._same[1:]}", file=self._handle)

    def close(self):
        """Nothing is left to write."""


def _text(value):
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def _plain(value):
    """What json can write: dataclasses as dictionaries, numbers with six decimals, null for NaN."""
    if dataclasses.is_dataclass(value):
        return _plain(vars(value))
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, (float, np.floating)):
        return None if np.isnan(value) else round(float(value), 6)
    return value
